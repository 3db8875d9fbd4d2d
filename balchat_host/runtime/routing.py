"""Which way an envelope takes: by the routes that a contact named, among the transports that the policy left."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import Latency, Outgoing, Transport
from balchat_host.api.types import PeerId, Route
from balchat_host.core import routes
from balchat_host.runtime.keeper import Keeper

_log: Final = logging.getLogger("balchat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A transport with what its descriptor says of it."""

    name: str
    latency: Latency
    transport: Transport


class Router:
    """Picks among the enabled transports, which the policy left. It never knows one by name.

    `interactive` are those that reach contacts themselves, `storing` those that store and forward.
    """

    def __init__(self, keeper: Keeper, carriers: Sequence[Carrier]) -> None:
        self._keeper = keeper
        self.interactive = [carrier for carrier in carriers if carrier.latency is Latency.INTERACTIVE]
        self.storing = [carrier for carrier in carriers if carrier.latency is Latency.STORE_AND_FORWARD]

    def reachable(self, peer: PeerId) -> bool:
        """Say whether a peer is within reach: what is handed over now goes out at once."""
        return any(carrier.transport.reachable(peer) for carrier in self.interactive)

    async def send(self, peer: PeerId, take: Callable[[], Sequence[Outgoing]]) -> None:
        """Connect by the first transport that has a way, and hand over what `take` then gives; it may be nothing.

        `take` is called when there is a way, and nothing is waited for between its answer and the transport: while we
        connected, what was on an earlier way may have been lost, and nothing may overtake it.
        Raises PeerUnreachable or NetworkUnavailable where there is no way, or it ended before it took anything.
        """

        async def hand_over(carrier: Carrier, ways: Sequence[Route]) -> None:
            if not carrier.transport.reachable(peer):
                await carrier.transport.send(peer, ways, [])
            if outgoing := take():
                await carrier.transport.send(peer, ways, outgoing)

        await self._first(self.interactive, peer, hand_over)

    async def store(self, peer: PeerId, outgoing: Sequence[Outgoing]) -> None:
        """Hand over what shall wait for a peer, to the first transport that has a way and takes it.

        Raises PeerUnreachable or NetworkUnavailable where none does.
        """
        await self._first(self.storing, peer, lambda carrier, ways: carrier.transport.send(peer, ways, outgoing))

    async def claim(self, peer: PeerId, relays: Sequence[str]) -> bytes | None:
        """Get a KeyPackage of somebody who is away, or None where there is none.

        Raises PeerUnreachable or NetworkUnavailable where nobody could be asked.
        """
        failure: BalchatError | None = None
        for carrier in self.storing:
            try:
                if key_package := await carrier.transport.claim_key_package(peer, relays):
                    return key_package
            except (PeerUnreachable, NetworkUnavailable) as error:
                failure = error
            except Exception as error:  # noqa: BLE001  # one bad plugin never stops another
                failure = _failed(carrier, error)
        if failure:
            raise failure
        return None

    async def allocate(self, peer: PeerId) -> list[Route]:
        """Give the ways by which a peer shall reach us, the fastest first; none of a transport that has none now."""
        allocated: list[Route] = []
        for carrier in (*self.interactive, *self.storing):
            try:
                allocated.extend(await carrier.transport.allocate_routes(peer))
            except NetworkUnavailable:
                continue
            except Exception as error:  # noqa: BLE001  # one bad plugin never stops another
                _failed(carrier, error)
        return allocated[: routes.MAX_ROUTES]

    async def disconnect(self, peer: PeerId) -> None:
        """End what connects us with a peer."""
        for carrier in (*self.interactive, *self.storing):
            try:
                await carrier.transport.disconnect(peer)
            except Exception as error:  # noqa: BLE001  # one bad plugin never stops another
                _failed(carrier, error)

    async def forget(self, peer: PeerId) -> None:
        """End what connects us with a peer, and have nothing of them kept."""
        await self.disconnect(peer)
        for carrier in (*self.interactive, *self.storing):
            try:
                await carrier.transport.forget(peer)
            except Exception as error:  # noqa: BLE001  # one bad plugin never stops another
                _failed(carrier, error)

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        """Have nothing kept of anybody else."""
        for carrier in (*self.interactive, *self.storing):
            try:
                await carrier.transport.keep_only(peers)
            except Exception as error:  # noqa: BLE001  # one bad plugin never stops another
                _failed(carrier, error)

    async def _first(
        self,
        carriers: Sequence[Carrier],
        peer: PeerId,
        hand_over: Callable[[Carrier, Sequence[Route]], Awaitable[None]],
    ) -> None:
        now = self._keeper.clock() // 1000
        named = await self._keeper.read(lambda tx: routes.known(tx, peer, now=now))
        failure: BalchatError | None = None
        for carrier in carriers:
            ways = self._ways(carrier, peer, named)
            if not ways:
                continue
            try:
                await hand_over(carrier, ways)
            except (PeerUnreachable, NetworkUnavailable) as error:
                failure = error
            except Exception as error:  # noqa: BLE001  # one bad plugin never stops another
                failure = _failed(carrier, error)
            else:
                return
        raise failure or PeerUnreachable(problem="no enabled transport has a way to them")

    @staticmethod
    def _ways(carrier: Carrier, peer: PeerId, named: Sequence[Route]) -> Sequence[Route]:
        """Give the routes that the peer named for a transport; where it named none at all, the transport's own idea."""
        if not named:
            return carrier.transport.first_routes(peer)
        return [route for route in named if route.transport == carrier.name]


def _failed(carrier: Carrier, error: Exception) -> PeerUnreachable:
    # Only the kind of error: its text may tell of people.
    _log.error("%s failed (%s)", carrier.name, type(error).__name__)
    return PeerUnreachable(problem=f"{carrier.name} failed")
