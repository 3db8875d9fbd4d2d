"""Faults of parts of files: which one is got, whether it is as it was put, whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.errors import PeerUnreachable
from tests.kits.blob_faults.faulty_blobs import AS_PUT, FaultyBlobs
from tests.kits.drop_blobs import TAG_SIZE, UNTIL, hashed

if TYPE_CHECKING:
    from pathlib import Path

APART = "test_containers_share_nothing"
NUMBERS = "test_each_number_is_a_part_of_its_own"
AGAIN = "test_putting_again_and_renewing_change_nothing"
WHOLE = "test_a_part_is_there_whole_or_not_at_all"
CANCELLED = "test_a_put_that_is_cancelled_leaves_all_or_nothing"
AT_ONCE = "test_several_go_at_once"


# -- which part


class SharesContainers(FaultyBlobs):
    """Gives a part of another container that has the same number."""

    caught_by = APART

    def place(self, reading) -> Path:
        return self.folder / "parts"

    def file(self, reading, index) -> Path:
        return self.place(reading) / f"{index}"

    def sealed(self, reading, index, octets) -> bytes:
        return super().sealed(bytes(32), index, octets)

    def unsealed(self, reading, index, sealed, size) -> bytes:
        return super().unsealed(bytes(32), index, sealed, size)


class OneContainerForEachPeer(FaultyBlobs):
    """Gives the same container for every file of a peer."""

    caught_by = APART

    async def allocate_containers(self, peer):
        await super().allocate_containers(peer)
        return [self.container(hashed("peer", peer.octets))]


class SharesWhatIsDeleted(FaultyBlobs):
    """Deletes parts with the same number from other containers, too."""

    caught_by = APART

    def file(self, reading, index) -> Path:
        return self.place(reading) / hashed("part", index.to_bytes(4)).hex()

    def delete(self, reading, indexes) -> None:
        for index in indexes:
            for path in self.folder.rglob(self.file(reading, index).name):
                path.unlink()


class ConfusesNumbers(FaultyBlobs):
    """Keeps the numbers of parts in two octets."""

    caught_by = NUMBERS

    def file(self, reading, index) -> Path:
        return super().file(reading, index % 2**16)

    def sealed(self, reading, index, octets) -> bytes:
        return super().sealed(reading, index % 2**16, octets)

    def unsealed(self, reading, index, sealed, size) -> bytes:
        return super().unsealed(reading, index % 2**16, sealed, size)


class DeletesByTheBeginning(FaultyBlobs):
    """Deletes part 11 with part 1."""

    caught_by = NUMBERS

    def file(self, reading, index) -> Path:
        return self.place(reading) / f"part-{index}"

    def delete(self, reading, indexes) -> None:
        for index in indexes:
            for path in self.place(reading).glob(f"part-{index}*"):
                path.unlink()


class DeletesTheContainer(FaultyBlobs):
    """Deletes all of a container with any part of it."""

    caught_by = NUMBERS

    def delete(self, reading, indexes) -> None:
        if self.place(reading).is_dir():
            self.remove_place(self.place(reading))


class DeletesAllWhereNothingIsNamed(FaultyBlobs):
    """Deletes all of a container when it is told to delete no part."""

    caught_by = NUMBERS

    def delete(self, reading, indexes) -> None:
        if not indexes:
            self.remove_place(self.place(reading))
        super().delete(reading, indexes)


class MixesUpAtOnce(FaultyBlobs):
    """Seals with the number of the part that was asked for last."""

    caught_by = AT_ONCE
    index = 0

    async def put_blob(self, peer, key, index, octets):
        self.index = index
        await anyio.lowlevel.checkpoint()
        return await super().put_blob(peer, key, self.index, octets)


class GetsOneAtATime(FaultyBlobs):
    """Takes what another call has read for what its own has."""

    caught_by = AT_ONCE
    found: bytes | None = None

    async def get_blob(self, peer, offer, index, size):
        self.found = await super().get_blob(peer, offer, index, size)
        await anyio.lowlevel.checkpoint()
        return self.found


# -- as it was put


class CutsParts(FaultyBlobs):
    """Keeps no more than a mebibyte of a part."""

    caught_by = AS_PUT

    def put(self, reading, index, octets, now) -> None:
        super().put(reading, index, octets[: 2**20], now)


class PadsParts(FaultyBlobs):
    """Gives parts with the padding that it has put there."""

    caught_by = AS_PUT

    def sealed(self, reading, index, octets) -> bytes:
        return super().sealed(reading, index, octets.ljust(-len(octets) % 4096 + len(octets), b"\0"))

    def most(self, size) -> int:
        return size + 4096 + TAG_SIZE

    def unsealed(self, reading, index, sealed, size) -> bytes:
        return super().unsealed(reading, index, sealed, len(sealed) - TAG_SIZE)


class RaisesForWhatIsNotThere(FaultyBlobs):
    """Raises where a part is not there."""

    caught_by = AS_PUT

    async def get_blob(self, peer, offer, index, size):
        octets = await super().get_blob(peer, offer, index, size)
        if octets is None:
            raise PeerUnreachable(problem="it is not there")
        return octets


class GivesOnce(FaultyBlobs):
    """Deletes what was got."""

    caught_by = AS_PUT

    def get(self, reading, index, size, now):
        octets = super().get(reading, index, size, now)
        self.file(reading, index).unlink(missing_ok=True)
        return octets


class GivesNothingForNothing(FaultyBlobs):
    """Gives no octets where a part is not there."""

    caught_by = AS_PUT

    async def get_blob(self, peer, offer, index, size):
        return await super().get_blob(peer, offer, index, size) or b""


class LiesAboutDeleting(FaultyBlobs):
    """Says that parts were deleted, and leaves them."""

    caught_by = AS_PUT

    def delete(self, reading, indexes) -> None:
        pass


class RemembersWhatWasDeleted(FaultyBlobs):
    """Takes no part again that was deleted, and says that it is kept."""

    caught_by = AS_PUT

    def __init__(self, context, folder, *, threads) -> None:
        super().__init__(context, folder, threads=threads)
        self.deleted: set[Path] = set()

    def delete(self, reading, indexes) -> None:
        self.deleted.update(self.file(reading, index) for index in indexes)
        super().delete(reading, indexes)

    def put(self, reading, index, octets, now) -> None:
        if self.file(reading, index) not in self.deleted:
            super().put(reading, index, octets, now)


class DeletesTheFirstHundred(FaultyBlobs):
    """Deletes a hundred parts at once, and forgets the others."""

    caught_by = "test_any_number_of_parts_is_deleted_at_once"

    def delete(self, reading, indexes) -> None:
        super().delete(reading, indexes[:100])


class GivesWhatWasDeletedWhenRenewed(FaultyBlobs):
    """Brings back what was deleted when the container is renewed."""

    caught_by = AGAIN

    def delete(self, reading, indexes) -> None:
        for index in indexes:
            path = self.file(reading, index)
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".deleted"))

    def renew(self, place, now) -> bool:
        for path in place.glob("*.deleted"):
            path.rename(path.with_suffix(""))
        return super().renew(place, now)


class TakesAPartOnce(FaultyBlobs):
    """Says of a part that is put again that there is no room."""

    caught_by = AGAIN

    def put(self, reading, index, octets, now) -> None:
        if self.file(reading, index).exists():
            raise FileExistsError
        super().put(reading, index, octets, now)


class AppendsWhatIsPutAgain(FaultyBlobs):
    """Writes a part that is put again behind what is there."""

    caught_by = AGAIN

    def write(self, path, octets) -> None:
        if path.name != UNTIL and path.exists():
            octets = path.read_bytes() + octets
        super().write(path, octets)


# -- whole, or not at all


class WritesInPlace(FaultyBlobs):
    """Writes a part under its name, half of it first."""

    caught_by = WHOLE

    async def put_blob(self, peer, key, index, octets):
        await super().put_blob(peer, key, index, octets)
        await self.break_it(self.opened(key), index)
        return await super().put_blob(peer, key, index, octets)

    async def break_it(self, reading, index) -> None:
        path = self.file(reading, index)
        path.write_bytes(path.read_bytes()[:1000])
        for _ in range(5):
            await anyio.lowlevel.checkpoint()


class DeletesBeforeItWrites(FaultyBlobs):
    """Deletes a part before it is put again."""

    caught_by = WHOLE

    async def put_blob(self, peer, key, index, octets):
        await self.delete_blobs(peer, key, [index])
        await anyio.lowlevel.checkpoint()
        return await super().put_blob(peer, key, index, octets)


class LeavesHalfWhenCancelled(FaultyBlobs):
    """Leaves half a part where a put is cancelled."""

    caught_by = CANCELLED

    async def put_blob(self, peer, key, index, octets):
        done = False
        try:
            report = await super().put_blob(peer, key, index, octets)
            await anyio.lowlevel.checkpoint()
            done = True
            return report
        finally:
            path = self.file(self.opened(key), index)
            if not done and path.exists():
                path.write_bytes(path.read_bytes()[:-10])


class StaysLockedWhenCancelled(FaultyBlobs):
    """Puts nothing more after a put that was cancelled."""

    caught_by = CANCELLED
    putting = False

    async def put_blob(self, peer, key, index, octets):
        if self.putting:
            await anyio.sleep_forever()
        self.putting = True
        report = await super().put_blob(peer, key, index, octets)
        self.putting = False
        return report


class DeletesWhatIsCancelled(FaultyBlobs):
    """Deletes a part when it is put again and that is cancelled."""

    caught_by = CANCELLED

    async def put_blob(self, peer, key, index, octets):
        try:
            return await super().put_blob(peer, key, index, octets)
        except anyio.get_cancelled_exc_class():
            self.delete(self.opened(key), [index])
            raise
