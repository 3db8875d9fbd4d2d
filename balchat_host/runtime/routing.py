"""Which way an envelope takes: the routes that a contact named, by the deployment's policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Latency, Outgoing, Transport
from balchat_host.api.types import PeerId, Route
from balchat_host.core import routes
from balchat_host.runtime.keeper import Keeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A transport with what its descriptor says of it."""

    name: str
    latency: Latency
    transport: Transport


class Router:
    """Picks among the enabled transports; interactive ones come first. It never knows one by name."""

    def __init__(self, keeper: Keeper, carriers: Sequence[Carrier]) -> None:
        self._keeper = keeper
        ordered = sorted(carriers, key=lambda carrier: carrier.latency is not Latency.INTERACTIVE)
        self._carriers: Mapping[str, Carrier] = {carrier.name: carrier for carrier in ordered}

    def reachable(self, peer: PeerId) -> bool:
        """Say whether what is handed over now goes out at once; one that stores and forwards is always ready."""
        return any(
            carrier.latency is Latency.STORE_AND_FORWARD or carrier.transport.reachable(peer)
            for carrier in self._carriers.values()
        )

    async def send(self, peer: PeerId, outgoing: Sequence[Outgoing]) -> None:
        """Hand envelopes to the first transport that has a way and takes them; with none, only connect.

        Raises PeerUnreachable or NetworkUnavailable where none does.
        """
        now = self._keeper.clock() // 1000
        named = await self._keeper.read(lambda tx: routes.known(tx, peer, now=now))
        failure: PeerUnreachable | None = None
        for carrier in self._carriers.values():
            route = self._route(carrier, peer, named)
            if route is None:
                continue
            try:
                await carrier.transport.send(peer, route, outgoing)
            except PeerUnreachable as error:
                failure = error
            else:
                return
        raise failure or PeerUnreachable(problem="no enabled transport has a way to them")

    async def allocate(self, peer: PeerId) -> list[Route]:
        """Give the ways by which a peer shall reach us, the fastest first."""
        allocated: list[Route] = []
        for carrier in self._carriers.values():
            allocated.extend(await carrier.transport.allocate_routes(peer))
        return allocated[: routes.MAX_ROUTES]

    async def disconnect(self, peer: PeerId) -> None:
        """End what connects us with a peer."""
        for carrier in self._carriers.values():
            await carrier.transport.disconnect(peer)

    @staticmethod
    def _route(carrier: Carrier, peer: PeerId, named: Sequence[Route]) -> Route | None:
        for route in named:
            if route.transport == carrier.name:
                return route
        return carrier.transport.first_route(peer)
