"""Faults of queues and what is in them."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import takewhile

from balchat_relay.storage import rules
from balchat_relay.testing.store_kit.bench import NOW
from balchat_relay_proto.replies import Fetched

from tests.kits.store_faults.faulty_store import FaultyStore

logger = logging.getLogger(__name__)


class ForgetsAtTheEnd(FaultyStore):
    """Forgets what was acknowledged when it is closed, and takes it again."""

    caught_by = "test_what_was_done_is_there_when_the_store_is_opened_again"

    async def aclose(self):
        for queue in self._queues.values():
            queue.acknowledged.clear()


class EmptiesWhatIsThere(FaultyStore):
    """Empties a queue that is created once more."""

    caught_by = "test_creating_twice_keeps_what_is_there"

    async def create(self, queue, *, send, receive, invitation=None, now):
        if queue in self._queues:
            self._queues[queue].envelopes.clear()
        await super().create(queue, send=send, receive=receive, invitation=invitation, now=now)


class StoresTwice(FaultyStore):
    """Stores an envelope again that is there."""

    caught_by = "test_putting_twice_is_putting_once_also_after_the_acknowledgement"

    async def put(self, queue, *, send, envelope_id, envelope, now):
        found = self._queues.get(queue)
        again = found is not None and envelope_id in found.envelopes
        identifier = envelope_id[::-1] if again else envelope_id
        await super().put(queue, send=send, envelope_id=identifier, envelope=envelope, now=now)


class TakesBackWhatWasAcknowledged(FaultyStore):
    """Forgets at once what was acknowledged."""

    caught_by = "test_putting_twice_is_putting_once_also_after_the_acknowledgement"

    async def put(self, queue, *, send, envelope_id, envelope, now):
        if queue in self._queues:
            self._queues[queue].acknowledged.clear()
        await super().put(queue, send=send, envelope_id=envelope_id, envelope=envelope, now=now)


class GivesTheNewestFirst(FaultyStore):
    """Gives what is newest first."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"

    async def fetch(self, queue, **more):
        found = await super().fetch(queue, **more)
        return Fetched(stored=tuple(reversed(found.stored)), more=found.more)


class DeletesWhatItGives(FaultyStore):
    """Deletes what it has given, before it is acknowledged."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"

    async def fetch(self, queue, **more):
        found = await super().fetch(queue, **more)
        self._queues[queue].envelopes.clear()
        return found


class SaysThatThereIsNoMore(FaultyStore):
    """Never says that there is more."""

    caught_by = "test_a_cursor_goes_on_where_the_last_fetch_ended"

    async def fetch(self, queue, **more):
        return Fetched(stored=(await super().fetch(queue, **more)).stored, more=False)


class LogsEnvelopes(FaultyStore):
    """Logs what is put."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"
    audited = True

    async def put(self, queue, *, send, envelope_id, envelope, now):
        logger.debug("put %s", envelope.hex())
        await super().put(queue, send=send, envelope_id=envelope_id, envelope=envelope, now=now)


class NumbersFromTheStartAgain(FaultyStore):
    """Numbers what comes from 1 again once a queue is empty."""

    caught_by = "test_a_sequence_is_never_given_again"

    async def acknowledge(self, queue, **more):
        await super().acknowledge(queue, **more)
        if not self._queues[queue].envelopes:
            self._queues[queue].next = 1


class TakesTheCursorForAPlace(FaultyStore):
    """Takes a cursor for a place among what is left."""

    caught_by = "test_a_cursor_holds_though_what_stood_before_it_is_gone"

    async def fetch(self, queue, *, after, **more):
        there = list(self._queues[queue].envelopes.values())[:after]
        return await super().fetch(queue, after=there[-1].sequence if there else 0, **more)


class AcknowledgesEverywhere(FaultyStore):
    """Deletes what is acknowledged from every queue."""

    caught_by = "test_an_envelope_is_acknowledged_in_its_queue_alone"

    async def acknowledge(self, queue, *, envelope_ids, **more):
        await super().acknowledge(queue, envelope_ids=envelope_ids, **more)
        for each in self._queues.values():
            for envelope_id in envelope_ids:
                each.envelopes.pop(envelope_id, None)


class StopsAtAnUnknownId(FaultyStore):
    """Acknowledges nothing that stands behind an id that is not there."""

    caught_by = "test_ids_that_are_not_there_are_passed_over"

    async def acknowledge(self, queue, *, envelope_ids, **more):
        known = list(takewhile(self._queues[queue].envelopes.__contains__, envelope_ids))
        await super().acknowledge(queue, envelope_ids=known, **more)


class RemembersWhatWasNeverThere(FaultyStore):
    """Never takes what was acknowledged before it came."""

    caught_by = "test_ids_that_are_not_there_are_passed_over"

    async def acknowledge(self, queue, *, envelope_ids, now, **more):
        await super().acknowledge(queue, envelope_ids=envelope_ids, now=now, **more)
        for envelope_id in envelope_ids:
            self._queues[queue].acknowledged[envelope_id] = now + self.limits.remembered


class DeletesAllOfAnOwner(FaultyStore):
    """Deletes each queue of the same owner with one of them."""

    caught_by = "test_a_deleted_queue_is_gone_with_everything_in_it"

    async def delete(self, queue, *, receive):
        await super().delete(queue, receive=receive)
        for other in [name for name, each in self._queues.items() if each.receive == receive]:
            self._drop(other)


