"""Faults of queues and what is in them."""

from __future__ import annotations

import logging
from itertools import takewhile

from balchat_relay.storage import rules
from balchat_relay_proto.errors import Refused
from balchat_relay_proto.replies import Fetched

from tests.kits.store_faults.faulty_store import FaultyStore

logger = logging.getLogger(__name__)


class ForgetsAtTheEnd(FaultyStore):
    """Forgets what was acknowledged when it is closed, and takes it again."""

    caught_by = "test_what_was_done_is_there_when_the_store_is_opened_again"

    async def aclose(self):
        for queue in self._queues.values():
            queue.acknowledged.clear()


class BelievesEverybody(FaultyStore):
    """Gives a queue to whoever knows its name."""

    caught_by = "test_a_wrong_capability_and_an_absent_queue_are_refused_alike"

    def _own(self, queue, receive):
        rules.admit(there=queue in self._queues, stored=b"", presented=b"")
        return self._queues[queue]


class TellsWhatIsThere(FaultyStore):
    """Says of a queue that is not there something else than of a wrong capability."""

    caught_by = "test_a_wrong_capability_and_an_absent_queue_are_refused_alike"

    def _own(self, queue, receive):
        if queue not in self._queues:
            raise Refused(rules.queue_full().code, "no such queue")
        return super()._own(queue, receive)


class LetsOthersTakeOver(FaultyStore):
    """Creates a queue once more with other verifiers."""

    caught_by = "test_nobody_creates_what_is_there_with_other_verifiers"

    async def create(self, queue, *, send, receive, invitation=None, now):
        found = self._queues.get(queue)
        if found is not None:
            found.send, found.receive = send, receive
        await super().create(queue, send=send, receive=receive, invitation=invitation, now=now)


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


class ComparesInPart(FaultyStore):
    """Compares the first octets of a capability."""

    caught_by = "test_a_capability_is_compared_as_a_whole_and_in_constant_time"

    def _own(self, queue, receive):
        found = self._queues.get(queue)
        begins = found is not None and receive is not None and found.receive[:8] == receive[:8]
        return found if begins else super()._own(queue, receive)


class ComparesByEquality(FaultyStore):
    """Compares capabilities in a time that tells how much of them is right."""

    caught_by = "test_a_capability_is_compared_as_a_whole_and_in_constant_time"

    def _own(self, queue, receive):
        found = self._queues.get(queue)
        return found if found is not None and found.receive == receive else super()._own(queue, receive)


class LooksAtOneVerifier(FaultyStore):
    """Creates what is there once more with another verifier for whoever sends."""

    caught_by = "test_nobody_creates_what_is_there_with_other_verifiers"

    async def create(self, queue, *, send, receive, **more):
        found = self._queues.get(queue)
        if found is None or found.receive != receive:
            await super().create(queue, send=send, receive=receive, **more)


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


class ShowsQueues(FaultyStore):
    """Shows in its repr which queues there are."""

    caught_by = "test_nothing_of_queues_is_in_its_repr"

    def __repr__(self):
        return f"Store({[queue.hex() for queue in self._queues]})"


class TrustsTheClock(FaultyStore):
    """Takes nothing any more once the clock is set back."""

    caught_by = "test_a_clock_that_is_set_back_loses_nothing"
    last = 0

    async def put(self, queue, *, now, **more):
        if now < self.last:
            raise rules.relay_full()
        self.last = now
        await super().put(queue, now=now, **more)
