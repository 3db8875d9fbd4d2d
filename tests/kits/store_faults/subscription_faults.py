"""Faults of what subscribers are told, and of what the operator says."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from balchat_relay.storage import rules
from balchat_relay.storage.subscribers import Stored as Put

from tests.kits.store_faults.faulty_store import FaultyStore


class TellsSubscribersOfOthers(FaultyStore):
    """Lets anybody subscribe."""

    caught_by = "test_only_the_queues_owner_subscribes"

    async def subscribe(self, queue, subscriber, *, receive):
        self._subscribers.add(queue, subscriber)


class TellsAfterwards(FaultyStore):
    """Tells whoever has unsubscribed."""

    caught_by = "test_whoever_unsubscribed_hears_nothing"

    def unsubscribe(self, queue, subscriber):
        pass


class TellsOfRefusals(FaultyStore):
    """Tells a subscriber of an envelope before it knows whether it is stored."""

    caught_by = "test_a_subscriber_hears_of_nothing_that_was_refused"

    async def put(self, queue, *, envelope_id, envelope, **more):
        found = self._queues[queue]
        if envelope_id not in found.envelopes:
            self._subscribers.tell([Put(queue, found.next, envelope)])
        subscriber = self._subscribers._by_queue.pop(queue, None)
        try:
            await super().put(queue, envelope_id=envelope_id, envelope=envelope, **more)
        finally:
            if subscriber is not None:
                self._subscribers._by_queue[queue] = subscriber


class HeedsDraining(FaultyStore):
    """Refuses what is put while the operator wants nothing new, which is for the relay to do."""

    caught_by = "test_draining_is_kept_and_not_heeded"

    async def put(self, queue, **more):
        if self.draining:
            raise rules.relay_full()
        await super().put(queue, **more)


class UnsubscribesWhoeverIsThere(FaultyStore):
    """Tells the newer subscriber nothing any more when the older one unsubscribes."""

    caught_by = "test_a_newer_subscriber_ends_the_older"

    def unsubscribe(self, queue, subscriber):
        self._subscribers._by_queue.pop(queue, None)


class UnsubscribesOnce(FaultyStore):
    """Raises where somebody unsubscribes whose subscription was ended."""

    caught_by = "test_a_subscription_ends_with_its_queue"
    failures = (KeyError,)

    def unsubscribe(self, queue, subscriber):
        del self._subscribers._by_queue[queue]


class TellsAllSubscribers(FaultyStore):
    """Tells whoever subscribed first of what is put into any queue."""

    caught_by = "test_a_subscriber_hears_of_its_queue_in_order_and_of_nothing_else"
    first = None

    async def subscribe(self, queue, subscriber, *, receive):
        await super().subscribe(queue, subscriber, receive=receive)
        self.first = self.first or (queue, subscriber)

    async def put(self, queue, *, envelope, **more):
        await super().put(queue, envelope=envelope, **more)
        if self.first is not None and self.first[0] != queue:
            self.first[1].stored(self._queues[queue].next - 1, envelope)


class TellsOfRepetitions(FaultyStore):
    """Tells a subscriber again of an envelope that is put again."""

    caught_by = "test_a_subscriber_hears_of_its_queue_in_order_and_of_nothing_else"

    async def put(self, queue, *, send, envelope_id, envelope, now):
        found = self._queues[queue].envelopes.get(envelope_id)
        if found is not None:
            self._subscribers.tell([Put(queue, found.sequence, envelope)])
        await super().put(queue, send=send, envelope_id=envelope_id, envelope=envelope, now=now)


class TellsOtherSequences(FaultyStore):
    """Tells a subscriber other numbers than whoever fetches is given."""

    caught_by = "test_a_subscriber_hears_of_its_queue_in_order_and_of_nothing_else"

    async def put(self, queue, **more):
        if queue in self._queues:
            self._queues[queue].next += 1
        await super().put(queue, **more)
        for each in self._queues[queue].envelopes.values():
            each.sequence -= each.sequence == self._queues[queue].next - 1


class SaysNothingOfTheEnd(FaultyStore):
    """Says nothing to a subscriber whose queue is deleted."""

    caught_by = "test_a_subscription_ends_with_its_queue"

    def _drop(self, queue):
        self._subscribers._by_queue.pop(queue, None)
        super()._drop(queue)


class ForgetsToDrainNoMore(FaultyStore):
    """Goes on refusing in its own eyes when the operator wants new things again."""

    caught_by = "test_draining_is_kept_and_not_heeded"

    async def set_draining(self, *, draining):
        await super().set_draining(draining=self.draining or draining)


class SubscribesLate(FaultyStore):
    """Tells a subscriber nothing of the first thing that is put after it has subscribed."""

    caught_by = "test_whoever_fetches_once_subscribed_misses_nothing"

    async def subscribe(self, queue, subscriber, *, receive):
        self._own(queue, receive)
        self.late = {**getattr(self, "late", {}), queue: subscriber}

    async def put(self, queue, **more):
        await checkpoint()
        await super().put(queue, **more)
        if (subscriber := getattr(self, "late", {}).pop(queue, None)) is not None:
            self._subscribers.add(queue, subscriber)
