"""Faults that show when somebody waits: for octets, for a stream, for another dial."""

from __future__ import annotations

import anyio
from anyio.lowlevel import checkpoint

from balchat_host.api.types import ONLINE, Phase
from balchat_host.testing.incoming import Incoming
from tests.kits.network_faults.faulty_network import FaultyNode, FaultyStream


class LosesWhatItHasTaken(FaultyNode):
    """Takes octets from the stream, and loses them where whoever reads gives up before it has them."""

    caught_by = "test_octets_that_come_while_waiting_is_given_up_are_not_lost"

    class Stream(FaultyStream):
        async def receive(self, max_bytes=65536):
            octets = await self.stream.receive(max_bytes)
            await checkpoint()
            return octets


class LosesWhomItHasAccepted(FaultyNode):
    """Takes a stream that waits, and loses it where whoever accepts gives up before they have it."""

    caught_by = "test_a_stream_that_comes_while_waiting_is_given_up_is_not_lost"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        get = service.incoming.get

        async def slowly():
            stream = await get()
            await checkpoint()
            return stream

        service.incoming.get = slowly
        return service


class CountsAllThatWait(FaultyNode):
    """Turns streams away where too many wait at another service."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        services = self.services

        class Shared(Incoming):
            @property
            def full(self):
                return self._closed or sum(len(each.incoming._waiting) for each in services) >= self._backlog

        service.incoming.__class__ = Shared
        return service


class DialsOneAfterAnother(FaultyNode):
    """Has one dial wait for another one."""

    caught_by = "test_a_dial_that_waits_holds_up_no_other"

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.turn = anyio.Lock()

    async def dial(self, address, port, *, isolation):
        async with self.turn:
            return await super().dial(address, port, isolation=isolation)


class ClosesWhenAllIsRead(FaultyNode):
    """Waits with closing a stream until the other end has read what is on its way."""

    caught_by = "test_where_nobody_reads_no_more_can_be_written"

    class Stream(FaultyStream):
        async def aclose(self) -> None:
            outgoing = self.stream._outgoing
            while not self.stream.closed and outgoing._held and not outgoing._torn:
                await outgoing._changed.wait()
            await super().aclose()


class LeavesATaskForEachFailure(FaultyNode):
    """Leaves a task behind for each dial that fails."""

    caught_by = "test_dials_that_fail_leave_nothing"

    async def dial(self, address, port, *, isolation):
        scope = anyio.CancelScope()
        self._running().start_soon(self._wait, scope)
        stream = await super().dial(address, port, isolation=isolation)
        scope.cancel()
        return stream

    async def _wait(self, scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep_forever()


class PublishesWhatWasClosedMeanwhile(FaultyNode):
    """Publishes again after an outage what it had published before, though it was closed meanwhile."""

    caught_by = "test_publishing_does_not_wait_for_the_network"

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.before = []

    def go_offline(self, reason="it is away"):
        self.before = list(self.services)
        super().go_offline(reason)

    def come_online(self):
        super().come_online()
        for service in self.before:
            if service.state.phase is Phase.STOPPED:
                service._state = ONLINE
                self._world.add(service)
