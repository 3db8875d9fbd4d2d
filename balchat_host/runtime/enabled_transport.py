"""An enabled transport, as the router uses it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeVar

from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import (
    MAX_CONTAINER,
    BlobContainer,
    BlobReport,
    Outgoing,
    RelayManager,
    Transport,
    TransportCapability,
)
from balchat_host.api.types import DEVICE_ID_SIZE, OnionKey, PeerId, Route, ServiceState
from balchat_host.core import routes
from balchat_host.runtime.enabled_plugin import EnabledPlugin, Run
from balchat_host.runtime.local_transport_context import LocalTransportContext
from balchat_host.runtime.managed_relays import ManagedRelays
from balchat_host.runtime.plugin_failure_messages import checked
from balchat_host.runtime.plugin_setups import TransportSetup

_SOME_DEVICE: Final = bytes(DEVICE_ID_SIZE)
T = TypeVar("T")

_KNOWN: Final = (PeerUnreachable, NetworkUnavailable)
"""What a call of a transport's may raise."""


class EnabledTransport(EnabledPlugin[Transport]):
    """Carries envelopes by the transport's object that runs now.

    `new_context(on_state)` makes a context for each object; `contacts()` returns all peers of whom something may be
    kept. `came_up()` is called whenever an object can be used.
    """

    def __init__(
        self,
        setup: TransportSetup,
        show: Callable[[str, ServiceState], None],
        *,
        new_context: Callable[[Callable[[ServiceState], None]], LocalTransportContext],
        contacts: Callable[[], Awaitable[Collection[PeerId]]],
        came_up: Callable[[], None],
    ) -> None:
        super().__init__(setup, show)
        self.latency = setup.latency
        self.has_bulk = TransportCapability.BULK in setup.capabilities
        self.has_blobs = TransportCapability.BLOBS in setup.capabilities
        self._setup = setup
        self._new_context = new_context
        self._contacts = contacts
        self._tell_up = came_up
        self._context: LocalTransportContext | None = None

    # -- for the router

    def relays(self) -> RelayManager | None:
        """Return the relays that people manage at the transport; None where it has none. Raise NetworkUnavailable."""
        if self._object is None:
            raise self._absent()
        try:
            relays = self._object.relays
        except BaseException as error:
            raise self._failed(error) from error
        return None if relays is None else ManagedRelays(self, relays)

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        """Return whether a device of `peer` is within reach this moment; None stands for any."""
        if self._object is None:
            return False
        try:
            return self._object.reachable(peer, device_id)
        except BaseException as error:  # noqa: BLE001  # it is this transport's failure
            self._failed(error)
            return False

    def routes_to(self, peer: PeerId, named: Sequence[Route]) -> Sequence[Route]:
        """Return the routes that the peer named for it; where it named none at all, the transport's own idea.

        Raise NetworkUnavailable.
        """
        if named:
            return [route for route in named if route.transport == self.name]
        return self.first_routes_to(peer, None)

    def first_routes_to(self, peer: PeerId, device_id: bytes | None) -> Sequence[Route]:
        """Transport.first_routes; only to `device_id` where it is not None. Raise NetworkUnavailable."""
        if self._object is None:
            return []
        try:
            found = self._checked(self._object.first_routes(peer))
        except BaseException as error:
            raise self._failed(error) from error
        return [replace(route, device_id=device_id) for route in found]

    def onion_of(self, peer: PeerId, route: Route) -> str | None:
        """Transport.onion_of, as people write it."""
        if self._object is None:
            return None
        try:
            found = self._object.onion_of(peer, route)
            return None if found is None else checked(found, OnionKey).onion
        except BaseException as error:  # noqa: BLE001  # it is this transport's failure
            self._failed(error)
            return None

    async def send(self, peer: PeerId, by: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        """Transport.send. Raise PeerUnreachable, NetworkUnavailable."""
        if (context := self._context) is None:
            raise self._absent()
        tickets = [each.ticket for each in outgoing]
        context.hand_over(tickets)
        try:
            await self.call(lambda transport: transport.send(peer, by, outgoing), known=_KNOWN)
        except BaseException:
            context.not_taken(tickets)
            raise

    async def open_bulk(self, peer: PeerId, by: Sequence[Route]) -> ByteStream:
        """Transport.open_bulk. Raise PeerUnreachable, NetworkUnavailable."""

        async def open_bulk(transport: Transport) -> ByteStream:
            return checked(await transport.open_bulk(peer, by), ByteStream)

        return await self.call(open_bulk, known=_KNOWN)

    async def allocate_containers(self, peer: PeerId) -> Sequence[BlobContainer]:
        """Transport.allocate_containers. Raise PeerUnreachable, NetworkUnavailable."""

        async def allocate(transport: Transport) -> Sequence[BlobContainer]:
            found = [checked(each, BlobContainer) for each in await transport.allocate_containers(peer)]
            if any(not 0 < len(octets) <= MAX_CONTAINER for each in found for octets in (each.offer, each.key)):
                raise ValueError("a container's key or offer is too long")
            return found

        return await self.call(allocate, known=_KNOWN)

    async def put_blob(self, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        """Transport.put_blob. Raise PeerUnreachable, NetworkUnavailable."""

        async def put(transport: Transport) -> BlobReport:
            return checked(await transport.put_blob(peer, key, index, octets), BlobReport)

        return await self.call(put, known=_KNOWN)

    async def get_blob(self, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        """Transport.get_blob. Raise PeerUnreachable, NetworkUnavailable, PartRefused, ProtocolViolation."""

        async def get(transport: Transport) -> bytes | None:
            octets = await transport.get_blob(peer, offer, index, size)
            return None if octets is None else checked(octets, bytes)

        return await self.call(get, known=(*_KNOWN, PartRefused, ProtocolViolation))

    async def delete_blobs(self, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        """Transport.delete_blobs. Raise PeerUnreachable, NetworkUnavailable."""
        await self.call(lambda transport: transport.delete_blobs(peer, key, indexes), known=_KNOWN)

    async def renew_blobs(self, peer: PeerId, key: bytes) -> BlobReport:
        """Transport.renew_blobs. Raise PeerUnreachable, NetworkUnavailable."""

        async def renew(transport: Transport) -> BlobReport:
            return checked(await transport.renew_blobs(peer, key), BlobReport)

        return await self.call(renew, known=_KNOWN)

    async def allocate(self, peer: PeerId) -> Sequence[Route]:
        """Transport.allocate_routes; none where it has none now."""

        async def allocate(transport: Transport) -> Sequence[Route]:
            return self._checked(await transport.allocate_routes(peer))

        if (context := self._context) is None:
            return []
        try:
            found = await self.call(allocate, known=_KNOWN)
            return [replace(route, device_id=context.device_id) for route in found]
        except (NetworkUnavailable, PeerUnreachable):
            return []

    async def claim(self, peer: PeerId, relays: Sequence[str], named: Sequence[Route]) -> bytes | None:
        """Transport.claim_key_package; `named` are all routes that the peer has named.

        Raise PeerUnreachable, NetworkUnavailable.
        """
        ours = [route for route in named if route.transport == self.name]

        async def claim(transport: Transport) -> bytes | None:
            claimed = await transport.claim_key_package(peer, relays, ours)
            return None if claimed is None else checked(claimed, bytes)

        return await self.call(claim, known=_KNOWN)

    async def disconnect(self, peer: PeerId) -> None:
        """Transport.disconnect."""
        with suppress(*_KNOWN):
            await self.call(lambda transport: transport.disconnect(peer), known=_KNOWN)

    async def forget(self, peer: PeerId) -> None:
        """Transport.forget. Where it does not run, it is told with `keep_only` when it does."""
        with suppress(*_KNOWN):
            await self.call(lambda transport: transport.forget(peer), known=_KNOWN)

    # -- inside

    def _make(self, on_state: Callable[[ServiceState], None]) -> Transport:
        self._context = context = self._new_context(on_state)
        return checked(self._setup.make(context), Transport)

    def _run_of(self, made: Transport) -> Run:
        return made.run

    async def _prepare(self, made: Transport) -> None:
        try:
            await made.keep_only(await self._contacts())
        except BaseException as error:  # noqa: BLE001  # it is this transport's failure, which may carry all the same
            self._failed(error)

    def _came_up(self) -> None:
        self._tell_up()

    async def _clear(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            await context.end()

    def _checked(self, found: Sequence[Route]) -> Sequence[Route]:
        """Return routes that others can read (docs/spec/content.md). Raise what is wrong with them."""
        checked = _readable(tuple(found[: routes.MAX_ROUTES]))
        if any(route.transport != self.name for route in checked):
            raise ValueError
        return checked


@lru_cache(maxsize=256)  # a transport may have the same routes for everybody
def _readable(found: tuple[Route, ...]) -> Sequence[Route]:
    # Whichever device they lead to, the host adds it.
    return tuple(routes.decode(routes.encode([replace(route, device_id=_SOME_DEVICE) for route in found])))
