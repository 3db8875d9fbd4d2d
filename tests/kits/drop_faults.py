"""Faults for the small transport that stores, as `faults` has them for the one on streams."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import anyio

from balchat_host.api.errors import PeerUnreachable, StorageFull
from balchat_host.api.transport import Outcome, SendReport, Verdict
from tests.kits.drop_transport import SIGNATURE_SIZE, DropTransport

if TYPE_CHECKING:
    from balchat_host.api.transport import Outgoing

logger = logging.getLogger(__name__)

POWER = "test_what_is_stored_outlives_a_power_failure"
ROOM = "test_what_finds_no_room_is_not_stored"
BOUND = "test_what_waits_for_one_peer_is_bounded"
FOR_NOW = "test_what_is_refused_for_now_holds_up_nothing"
AGAIN = "test_what_is_refused_for_now_is_offered_again_after_its_time"
FORGED = "test_what_is_forged_takes_no_room"
DECIDED = "test_what_the_host_has_decided_on_is_not_stored_any_more"
UNCOMMITTED = "test_what_is_not_yet_committed_stays_stored"


class FaultyDrop(DropTransport):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    ended: ClassVar[list[Path]] = []
    """What the audit's faults leave behind, for the test to end."""

    @property
    def look_every(self) -> float:
        # In virtual time a look that comes later costs no wait, and a fault that is waited for costs fewer looks.
        return 0.05 if self.threads else 0.1


# -- stored means on the disk


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


class RefusesForGood(FaultyDrop):
    """Says of a full box that it never takes it."""

    caught_by = BOUND

    def refuse(self, outgoing: Outgoing) -> None:
        self.context.report([SendReport(ticket=outgoing.ticket, outcome=Outcome.REFUSED, reason="box-full")])


# -- it stays there until the host has it


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


class RemovesWhatIsRefusedForNow(FaultyDrop):
    """Removes what the host refuses for now."""

    caught_by = "test_what_is_refused_for_now_stays_stored"

    def is_done(self, path, answer) -> bool:
        return True


class RemovesWhatIsRefusedSecond(FaultyDrop):
    """Removes all that was handed over with what the host has taken."""

    caught_by = "test_what_is_refused_for_now_stays_stored"

    def is_done(self, path, answer) -> bool:
        self.took = getattr(self, "took", False) or answer.verdict is Verdict.COMMITTED
        return self.took


class HoldsUpWhatStandsBehind(FaultyDrop):
    """Waits with everything that stands behind what the host refuses for now."""

    caught_by = FOR_NOW

    def look(self, box, now):
        if any(self.not_before.get(path, now) > now for path in self.waiting(box)):
            return []
        return super().look(box, now)


class AsksAgainAtOnce(FaultyDrop):
    """Offers what the host refuses for now whenever it looks."""

    caught_by = FOR_NOW

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        self.not_before.clear()
        return done


class TakesSecondsForMilliseconds(FaultyDrop):
    """Offers it again after a thousandth of the time."""

    caught_by = AGAIN

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        if not done:
            self.not_before[path] = anyio.current_time() + answer.retry_after / 1000
        return done


class OffersAgainAtTheNextStartOnly(FaultyDrop):
    """Offers what the host refuses for now again when it starts, and not before."""

    caught_by = AGAIN

    def is_done(self, path, answer) -> bool:
        done = super().is_done(path, answer)
        if not done:
            self.not_before[path] = float("inf")
        return done


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


# -- bounds


class TakesWithoutEnd(FaultyDrop):
    """Lets any number of envelopes wait for somebody who does not come."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        return False


class CountsInsteadOfMeasuring(FaultyDrop):
    """Bounds how many envelopes wait, and not how large they are."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        return len(self.waiting(box)) >= 1000


class DropsTheOldest(FaultyDrop):
    """Makes room by deleting the oldest of what it has called stored."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        while super().is_full(box, more):
            self.waiting(box)[0].unlink()
        return False


class SharesOneBound(FaultyDrop):
    """Bounds what waits for one receiver, whoever it is from."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        return sum(path.stat().st_size for path in box.parent.rglob("[0-9]*") if path.is_file()) + more > self.holds


class KeepsWhatIsForged(FaultyDrop):
    """Never hands over what is forged, and leaves it where it is."""

    caught_by = FORGED

    def throw_away(self, forged) -> None:
        self.not_before.update(dict.fromkeys(forged, float("inf")))


class MovesWhatIsForgedAside(FaultyDrop):
    """Keeps what is forged under another name, and counts it."""

    caught_by = FORGED

    def throw_away(self, forged) -> None:
        for path in forged:
            path.rename(path.with_name(f"forged-{path.name}-{os.urandom(4).hex()}"))

    def is_full(self, box, more) -> bool:
        return sum(path.stat().st_size for path in box.iterdir()) + more > self.holds


