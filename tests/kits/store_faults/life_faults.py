"""Faults of what becomes of work under way, when a store is closed or somebody gives up."""

from __future__ import annotations

import logging
from dataclasses import replace

from anyio.lowlevel import checkpoint
from balchat_relay.storage import rules

from tests.kits.store_faults.faulty_store import FaultyStore

logger = logging.getLogger(__name__)


class ThrowsAwayWhatIsUnderWay(FaultyStore):
    """Throws away what is under way when it is closed."""

    caught_by = "test_closing_finishes_what_is_under_way"
    closed = False

    async def put(self, queue, **more):
        for _ in range(3):
            await checkpoint()
        if not self.closed:
            await super().put(queue, **more)

    async def aclose(self):
        self.closed = True


class RefusesWhatIsUnderWay(FaultyStore):
    """Refuses what is under way when it is closed."""

    caught_by = "test_closing_finishes_what_is_under_way"
    closed = False

    async def put(self, queue, **more):
        await checkpoint()
        if self.closed:
            raise rules.relay_full()
        await super().put(queue, **more)

    async def aclose(self):
        self.closed = True
        for _ in range(3):
            await checkpoint()


class LocksForWhoGaveUp(FaultyStore):
    """Does nothing for anybody after somebody has given up."""

    caught_by = "test_whoever_gives_up_hinders_nobody"
    busy = False

    async def status(self, queue, *, receive):
        if self.busy:
            raise rules.relay_full()
        self.busy = True
        await checkpoint()
        self.busy = False
        return await super().status(queue, receive=receive)


class CountsWhatWasGivenUp(FaultyStore):
    """Counts what somebody gave up to put."""

    caught_by = "test_whoever_gives_up_hinders_nobody"
    counted = 0

    async def put(self, queue, *, envelope, **more):
        self.counted += len(envelope)
        await checkpoint()
        self.counted -= len(envelope)
        await super().put(queue, envelope=envelope, **more)

    @property
    def totals(self):
        return replace(super().totals, octets=super().totals.octets + self.counted)


class EmptiesTheQueueOfWhoGaveUp(FaultyStore):
    """Loses what is in a queue when whoever fetches it gives up."""

    caught_by = "test_whoever_gives_up_hinders_nobody"

    async def fetch(self, queue, **more):
        there, self._queues[queue].envelopes = self._queues[queue].envelopes, {}
        await checkpoint()
        self._queues[queue].envelopes = there
        return await super().fetch(queue, **more)


class ClosesOnce(FaultyStore):
    """Raises when it is closed twice."""

    caught_by = "test_closing_twice_is_harmless"
    failures = (RuntimeError,)
    closed = False

    async def aclose(self):
        if self.closed:
            raise RuntimeError("it is closed")
        self.closed = True


class MixesQueuesUp(FaultyStore):
    """Puts into the queue that was named last by anybody."""

    caught_by = "test_many_at_once_do_not_disturb_each_other"

    async def put(self, queue, **more):
        self.queue = queue
        await checkpoint()
        await super().put(self.queue, **more)