class LogsQueues(FaultyStore):
    """Logs into which queue something is put."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"
    audited = True

    async def put(self, queue, **more):
        logger.info("something is put into %s", queue.hex())
        await super().put(queue, **more)


class TrustsTheClock(FaultyStore):
    """Takes nothing any more once the clock is set back."""

    caught_by = "test_a_clock_that_is_set_back_loses_nothing"
    last = 0

    async def put(self, queue, *, now, **more):
        if now < self.last:
            raise rules.relay_full()
        self.last = now
        await super().put(queue, now=now, **more)


class TakesTheNewestForTheSame(FaultyStore):
    """Keeps the newest of what is put with one id."""

    caught_by = "test_putting_twice_is_putting_once_also_after_the_acknowledgement"

    async def put(self, queue, *, envelope_id, envelope, **more):
        await super().put(queue, envelope_id=envelope_id, envelope=envelope, **more)
        if (found := self._queues[queue].envelopes.get(envelope_id)) is not None:
            found.octets = envelope


class RemembersHalfAsLong(FaultyStore):
    """Takes again what was acknowledged half of the time ago for which it should be remembered."""

    caught_by = "test_putting_twice_is_putting_once_also_after_the_acknowledgement"

    async def put(self, queue, *, now, **more):
        await super().put(queue, now=now + self.limits.remembered // 2 if now > NOW else now, **more)


class AcknowledgesOnce(FaultyStore):
    """Raises where one id is acknowledged twice."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"
    failures = (KeyError,)

    async def acknowledge(self, queue, *, receive, envelope_ids, now):
        found = self._own(queue, receive)
        for envelope_id in [each for each in envelope_ids if each in found.envelopes]:
            del found.envelopes[envelope_id]
            found.acknowledged[envelope_id] = now + self.limits.remembered


class BeginsAgainAtTheEnd(FaultyStore):
    """Gives everything once more to whoever goes on after the last one."""

    caught_by = "test_a_cursor_goes_on_where_the_last_fetch_ended"

    async def fetch(self, queue, *, after, **more):
        found = await super().fetch(queue, after=after, **more)
        return found if found.stored else await super().fetch(queue, after=0, **more)


class SaysThatThereIsMore(FaultyStore):
    """Says that there is more where nothing is left."""

    caught_by = "test_a_cursor_goes_on_where_the_last_fetch_ended"

    async def fetch(self, queue, **more):
        found = await super().fetch(queue, **more)
        return Fetched(stored=found.stored, more=bool(self._queues[queue].envelopes))


class DeletesWhatIsNotThere(FaultyStore):
    """Says nothing where a queue is deleted that is not there, and so tells it from one that is."""

    caught_by = "test_a_deleted_queue_is_gone_with_everything_in_it"

    async def delete(self, queue, *, receive):
        if queue in self._queues:
            await super().delete(queue, receive=receive)


class KeepsTheNameForItsOwner(FaultyStore):
    """Lets nobody else create a queue whose name one had that was deleted."""

    caught_by = "test_a_deleted_queue_is_gone_with_everything_in_it"

    async def create(self, queue, *, send, receive, **more):
        self.owners = getattr(self, "owners", {})
        rules.admit(there=True, stored=self.owners.setdefault(queue, receive), presented=receive)
        await super().create(queue, send=send, receive=receive, **more)


class CountsEverythingThatCame(FaultyStore):
    """Counts in its status what was acknowledged, too."""

    caught_by = "test_the_status_says_how_full_a_queue_is"

    async def status(self, queue, *, receive):
        found = await super().status(queue, receive=receive)
        return replace(found, envelopes=found.envelopes + len(self._queues[queue].acknowledged))


class CountsClaimedCards(FaultyStore):
    """Counts in its status the cards that were claimed, too."""

    caught_by = "test_the_status_says_how_full_a_queue_is"

    async def status(self, queue, *, receive):
        return replace(await super().status(queue, receive=receive), cards=self._queues[queue].pool)


class HasLimitsOfItsOwn(FaultyStore):
    """Says that it was opened with other limits."""

    caught_by = "test_the_status_says_how_full_a_queue_is"

    @property
    def limits(self):
        return replace(super().limits, queues=10_000)


class IsAlwaysInTrouble(FaultyStore):
    """Says that it takes nothing new where it does."""

    caught_by = "test_the_status_says_how_full_a_queue_is"

    @property
    def trouble(self):
        return "the disk is full"


class GivesNothingForLittle(FaultyStore):
    """Gives nothing where the first envelope is larger than was asked for."""

    caught_by = "test_one_envelope_is_given_however_small_the_request"

    async def fetch(self, queue, *, octets=2**30, **more):
        found = await super().fetch(queue, octets=octets, **more)
        return found if sum(len(each.envelope) for each in found.stored) <= octets else Fetched(stored=(), more=True)


class MarksWhatIsDeleted(FaultyStore):
    """Marks what is acknowledged as deleted, and leaves it where it lies."""

    caught_by = "test_what_is_deleted_does_not_lie_on_the_disk"

    async def acknowledge(self, queue, *, envelope_ids, **more):
        self.disk += b"".join(self._queues[queue].envelopes[each].octets for each in envelope_ids)
        await super().acknowledge(queue, envelope_ids=envelope_ids, **more)
