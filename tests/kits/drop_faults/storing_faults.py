"""Faults of the small transport that stores: what STORED means, and when an envelope goes."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Verdict
from tests.kits.drop_faults.faulty_drop import FaultyDrop

if TYPE_CHECKING:
    from balchat_host.api.transport import Outgoing

POWER = "test_what_is_stored_outlives_a_power_failure"
ROOM = "test_what_finds_no_room_is_not_stored"
DECIDED = "test_what_the_host_has_decided_on_is_not_stored_any_more"
UNCOMMITTED = "test_what_is_not_yet_committed_stays_stored"


class StoresLater(FaultyDrop):
    """Says STORED, and writes then."""

    caught_by = POWER

    async def leave_all(self, box, waiting) -> None:
        for each in waiting:
            self.stored(each)
        with suppress(PeerUnreachable):
            await super().leave_all(box, waiting)

    def stored(self, outgoing: Outgoing) -> None:
        if not self.context.outcomes(outgoing):
            super().stored(outgoing)


class NeverSyncs(FaultyDrop):
    """Never has the disk write what it keeps in its cache (fsync)."""

    caught_by = POWER

    def sync(self, file) -> None:
        file.flush()


class SyncsNoFolder(FaultyDrop):
    """Syncs files, and not the folder that has their names."""

    caught_by = POWER

    def sync_folder(self, folder) -> None:
        pass


class SyncsTheLastOnly(FaultyDrop):
    """Says STORED of a batch before the last of it is on the disk."""

    caught_by = POWER

    async def leave_all(self, box, waiting) -> None:
        for each in waiting[:-1]:
            self.stored(each)
        await super().leave_all(box, waiting)

    def stored(self, outgoing: Outgoing) -> None:
        if not self.context.outcomes(outgoing):
            super().stored(outgoing)


class CallsWhatFailedStored(FaultyDrop):
    """Says STORED although it could not be written."""

    caught_by = ROOM

    def leave(self, box, octets) -> None:
        with suppress(OSError):
            super().leave(box, octets)


class TakesSomeAndRaises(FaultyDrop):
    """Raises PeerUnreachable after it has taken some."""

    caught_by = ROOM

    def lose(self, waiting, count) -> None:
        if waiting:
            raise PeerUnreachable(problem="the rest cannot be written")


class EndsWhenTheDiskIsFull(FaultyDrop):
    """Raises whatever the disk raises."""

    caught_by = ROOM

    async def leave_all(self, box, waiting) -> None:
        for each in waiting:
            signature = await self.context.sign(domain="balchat-drop", message=box + each.envelope)
            await self.on_disk(self.leave, self.folder / box.hex(), signature + each.envelope)
            self.stored(each)


class RemovesBeforeTheHostHasIt(FaultyDrop):
    """Removes what it has read before it hands it over."""

    caught_by = UNCOMMITTED

    async def offer(self, peer, found):
        await self.on_disk(self.remove, [path for path, _ in found])
        return await super().offer(peer, found)


class RemovesAndPutsBack(FaultyDrop):
    """Removes what it hands over, and puts it back where that fails: who is killed meanwhile has lost it."""

    caught_by = "test_what_is_not_yet_committed_outlives_a_power_failure"

    async def offer(self, peer, found):
        kept = [(path, path.read_bytes()) for path, _ in found]
        self.remove([path for path, _ in found])
        for path in {path.parent for path, _ in found}:
            self.sync_folder(path)
        done = False
        try:
            answers = await super().offer(peer, found)
            done = bool(answers)
            return answers
        finally:
            if not done:
                for path, octets in kept:
                    path.write_bytes(octets)


class RemovesWhatItCouldNotHandOver(FaultyDrop):
    """Removes what `receive` has raised for."""

    caught_by = "test_what_the_host_could_not_take_stays_stored"

    async def offer(self, peer, found):
        answers = await super().offer(peer, found)
        if not answers:
            self.remove([path for path, _ in found])
        return answers


class NeverRemoves(FaultyDrop):
    """Leaves what the host has where it is stored."""

    caught_by = DECIDED

    def is_done(self, path, answer) -> bool:
        self.not_before[path] = float("inf")
        return False


class KeepsWhatIsRefused(FaultyDrop):
    """Keeps what the host refuses for good."""

    caught_by = DECIDED

    def is_done(self, path, answer) -> bool:
        if answer.verdict is Verdict.REFUSED:
            self.not_before[path] = float("inf")
            return False
        return super().is_done(path, answer)


class KeepsCopies(FaultyDrop):
    """Keeps a copy of what was taken under another name."""

    caught_by = "test_what_was_taken_leaves_no_files"

    def remove(self, paths) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                path.rename(path.with_name(f"taken-{path.name}-{os.urandom(4).hex()}"))


class SyncsTooEarly(FaultyDrop):
    """Syncs the folder before the file has its name."""

    caught_by = POWER

    def leave(self, box, octets) -> None:
        already = self.waiting(box)
        with (box / "new").open("wb") as file:
            file.write(octets)
            self.sync(file)
        self.sync_folder(box)
        (box / "new").rename(box / self.name(int(already[-1].name) + 1 if already else 0))


class SyncsNoNewBox(FaultyDrop):
    """Makes a box, and does not sync the folder that has its name."""

    caught_by = POWER

    def make_box(self, box) -> None:
        box.mkdir(exist_ok=True)


class SaysTooEarlyThatItHasReadAll(FaultyDrop):
    """Says that all was handed over before the host has it."""

    caught_by = UNCOMMITTED

    async def offer(self, peer, found):
        await self.context.read_to_end(int(time.time() * 1000) + 1000)
        return await super().offer(peer, found)


class CountsTheTime(FaultyDrop):
    """Names what it leaves by the clock of the day, which somebody may put back."""

    caught_by = "test_a_clock_that_is_put_keeps_the_order"

    def leave(self, box, octets) -> None:
        new = box / "new"
        with new.open("wb") as file:
            file.write(octets)
            self.sync(file)
        new.rename(box / f"{time.time_ns():020}")
        self.sync_folder(box)


class SaysThatAllWasReadWhenSomethingFailed(FaultyDrop):
    """Calls `read_to_end` after each look, also where the host could not take what was there."""

    caught_by = "test_what_the_host_could_not_take_stays_stored"

    async def collect(self, peer, box) -> None:
        looked = int(time.time() * 1000)
        await super().collect(peer, box)
        await self.context.read_to_end(looked)
