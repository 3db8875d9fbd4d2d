"""Faults of parts of files: how long they are there, and what their keeper does and learns."""

from __future__ import annotations

import json
from base64 import b32encode, b64encode
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.errors import PartRefused
from balchat_host.api.transport import BlobOutcome, BlobReport
from tests.kits.blob_faults.faulty_blobs import AS_PUT, FaultyBlobs
from tests.kits.drop_blobs import SECRET_SIZE, TAG_SIZE, UNTIL, hashed

if TYPE_CHECKING:
    from pathlib import Path

POWER = "test_a_part_that_is_kept_outlives_a_power_failure"
ROOM = "test_a_part_that_finds_no_room_is_not_kept"
TIME = "test_parts_are_kept_for_as_long_as_was_told"
CHANGED = "test_what_was_changed_where_parts_are_kept_is_not_given"
READ = "test_who_keeps_parts_reads_neither_them_nor_their_keys"


# -- kept means on the disk


class SaysKeptAndWritesThen(FaultyBlobs):
    """Says KEPT before it has written."""

    caught_by = POWER

    async def put_blob(self, peer, key, index, octets):
        self.opened(key)
        self.later.start_soon(super().put_blob, peer, key, index, octets)
        return BlobReport(outcome=BlobOutcome.KEPT, kept=self.kept)

    async def run(self, *, task_status) -> None:
        async with anyio.create_task_group() as self.later:
            await super().run(task_status=task_status)


class NeverSyncsParts(FaultyBlobs):
    """Never has the disk write parts that it keeps in its cache (fsync)."""

    caught_by = POWER

    def sync(self, file) -> None:
        file.flush()


class SyncsNoNames(FaultyBlobs):
    """Syncs parts, and not the folder that has their names."""

    caught_by = POWER

    def sync_folder(self, folder) -> None:
        pass


class SyncsNoNewContainer(FaultyBlobs):
    """Makes a container, and does not sync the folder that has its name."""

    caught_by = POWER

    def make_box(self, box) -> None:
        box.mkdir(exist_ok=True)


class SyncsEveryThird(FaultyBlobs):
    """Has the disk write some parts at a time, and says KEPT of each at once."""

    caught_by = POWER
    written = 0

    def sync(self, file) -> None:
        self.written += 1
        if self.written % 6 < 2:
            super().sync(file)


class KeepsThemInMemory(FaultyBlobs):
    """Writes parts when it stops."""

    caught_by = POWER

    def __init__(self, context, folder, *, threads) -> None:
        super().__init__(context, folder, threads=threads)
        self.parts: dict[Path, bytes] = {}

    def write(self, path, octets) -> None:
        if path.name == UNTIL:
            super().write(path, octets)
        else:
            self.parts[path] = octets

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for path, octets in self.parts.items():
                super().write(path, octets)


class SyncsNoRenewal(FaultyBlobs):
    """Says that a container is kept for longer before that is on the disk."""

    caught_by = "test_a_renewal_outlives_a_power_failure"

    def renew(self, place, now) -> bool:
        if place.is_dir():
            (place / UNTIL).with_name("new").write_bytes(str(now + self.kept).encode())
            (place / "new").rename(place / UNTIL)
        return place.is_dir()


class CallsWhatFailedKept(FaultyBlobs):
    """Says KEPT although it could not be written."""

    caught_by = ROOM

    def write(self, path, octets) -> None:
        with suppress(OSError):
            super().write(path, octets)


class RaisesWhatTheDiskRaises(FaultyBlobs):
    """Raises whatever the disk raises."""

    caught_by = ROOM

    async def put_blob(self, peer, key, index, octets):
        await self.on_disk(self.put, self.opened(key), index, octets, self.now())
        return BlobReport(outcome=BlobOutcome.KEPT, kept=self.kept)


class MakesRoom(FaultyBlobs):
    """Deletes what is there where a part finds no room."""

    caught_by = ROOM

    def put(self, reading, index, octets, now) -> None:
        try:
            super().put(reading, index, octets, now)
        except OSError:
            self.remove_place(self.place(reading))
            raise


class TellsWhatTheDiskSays(FaultyBlobs):
    """Gives the text of an error as the reason."""

    caught_by = ROOM

    async def put_blob(self, peer, key, index, octets):
        try:
            await self.on_disk(self.put, self.opened(key), index, octets, self.now())
        except OSError as error:
            return BlobReport(outcome=BlobOutcome.FULL, reason=str(error))
        return BlobReport(outcome=BlobOutcome.KEPT, kept=self.kept)


# -- how long


class KeptForAMinute(FaultyBlobs):
    """Keeps parts for a minute: nobody comes in time."""

    caught_by = AS_PUT
    kept = 60.0


class KeptForEver(FaultyBlobs):
    """Says that parts are kept for ever."""

    caught_by = AS_PUT
    kept = float("inf")


class RenewsNothing(FaultyBlobs):
    """Says that a container is kept for longer, and does nothing."""

    caught_by = TIME

    def renew(self, place, now) -> bool:
        return place.is_dir()


class RenewsWhatIsGone(FaultyBlobs):
    """Says of a container that is gone that it is kept for longer."""

    caught_by = TIME

    def renew(self, place, now) -> bool:
        super().renew(place, now)
        return True


class BringsBackWhatIsOver(FaultyBlobs):
    """Gives again what was kept no longer when the container is renewed."""

    caught_by = TIME

    def sweep(self, now) -> None:
        pass


class NeverForgets(FaultyBlobs):
    """Gives parts whose time is over."""

    caught_by = TIME

    def is_over(self, place, now) -> bool:
        return False


