"""Faults of the streams that wait for somebody who accepts them."""

from __future__ import annotations

import anyio

from balchat_host.testing.virtual_network import VirtualService
from tests.kits.network_faults.faulty_network import FaultyNode


class TakesAnyNumber(FaultyNode):
    """Lets any number of streams wait to be accepted."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.incoming._backlog = 10_000
        return service


class LeavesWhatWaits(FaultyNode):
    """Leaves the streams open that wait at a service when it is closed."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        close = service.incoming.close
        service.incoming.close = lambda: close() and []
        return service


class TurnsTheOldestAway(FaultyNode):
    """Turns away who has waited longest when too many wait."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        put = service.incoming.put

        def put_in_place(stream) -> None:
            put(stream)
            while len(service.incoming._waiting) >= self._world.backlog:
                service.incoming._waiting.popleft().close()

        service.incoming.put = put_in_place
        return service


class GivesTheNewestFirst(FaultyNode):
    """Gives whoever accepts the newest of the streams that wait."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.incoming.put = lambda stream: service.incoming._waiting.appendleft(stream) or service.incoming._notify()
        return service


class GivesWhatWaitedAfterTheEnd(FaultyNode):
    """Gives the streams that waited to whoever accepts after the service was closed."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.__class__ = _GivesWhatWaited
        return service


class _GivesWhatWaited(VirtualService):
    def close(self) -> None:
        self.left = list(self.incoming._waiting)
        super().close()

    async def accept(self):
        if getattr(self, "left", []):
            await anyio.lowlevel.checkpoint()
            return self.left.pop()
        return await super().accept()
