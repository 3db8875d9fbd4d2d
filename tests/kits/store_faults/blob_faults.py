"""Faults of blobs."""

from __future__ import annotations

from dataclasses import replace

from anyio import get_cancelled_exc_class
from balchat_relay.storage import rules
from balchat_relay.storage.memory import _Blob, _OpenBlob
from balchat_relay.testing.store_kit.bench import NOW
from balchat_relay_proto.errors import Code, Refused

from tests.kits.store_faults.faulty_store import FaultyStore


class LetsAnybodyPut(FaultyStore):
    """Takes a blob for a queue from whoever knows its name."""

    caught_by = "test_only_a_queues_owner_puts"

    def _own(self, queue, receive):
        if queue not in self._queues:
            raise Refused(Code.DENIED, "it is not there")
        return self._queues[queue]


class LetsAnybodyDelete(FaultyStore):
    """Deletes a blob for whoever knows its name."""

    caught_by = "test_only_who_may_delete_does"

    async def delete_blobs(self, blobs):
        await super().delete_blobs([(name, self._blobs[name].delete) for name, _ in blobs if name in self._blobs])


class KeepsWhatBroke(FaultyStore):
    """Keeps what has come of a blob that breaks off."""

    caught_by = "test_of_what_breaks_off_nothing_is_kept"

    async def put_blob(self, queue, *, blob, delete, size, octets, **named):
        came = bytearray()
        async for piece in octets:
            came += piece
        return await super().put_blob(queue, blob=blob, delete=delete, size=len(came), octets=_again(came), **named)


class CountsARepeatedBlob(FaultyStore):
    """Counts a blob once more that is put again."""

    caught_by = "test_putting_again_changes_nothing"

    def _is_there(self, queue, blob, delete, *, size, now):
        self.again = getattr(self, "again", 0) + (blob in self._blobs)
        return super()._is_there(queue, blob, delete, size=size, now=now)

    @property
    def totals(self):
        found = super().totals
        return replace(found, blobs=found.blobs + getattr(self, "again", 0))


class CountsBlobsBeforeTheyCome(FaultyStore):
    """Looks whether there is room before a blob has come, and not when it is kept."""

    caught_by = "test_many_at_once_are_no_more_than_the_share"

    def _is_there(self, queue, blob, delete, *, size, now):
        self.looked = getattr(self, "looked", set())
        if blob in self.looked and blob not in self._blobs:
            return False
        self.looked.add(blob)
        return super()._is_there(queue, blob, delete, size=size, now=now)


class HasNoShareOfBlobs(FaultyStore):
    """Lets one queue have all the room for blobs."""

    caught_by = "test_a_queue_has_no_more_blobs_than_its_share"

    def _of(self, queue):
        return {}


class KeepsBlobsOfNoQueue(FaultyStore):
    """Keeps the blobs of a queue that is deleted."""

    caught_by = "test_blobs_go_with_their_queue"

    def _drop(self, queue):
        kept = {name: each for name, each in self._blobs.items() if each.queue == queue}
        super()._drop(queue)
        self._blobs.update(kept)

    def _expire(self, queue, now):
        if queue in self._queues:
            super()._expire(queue, now)


class RenewsEverything(FaultyStore):
    """Keeps all blobs longer when one owner says that theirs are needed."""

    caught_by = "test_blobs_are_kept_for_their_time_and_longer_where_they_are_renewed"

    async def renew_blobs(self, queue, *, receive, now):
        kept = await super().renew_blobs(queue, receive=receive, now=now)
        for found in self._queues.values():
            found.blobs_until = now + self.limits.blob_age
        return kept


class BringsBlobsBack(FaultyStore):
    """Gives what is too old once something new is put."""

    caught_by = "test_what_is_put_late_does_not_bring_back_what_is_over"

    def _expire(self, queue, now):
        pass


class FillsTheRelay(FaultyStore):
    """Takes blobs without end, where they are of many queues."""

    caught_by = "test_a_full_store_takes_no_blobs_and_gives_what_it_has"

    @property
    def totals(self):
        return replace(super().totals, blob_octets=0)


async def _again(octets):
    yield bytes(octets)


class ReadsBlobsWithoutEnd(FaultyStore):
    """Reads what comes of a blob to its end, however much more it is than was said."""

    caught_by = "test_no_more_is_read_than_was_said"

    async def put_blob(self, queue, *, octets, **more):
        came = bytearray()
        async for piece in octets:
            came += piece
        return await super().put_blob(queue, octets=_again(came), **more)


class TakesBlobsOver(FaultyStore):
    """Gives a blob to whoever puts it last."""

    caught_by = "test_a_blob_stays_the_queues_that_put_it_first"

    def _is_there(self, queue, blob, delete, **more):
        there = super()._is_there(queue, blob, delete, **more)
        if there:
            self._blobs[blob].queue = queue
        return there


class ReservesForWhoGaveUp(FaultyStore):
    """Keeps room for a blob that somebody gave up to put."""

    caught_by = "test_of_what_is_given_up_nothing_is_kept"

    async def put_blob(self, queue, *, size, **more):
        self.reserved = getattr(self, "reserved", 0) + size
        try:
            kept = await super().put_blob(queue, size=size, **more)
        except Exception:
            self.reserved -= size
            raise
        self.reserved -= size
        return kept

    def _is_there(self, queue, blob, delete, *, size, now):
        return super()._is_there(queue, blob, delete, size=getattr(self, "reserved", size), now=now)