class CountsFromTheFirstPut(FaultyBlobs):
    """Keeps a container for as long as its first put has said, whatever is put later."""

    caught_by = TIME

    def keep(self, place, now) -> None:
        if not (place / UNTIL).exists():
            super().keep(place, now)

    def renew(self, place, now) -> bool:
        if place.is_dir():
            super().keep(place, now)
        return place.is_dir()


class OneTimeForAll(FaultyBlobs):
    """Deletes all containers with the first one whose time is over."""

    caught_by = TIME

    one_is_over = False

    def is_over(self, place, now) -> bool:
        # In whatever order it looks at them.
        self.one_is_over |= any(
            super(OneTimeForAll, self).is_over(each.parent, now) for each in self.folder.glob(f"*/{UNTIL}")
        )
        return self.one_is_over


# -- who keeps them


class SealsNothing(FaultyBlobs):
    """Keeps parts as they are."""

    caught_by = READ

    def sealed(self, reading, index, octets) -> bytes:
        return octets + hashed("part", reading, index.to_bytes(4), octets)[:TAG_SIZE]

    def unsealed(self, reading, index, sealed, size) -> bytes:
        octets = sealed[:-TAG_SIZE]
        if sealed != self.sealed(reading, index, octets) or len(octets) != size:
            raise PartRefused(problem="it is not what was left there")
        return octets


class KeepsTheKeyBeside(FaultyBlobs):
    """Keeps the key of a container in a file beside its parts."""

    caught_by = READ

    async def put_blob(self, peer, key, index, octets):
        report = await super().put_blob(peer, key, index, octets)
        await self.on_disk((self.place(self.opened(key)) / "key").write_text, key.hex())
        return report


class KeepsTheKeyBesideInBase64(FaultyBlobs):
    """Keeps the key of a container beside its parts, in base64."""

    caught_by = READ

    async def put_blob(self, peer, key, index, octets):
        report = await super().put_blob(peer, key, index, octets)
        await self.on_disk((self.place(self.opened(key)) / "key").write_bytes, b64encode(key))
        return report


class KeepsTheKeyBesideInBase32(FaultyBlobs):
    """Keeps the key of a container beside its parts, in base32."""

    caught_by = READ

    async def put_blob(self, peer, key, index, octets):
        report = await super().put_blob(peer, key, index, octets)
        await self.on_disk((self.place(self.opened(key)) / "key").write_bytes, b32encode(key))
        return report


class NotesTheLastContainer(FaultyBlobs):
    """Notes the key of the last container that was allocated, as JSON has octets: a list of numbers."""

    caught_by = READ

    async def allocate_containers(self, peer):
        containers = await super().allocate_containers(peer)
        await self.on_disk((self.folder / "last").write_text, json.dumps(list(containers[-1].key)))
        return containers


class KeepsPartsInBase64(FaultyBlobs):
    """Keeps parts as they are, beside the sealed ones, in base64."""

    caught_by = READ

    async def put_blob(self, peer, key, index, octets):
        report = await super().put_blob(peer, key, index, octets)
        await self.on_disk((self.place(self.opened(key)) / "plain").write_bytes, b64encode(octets))
        return report


class KeepsWhatWasDeleted(FaultyBlobs):
    """Hides what was deleted, and leaves its file."""

    caught_by = "test_parts_that_were_deleted_leave_no_files"

    def delete(self, reading, indexes) -> None:
        for index in indexes:
            path = self.file(reading, index)
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".deleted"))


class SealsForNoNumber(FaultyBlobs):
    """Seals parts for the container, and not for their numbers."""

    caught_by = CHANGED

    def sealed(self, reading, index, octets) -> bytes:
        return super().sealed(reading, 0, octets)

    def unsealed(self, reading, index, sealed, size) -> bytes:
        return super().unsealed(reading, 0, sealed, size)


class BelievesTheDisk(FaultyBlobs):
    """Never checks what it reads but for its size."""

    caught_by = CHANGED

    def sealed(self, reading, index, octets) -> bytes:
        return bytes(each ^ reading[0] for each in octets)

    def unsealed(self, reading, index, sealed, size) -> bytes:
        if len(sealed) != size:
            raise PartRefused(problem="it has another size")
        return self.sealed(reading, index, sealed)


class ReadsAllThatIsThere(FaultyBlobs):
    """Reads whatever lies there, however much, and looks at the size then."""

    caught_by = "test_however_much_lies_there_getting_a_part_takes_no_more_memory"

    def most(self, size) -> int:
        return -1


class NeverTriesAFullDiskAgain(FaultyBlobs):
    """Says of a full disk that trying again does not help."""

    caught_by = ROOM

    async def put_blob(self, peer, key, index, octets):
        return replace(await super().put_blob(peer, key, index, octets), retry_after=None)


class SealsAlikeEverywhere(FaultyBlobs):
    """Seals a part with a key that is made of the part, which it seals for the container."""

    caught_by = READ

    def sealed(self, reading, index, octets) -> bytes:
        key = hashed("key", octets)
        return super().sealed(reading, index, key) + super().sealed(key, 0, octets)

    def unsealed(self, reading, index, sealed, size) -> bytes:
        wrapped = SECRET_SIZE + TAG_SIZE
        key = super().unsealed(reading, index, sealed[:wrapped], SECRET_SIZE)
        return super().unsealed(key, 0, sealed[wrapped:], size)

    def most(self, size: int) -> int:
        return super().most(size) + SECRET_SIZE + TAG_SIZE
