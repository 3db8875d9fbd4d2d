"""The transport itself: whom it has streams to, who dials whom, and who may come in.

It can make first contact: whoever is known by nothing but a peer id is dialled at the onion of that key.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio
from balchat_host.api.errors import BadCredential, BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Transport
from balchat_host.api.types import (
    ONLINE,
    STOPPED,
    DeviceIdentity,
    OnionKey,
    OwnOnion,
    Phase,
    Route,
    ServiceState,
)

from balchat_transport_sample.greeting import greet, identify
from balchat_transport_sample.link import BROKEN, Link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import ByteStream, TaskGroup, TaskStatus
    from balchat_host.api.transport import Outgoing, TransportContext
    from balchat_host.api.types import PeerId

    from balchat_transport_sample.settings import SampleSettings

NAME: Final = "transport_sample"
GREET_WITHIN: Final = 30.0
"""Seconds that somebody has to prove who they are."""
MOST_GREETINGS: Final = 32
"""Strangers' streams that may prove themselves at once."""
MOST_LINKS: Final = 4
"""Streams that one peer may have: two where both dial at once, and those that have not been noticed to be over."""
ONLY_DEVICE: Final = bytes(16)
"""Each account is one device here."""


class SampleTransport(Transport):
    """Carries envelopes over streams."""

    def __init__(self, context: TransportContext, settings: SampleSettings) -> None:
        self._context = context
        self._port = settings.port
        self._links: dict[PeerId, list[Link]] = {}
        self._connecting: dict[PeerId, anyio.Lock] = {}
        self._dialling: dict[PeerId, anyio.CancelScope] = {}
        self._greetings = anyio.Semaphore(MOST_GREETINGS)
        self._tasks: TaskGroup | None = None
        self._has_run = False

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        if self._has_run:
            raise RuntimeError("it has run already; the host makes another one")
        self._has_run = True
        try:
            async with anyio.create_task_group() as self._tasks:
                self._context.state_changed(ServiceState(phase=Phase.STARTING))
                task_status.started()
                await self._serve(self._tasks)
        finally:
            self._tasks = None
            self._context.state_changed(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=peer.octets)]

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=self._context.identity.octets)]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        if self._tasks is None:
            raise NetworkUnavailable(problem="the transport does not run", remedy="")
        # Routes come from the peer: one that leads to somebody else is not followed.
        if not any(route.transport == NAME and route.address == peer.octets for route in routes):
            raise PeerUnreachable(problem="none of their routes leads to them")
        if not all(0 < len(each.envelope) <= MAX_ENVELOPE_SIZE for each in outgoing):
            raise BadInput(what="An envelope", problem=f"it has 1 to {MAX_ENVELOPE_SIZE} octets")
        async with self._connecting.setdefault(peer, anyio.Lock()):
            link = await self._link_to(peer, self._tasks)
            await link.submit(outgoing)

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return bool(self._links.get(peer))

    async def disconnect(self, peer: PeerId) -> None:
        if (dialling := self._dialling.get(peer)) is not None:
            dialling.cancel()
        for link in self._links.get(peer, []).copy():
            link.end()
        await anyio.lowlevel.checkpoint()

    async def forget(self, peer: PeerId) -> None:
        self._connecting.pop(peer, None)
        await anyio.lowlevel.checkpoint()

    # -- those whom we dial

    async def _link_to(self, peer: PeerId, tasks: TaskGroup) -> Link:
        if not self._links.get(peer):
            tasks.start_soon(self._adopt(peer, await self._dial(peer)).run)
        return self._links[peer][0]

    async def _dial(self, peer: PeerId) -> ByteStream:
        """Return a stream whose other end has proven itself. Raise PeerUnreachable."""
        with anyio.CancelScope() as scope:
            self._dialling[peer] = scope
            try:
                return await self._proven(peer)
            finally:
                del self._dialling[peer]
        raise PeerUnreachable(problem="they were disconnected meanwhile")

    async def _proven(self, peer: PeerId) -> ByteStream:
        stream = await self._context.dial(OnionKey(peer.octets), self._port)
        try:
            with anyio.fail_after(GREET_WITHIN):
                await greet(stream, peer, self._context)
            await anyio.lowlevel.checkpoint_if_cancelled()  # they may have been disconnected this moment
        except BaseException as error:
            await anyio.aclose_forcefully(stream)
            if isinstance(error, (*BROKEN, TimeoutError)):
                raise PeerUnreachable(problem="they hung up") from error
            raise
        return stream

    # -- those who dial us

    async def _serve(self, tasks: TaskGroup) -> None:
        service = await self._context.publish(OwnOnion.IDENTITY, self._port, on_state=self._published)
        try:
            while True:
                await self._greetings.acquire()
                tasks.start_soon(self._welcome, await service.accept())
        finally:
            with anyio.CancelScope(shield=True):
                await service.aclose()

    def _published(self, state: ServiceState) -> None:
        if self._tasks is not None:
            self._context.state_changed(ONLINE if state.phase is Phase.ONLINE else state)

    async def _welcome(self, stream: ByteStream) -> None:
        link = None
        try:
            with suppress(*BROKEN, BadCredential), anyio.move_on_after(GREET_WITHIN):
                peer = await identify(stream, self._context)
                if self._context.accepts_requests or await self._context.is_contact(peer):
                    await stream.send(b"!")
                    link = self._adopt(peer, stream)
        finally:
            self._greetings.release()
            if link is None:
                await anyio.aclose_forcefully(stream)
        if link is not None:
            await link.run()

    # -- streams that stand

    def _adopt(self, peer: PeerId, stream: ByteStream) -> Link:
        link = Link(self._context, peer, stream, ended=self._gone)
        links = self._links.setdefault(peer, [])
        links.append(link)
        if len(links) == 1:
            self._tell(peer, reachable=True)
        elif len(links) > MOST_LINKS:
            links[0].end()
        return link

    def _gone(self, link: Link) -> None:
        links = self._links[link.peer]
        links.remove(link)
        if not links:
            del self._links[link.peer]
            self._tell(link.peer, reachable=False)

    def _tell(self, peer: PeerId, *, reachable: bool) -> None:
        self._context.peer_changed(DeviceIdentity(peer=peer, device_id=ONLY_DEVICE), reachable=reachable)
