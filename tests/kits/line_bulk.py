"""The small transport with bulk streams: they go to a port of their own, and are octets alone behind the proof."""

from __future__ import annotations

from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import anyio
from anyio import BrokenResourceError
from anyio.abc import ByteStream

from balchat_host.api.errors import BadCredential, NetworkUnavailable, PeerUnreachable
from balchat_host.api.failures import contain
from balchat_host.api.types import ONLINE, STOPPED
from balchat_host.testing.transport_kit import TransportCapabilities
from tests.kits.line_bench import LineBench
from tests.kits.line_transport import BROKEN, SILENCE, LineTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskStatus

    from balchat_host.api.types import PeerId, Route, ServiceState

BULK_PORT: Final = 7001
LONGEST: Final = 30.0
"""Seconds that opening a stream takes at most."""
MOST: Final = 4
"""Streams that one peer may have with us."""


class BulkLineTransport(LineTransport):
    """Carries envelopes, and opens bulk streams."""

    most = MOST

    def __init__(self, context) -> None:
        super().__init__(context)
        self.bulk: dict[PeerId, list[BulkStream]] = {}
        self.opening: dict[PeerId, set[anyio.CancelScope]] = {}
        self.states = [STOPPED, STOPPED]

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            self.end_bulk(*self.bulk)

    async def answer(self, port, welcome, on_state) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(super().answer, BULK_PORT, self.welcome_bulk, self.bulk_changed)
            await super().answer(port, welcome, on_state)

    def service_changed(self, state: ServiceState) -> None:
        self.changed(0, state)

    def bulk_changed(self, state: ServiceState) -> None:
        self.changed(1, state)

    def changed(self, which: int, state: ServiceState) -> None:
        self.states[which] = state
        if self.tasks is not None:
            # It is online when both services are, and otherwise what one that is not says.
            self.context.state_changed(next((each for each in self.states if each != ONLINE), ONLINE))

    async def disconnect(self, peer: PeerId) -> None:
        self.end_bulk(peer)
        for scope in self.opening.get(peer, ()):
            scope.cancel()
        await super().disconnect(peer)

    def end_bulk(self, *peers: PeerId) -> None:
        for peer in peers:
            for stream in self.bulk.get(peer, []).copy():
                stream.end()

    # -- ours

    async def open_bulk(self, peer: PeerId, routes: Sequence[Route]) -> ByteStream:
        if self.tasks is None:
            raise NetworkUnavailable(problem="the line does not run", remedy="")
        route = self.route_of(peer, routes)
        with anyio.CancelScope() as scope:
            self.opening.setdefault(peer, set()).add(scope)
            try:
                return self.new_bulk(peer, await self.reach_device(peer, route))
            finally:
                self.opening[peer].remove(scope)
        raise PeerUnreachable(problem="it was disconnected")

    async def reach_device(self, peer: PeerId, route: Route) -> ByteStream:
        with anyio.move_on_after(LONGEST):
            stream, device = await self.reach(peer, BULK_PORT)
            if route.device_id not in (None, device.device_id):
                await anyio.aclose_forcefully(stream)
                raise PeerUnreachable(problem="another device answers there")
            return stream
        raise PeerUnreachable(problem="it does not answer in time")

    def isolation(self, port: int) -> str:
        return token_hex(8) if port == BULK_PORT else ""

    def new_bulk(self, peer: PeerId, stream: ByteStream) -> BulkStream:
        return BulkStream(self.bulk.setdefault(peer, []), stream)

    # -- theirs

    async def welcome_bulk(self, stream: ByteStream) -> None:
        try:
            with suppress(*BROKEN, BadCredential):
                await self.serve(stream)
        except BaseException as error:  # noqa: BLE001  # it is this stream's
            contain("a bulk stream", error)
        finally:
            await anyio.aclose_forcefully(stream)

    async def serve(self, stream: ByteStream) -> None:
        with anyio.fail_after(30):
            device = await self.prove(stream)
            if not await self.admits(device.peer):
                return
            bulk = self.new_bulk(device.peer, stream)
            self.make_room(device.peer)
            await stream.send(self.context.device_id)
        try:
            await self.context.accept_bulk(device, bulk)
        finally:
            await bulk.aclose()

    async def admits(self, peer: PeerId) -> bool:
        return await self.context.is_contact(peer)

    def make_room(self, peer: PeerId) -> None:
        while len(self.bulk[peer]) > self.most:
            self.bulk[peer][0].end()


class BulkStream(ByteStream):
    """A bulk stream, which `end` ends at once."""

    def __init__(self, siblings: list[BulkStream], stream: ByteStream) -> None:
        self.siblings = siblings
        self.stream = stream
        self.ended = anyio.Event()
        self.scopes: set[anyio.CancelScope] = set()
        siblings.append(self)

    def end(self) -> None:
        self.ended.set()
        self.siblings.remove(self)
        for scope in self.scopes:
            scope.cancel()

    async def until_ended(self, call, *arguments):
        if not self.ended.is_set():
            with anyio.CancelScope() as scope:
                self.scopes.add(scope)
                try:
                    return await call(*arguments)
                finally:
                    self.scopes.remove(scope)
        await anyio.aclose_forcefully(self.stream)
        raise BrokenResourceError

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return await self.until_ended(self.stream.receive, max_bytes)

    async def send(self, item: bytes) -> None:
        await self.until_ended(self.stream.send, item)

    async def send_eof(self) -> None:
        await self.until_ended(self.stream.send_eof)

    async def aclose(self) -> None:
        if self in self.siblings:
            self.siblings.remove(self)
        await self.stream.aclose()


class BulkLineBench(LineBench):
    capabilities = TransportCapabilities(oversize=True, bulk=True, silence=SILENCE)
