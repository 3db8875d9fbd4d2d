"""Picks the transport and the routes for an envelope: the routes are those that the contact named."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress

import anyio
from anyio.abc import ByteStream

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import BlobContainer, BlobReport, Latency, Outgoing, RelayManager
from balchat_host.api.types import PeerId, Route
from balchat_host.api.views import RouteView
from balchat_host.core import routes
from balchat_host.runtime.enabled_transport import EnabledTransport
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class Router:
    """Picks among the enabled transports that the delivery policy uses. It knows none of them by name.

    `interactive` are those that reach contacts themselves, `storing` those that store and forward.
    """

    def __init__(self, runner: UnitOfWorkRunner, transports: Sequence[EnabledTransport]) -> None:
        self._runner = runner
        self.interactive = [transport for transport in transports if transport.latency is Latency.INTERACTIVE]
        self.storing = [transport for transport in transports if transport.latency is Latency.STORE_AND_FORWARD]
        self.settled = anyio.Event()
        """Set once every transport has started, or is known not to: what is allocated before would be incomplete."""

    @property
    def can_reach(self) -> bool:
        """Whether a transport runs that reaches contacts themselves."""
        return any(transport.runs for transport in self.interactive)

    @property
    def can_store(self) -> bool:
        """Whether a transport runs that stores and forwards."""
        return any(transport.runs for transport in self.storing)

    def relays(self) -> RelayManager | None:
        """Return the relays that people manage; None where no enabled transport has any.

        Raise NetworkUnavailable while one that may have some does not run.
        """
        failure: BalchatError | None = None
        for transport in self.storing:
            try:
                if relays := transport.relays():
                    return relays
            except (PeerUnreachable, NetworkUnavailable) as error:
                failure = error
        if failure is not None:
            raise failure
        return None

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        """Return whether a device is within reach: what is handed over now goes out at once. None stands for any."""
        return any(transport.reachable(peer, device_id) for transport in self.interactive)

    async def send(
        self,
        peer: PeerId,
        take: Callable[[], Sequence[Outgoing]],
        *,
        device_id: bytes | None = None,
        or_by_first_routes: bool = False,
    ) -> None:
        """Connect by the first transport that has a route, and hand over what `take` then returns; it may be nothing.

        `device_id` is None where we know of no device yet. `or_by_first_routes`: where the routes that the device named
        lead nowhere, try those that need none; it may have lost ours, and we its own.

        `take` is called once we are connected, and nothing is waited for between its answer and the transport: while we
        connected, what was on an earlier connection may have been lost, and nothing may overtake it.
        Raise PeerUnreachable or NetworkUnavailable where nothing connects, or it ended before it took anything.
        """

        async def hand_over(transport: EnabledTransport, by: Sequence[Route]) -> None:
            if not transport.reachable(peer, device_id):
                await transport.send(peer, by, [])
            if outgoing := take():
                await transport.send(peer, by, outgoing)

        now = self._runner.clock() // 1000
        named, may_talk = await self._runner.read(lambda tx: routes.to_try(tx, peer, now=now, device_id=device_id))
        failure = await self._first(self.interactive, peer, named, hand_over)
        if failure and named and (or_by_first_routes or not may_talk):
            for transport in self.interactive:
                try:
                    # Who only asks to become a contact takes whichever device answers.
                    if by := transport.first_routes_to(peer, device_id if may_talk else None):
                        await hand_over(transport, by)
                        return
                except (PeerUnreachable, NetworkUnavailable):
                    continue
        if failure:
            raise failure

    async def store(self, peer: PeerId, outgoing: Sequence[Outgoing], *, device_id: bytes | None = None) -> None:
        """Hand over what is to be stored for a device, to the first transport that has a route and takes it.

        Raise PeerUnreachable or NetworkUnavailable where none does.
        """
        now = self._runner.clock() // 1000
        named = await self._runner.read(lambda tx: routes.to_use(tx, peer, now=now, device_id=device_id))
        if failure := await self._first(
            self.storing, peer, named, lambda transport, by: transport.send(peer, by, outgoing)
        ):
            raise failure

    async def routes_of(self, peer: PeerId) -> Sequence[RouteView]:
        """Return the ways to a contact that are used now, the favourite first."""
        now = self._runner.clock() // 1000
        named = await self._runner.read(lambda tx: routes.known(tx, peer, now=now))
        found: list[RouteView] = []
        for transport in (*self.interactive, *self.storing):
            with suppress(NetworkUnavailable):
                found += [_view(transport, peer, route) for route in transport.routes_to(peer, named)]
        return found

    async def open_bulk(self, peer: PeerId) -> ByteStream:
        """Open a bulk stream to the first device of a contact that can be reached. The caller closes it.

        Raise PeerUnreachable or NetworkUnavailable where none can.
        """
        now = self._runner.clock() // 1000
        named = await self._runner.read(lambda tx: routes.to_use(tx, peer, now=now, device_id=None))
        failure: BalchatError = PeerUnreachable(problem="no enabled transport has a route to them for files")
        for transport in self.interactive:
            if transport.has_bulk:
                for by in _by_device([route for route in named if route.transport == transport.name]):
                    try:
                        return await transport.open_bulk(peer, by)
                    except (PeerUnreachable, NetworkUnavailable) as error:
                        failure = error
        raise failure

    # -- parts of files at relays

    @property
    def can_keep_blobs(self) -> bool:
        """Whether a transport runs that keeps parts of files."""
        return any(transport.runs and transport.has_blobs for transport in self.storing)

    def keeps_blobs(self, transport: str) -> bool:
        """Return whether a transport is enabled that is called so and keeps parts of files."""
        return any(each.name == transport and each.has_blobs for each in self.storing)

    async def allocate_containers(self, peer: PeerId) -> Sequence[tuple[str, BlobContainer]]:
        """Return new containers for a file, each with what its transport is called.

        Raise PeerUnreachable or NetworkUnavailable where there is none.
        """
        failure: BalchatError = PeerUnreachable(problem="no enabled transport keeps parts of files")
        for transport in self.storing:
            if transport.has_blobs:
                try:
                    if found := await transport.allocate_containers(peer):
                        return [(transport.name, container) for container in found]
                except (PeerUnreachable, NetworkUnavailable) as error:
                    failure = error
        raise failure

    async def put_blob(self, transport: str, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        """Transport.put_blob. Raise PeerUnreachable, NetworkUnavailable."""
        return await self._keeper(transport).put_blob(peer, key, index, octets)

    async def get_blob(self, transport: str, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        """Transport.get_blob. Raise PeerUnreachable, NetworkUnavailable, PartRefused, ProtocolViolation."""
        return await self._keeper(transport).get_blob(peer, offer, index, size)

    async def delete_blobs(self, transport: str, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        """Transport.delete_blobs. Raise PeerUnreachable, NetworkUnavailable."""
        await self._keeper(transport).delete_blobs(peer, key, indexes)

    async def renew_blobs(self, transport: str, peer: PeerId, key: bytes) -> BlobReport:
        """Transport.renew_blobs. Raise PeerUnreachable, NetworkUnavailable."""
        return await self._keeper(transport).renew_blobs(peer, key)

    def _keeper(self, name: str) -> EnabledTransport:
        for transport in self.storing:
            if transport.name == name and transport.has_blobs:
                return transport
        raise PeerUnreachable(problem="the transport that keeps these parts is not enabled")

    async def claim(self, peer: PeerId, relays: Sequence[str]) -> bytes | None:
        """Get a KeyPackage of somebody who is away, or None where there is none.

        Raise PeerUnreachable or NetworkUnavailable where nobody could be asked.
        """
        now = self._runner.clock() // 1000
        named = await self._runner.read(lambda tx: routes.known(tx, peer, now=now))
        failure: BalchatError | None = None
        for transport in self.storing:
            try:
                if key_package := await transport.claim(peer, relays, named):
                    return key_package
            except (PeerUnreachable, NetworkUnavailable) as error:
                failure = error
        if failure:
            raise failure
        return None

    async def allocate(self, peer: PeerId) -> list[Route]:
        """Return the routes by which a peer can reach us, the fastest first; none of a transport that has none now.

        Waits until the transports have come up.
        """
        await self.settled.wait()
        allocated: list[Route] = []
        for transport in (*self.interactive, *self.storing):
            allocated.extend(await transport.allocate(peer))
        return allocated[: routes.MAX_ROUTES]

    async def disconnect(self, peer: PeerId) -> None:
        """End what connects us with a peer."""
        for transport in (*self.interactive, *self.storing):
            await transport.disconnect(peer)

    async def forget(self, peer: PeerId) -> None:
        """End what connects us with a peer, and have nothing of them kept."""
        await self.disconnect(peer)
        for transport in (*self.interactive, *self.storing):
            await transport.forget(peer)

    async def _first(
        self,
        transports: Sequence[EnabledTransport],
        peer: PeerId,
        named: Sequence[Route],
        hand_over: Callable[[EnabledTransport, Sequence[Route]], Awaitable[None]],
    ) -> BalchatError | None:
        """Hand over to the first transport that takes it; return why none did."""
        failure: BalchatError | None = None
        for transport in transports:
            try:
                if by := transport.routes_to(peer, named):
                    await hand_over(transport, by)
                    return None
            except (PeerUnreachable, NetworkUnavailable) as error:
                failure = error
        return failure or PeerUnreachable(problem="no enabled transport has a route to them")


def _view(transport: EnabledTransport, peer: PeerId, route: Route) -> RouteView:
    return RouteView(
        transport=transport.name,
        direct=transport.latency is Latency.INTERACTIVE,
        onion=transport.onion_of(peer, route),
        device=route.device_id.hex() if route.device_id else None,
        until=None if route.not_after is None else 1000 * route.not_after,
    )


def _by_device(found: Sequence[Route]) -> Iterable[Sequence[Route]]:
    """Return the routes to each device."""
    by_device: dict[bytes | None, list[Route]] = {}
    for route in found:
        by_device.setdefault(route.device_id, []).append(route)
    return by_device.values()