class NeverHasRoomAgain(FaultyDrop):
    """Counts all that it ever took against its bound."""

    caught_by = BOUND
    taken = 0

    def is_full(self, box, more) -> bool:
        self.taken += more
        return self.taken > self.holds


class ReadsEverythingAtOnce(FaultyDrop):
    """Reads all that waits into memory at once."""

    caught_by = "test_what_is_handed_over_at_once_is_bounded"
    at_once = 2**40


class TakesAnySize(FaultyDrop):
    """Takes what is too large."""

    caught_by = "test_what_is_too_large_is_not_taken_from_others_either"

    def fits(self, size) -> bool:
        return size > 0


class MixesUpTheOrder(FaultyDrop):
    """Sorts what waits as text: 10 before 9."""

    caught_by = "test_order_is_kept_whatever_the_sizes"

    def name(self, number) -> str:
        return str(number)

    def leave(self, box, octets) -> None:
        self.next = getattr(self, "next", 0) + 1
        (box / "new").write_bytes(octets)
        (box / "new").rename(box / self.name(self.next))


# -- who it is from


class NeverVerifies(FaultyDrop):
    """Never verifies signatures: whoever can write into a box is whom it was made for."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def is_by(self, peer, box, octets) -> bool:
        return True


# -- what it remembers


class RemembersNothing(FaultyDrop):
    """Makes new boxes at each start."""

    caught_by = "test_it_goes_on_with_what_it_has_remembered"

    async def remember(self, change) -> None:
        pass


class RemembersLater(FaultyDrop):
    """Gives out a box that the vault could not remember."""

    caught_by = "test_a_full_vault_ends_nothing"

    async def remember(self, change) -> None:
        with suppress(StorageFull):
            await super().remember(change)


class ChangesBoxesAndTellsNobody(FaultyDrop):
    """Makes another box each time that it is asked, and tells nobody."""

    caught_by = "test_routes_that_change_are_told"

    async def allocate_routes(self, peer):
        await self.forget(peer)
        return await super().allocate_routes(peer)


class ForgetsNobody(FaultyDrop):
    """Keeps what it knows of somebody who was removed."""

    caught_by = "test_nothing_is_kept_of_somebody_who_is_forgotten"

    async def forget(self, peer) -> None:
        self.boxes.pop(peer, None)


class ForgetsEverybody(FaultyDrop):
    """Forgets everybody when one is removed."""

    caught_by = "test_nothing_is_kept_of_somebody_who_is_forgotten"

    async def forget(self, peer) -> None:
        for each in list(self.boxes):
            await super().forget(each)


class KeepsEverybody(FaultyDrop):
    """Keeps what it knows of who was removed while it was not up."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        pass


class KeepsNobody(FaultyDrop):
    """Forgets contacts, too, when it is told whom to keep."""

    caught_by = "test_only_contacts_are_kept"

    async def keep_only(self, peers) -> None:
        for each in list(self.boxes):
            await self.forget(each)


# -- what the audit finds


class WorksInTheLoop(FaultyDrop):
    """Works on the disk in the event loop."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True

    async def on_disk(self, work, *given):
        return work(*given)


class KeepsStateBesideTheVault(FaultyDrop):
    """Keeps what it knows in a file beside the vault."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True

    async def remember(self, change) -> None:
        await super().remember(change)
        path = Path(tempfile.gettempdir()) / f"balchat-drop-{id(self)}"
        self.ended.append(path)
        await anyio.to_thread.run_sync(path.write_bytes, b"state")


class LogsWhatItReads(FaultyDrop):
    """Logs what it could not use."""

    caught_by = "test_an_envelope_arrives_as_it_was"
    audited = True

    def is_by(self, peer, box, octets) -> bool:
        logger.info("a file of %r", octets[SIGNATURE_SIZE:])
        return super().is_by(peer, box, octets)


class ForgetsWhatWaits(FaultyDrop):
    """Counts what waits in memory, and never counts down."""

    caught_by = BOUND

    def is_full(self, box, more) -> bool:
        self.counted = getattr(self, "counted", 0) + more
        return self.counted > self.holds


class WritesOverWhatWaits(FaultyDrop):
    """Numbers what it leaves by how many wait, and so writes over what stays while others are taken."""

    caught_by = "test_what_is_refused_for_now_stays_stored"

    def leave(self, box, octets) -> None:
        new = box / "new"
        with new.open("wb") as file:
            file.write(octets)
            self.sync(file)
        new.rename(box / self.name(len(self.waiting(box))))
        self.sync_folder(box)


class LooksAtOneBoxAlone(FaultyDrop):
    """Takes nothing of anybody else while something is refused for now."""

    caught_by = FOR_NOW

    async def collect(self, peer, box) -> None:
        if all(path.is_relative_to(box) for path in self.not_before):
            await super().collect(peer, box)


FAULTS = list(FaultyDrop.__subclasses__())