class KeepsWhatWasGivenUp(FaultyStore):
    """Keeps what has come of a blob that somebody gave up to put."""

    caught_by = "test_of_what_is_given_up_nothing_is_kept"

    async def put_blob(self, queue, *, blob, delete, size, octets, **more):
        came = bytearray()
        try:
            async for piece in octets:
                came += piece
        except get_cancelled_exc_class():
            self._queues[queue].blobs_until = more["now"] + 1
            self._blobs[blob] = _Blob(queue, delete, bytes(came))
            raise
        return await super().put_blob(queue, blob=blob, delete=delete, size=size, octets=_again(came), **more)


class KeepsWhatCameTooLate(FaultyStore):
    """Keeps a blob whose queue was deleted while it came."""

    caught_by = "test_of_what_comes_for_a_queue_that_is_deleted_nothing_is_kept"

    async def put_blob(self, queue, *, blob, delete, octets, **more):
        came = bytearray()
        async for piece in octets:
            came += piece
        if queue not in self._queues:
            self._blobs[blob] = _Blob(queue, delete, bytes(came))
        return await super().put_blob(queue, blob=blob, delete=delete, octets=_again(came), **more)


class CountsBlobsThatComeAtOnce(FaultyStore):
    """Counts a blob for each who puts it at once."""

    caught_by = "test_who_puts_a_blob_several_times_at_once_has_it_once"
    twice = 0

    async def put_blob(self, queue, *, blob, **more):
        new = blob not in self._blobs
        kept = await super().put_blob(queue, blob=blob, **more)
        self.looked = {**getattr(self, "looked", {})}
        self.twice += new and self.looked.setdefault(blob, 0)
        self.looked[blob] = 1
        return kept

    @property
    def totals(self):
        return replace(super().totals, blobs=super().totals.blobs + self.twice)


class RefusesTheSecondOfTwo(FaultyStore):
    """Refuses a blob that somebody else is putting."""

    caught_by = "test_who_puts_a_blob_several_times_at_once_has_it_once"

    async def put_blob(self, queue, *, blob, **more):
        self.coming = getattr(self, "coming", set())
        if blob in self.coming:
            raise rules.blobs_full()
        self.coming.add(blob)
        try:
            return await super().put_blob(queue, blob=blob, **more)
        finally:
            self.coming.discard(blob)


class GivesBlobsWhole(FaultyStore):
    """Gives a blob in one piece, however large it is."""

    caught_by = "test_a_blob_is_there_until_it_is_deleted"

    async def open_blob(self, blob, *, now):
        opened = await super().open_blob(blob, now=now)
        opened.__class__ = _Whole
        return opened


class _Whole(_OpenBlob):
    async def read(self):
        piece, self._octets = self._octets, b""
        return piece


class GivesBlobsOnce(FaultyStore):
    """Deletes a blob that was read to its end."""

    caught_by = "test_a_blob_is_there_until_it_is_deleted"

    async def open_blob(self, blob, *, now):
        opened = await super().open_blob(blob, now=now)
        del self._blobs[blob]
        return opened


class StopsAtAWrongVerifier(FaultyStore):
    """Deletes no blob that is named after one which may not be deleted."""

    caught_by = "test_only_who_may_delete_does"

    async def delete_blobs(self, blobs):
        for name, delete in blobs:
            if name not in self._blobs or self._blobs[name].delete != delete:
                return
            await super().delete_blobs([(name, delete)])


class TakesSmallerBlobs(FaultyStore):
    """Takes a blob that ends before it should."""

    caught_by = "test_of_what_breaks_off_nothing_is_kept"

    async def put_blob(self, queue, *, octets, size, **more):
        came = bytearray()
        async for piece in octets:
            came += piece
        return await super().put_blob(queue, octets=_again(came), size=min(size, len(came)), **more)


class SaysAnotherTime(FaultyStore):
    """Says of renewed blobs that they are kept for a day."""

    caught_by = "test_blobs_are_kept_for_their_time_and_longer_where_they_are_renewed"

    async def renew_blobs(self, queue, **more):
        await super().renew_blobs(queue, **more)
        return 86_400


class KeepsBlobsPastTheirTime(FaultyStore):
    """Gives a blob past its time until somebody sweeps."""

    caught_by = "test_blobs_are_kept_for_their_time_and_longer_where_they_are_renewed"

    async def open_blob(self, blob, *, now):
        return await super().open_blob(blob, now=NOW)


class GivesOtherOctets(FaultyStore):
    """Gives what stands now where a blob stood that is deleted."""

    caught_by = "test_a_blob_that_is_deleted_while_it_is_read_is_read_or_broken_off"

    async def delete_blobs(self, blobs):
        await super().delete_blobs(blobs)
        self.opened._octets = b"+" * len(self.opened._octets)

    async def open_blob(self, blob, *, now):
        self.opened = await super().open_blob(blob, now=now)
        return self.opened


class ForgetsBlobsWhenItCloses(FaultyStore):
    """Forgets blobs when it is closed."""

    caught_by = "test_blobs_outlive_a_restart"

    async def aclose(self):
        self._blobs.clear()
