"""Faults of who may do what, and of what a store tells of it."""

from __future__ import annotations

import logging

from balchat_relay.storage import rules
from balchat_relay_proto.errors import Refused

from tests.kits.store_faults.faulty_store import FaultyStore

logger = logging.getLogger(__name__)


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


class ShowsQueues(FaultyStore):
    """Shows in its repr which queues there are."""

    caught_by = "test_nothing_of_queues_is_in_its_repr"

    def __repr__(self):
        return f"Store({[queue.hex() for queue in self._queues]})"


class LetsAnybodyReadInboxes(FaultyStore):
    """Gives what is in an inbox to whoever has the capability of another queue."""

    caught_by = "test_anybody_puts_into_an_inbox_and_only_its_owner_reads"

    def _own(self, queue, receive):
        found = self._queues.get(queue)
        return found if found is not None and found.receive is None else super()._own(queue, receive)
