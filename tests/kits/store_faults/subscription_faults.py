"""Faults of what subscribers are told, and of what the operator says."""

from __future__ import annotations

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
