"""What transports see of the host: one for each transport, each knowing its transport's name."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from anyio.abc import ByteStream

from balchat_host.api.errors import StorageFull
from balchat_host.api.network import Network, PublishedService
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.transport import Disposition, KeyPackages, Latency, SendReport, TransportHost, Verdict
from balchat_host.api.types import PeerId, Secret, ServiceState
from balchat_host.core import account, inbox, pool
from balchat_host.core.unit import crypto_area
from balchat_host.runtime.board import Board
from balchat_host.runtime.keeper import Keeper
from balchat_host.runtime.reporter import Reporter

T = TypeVar("T")

_FULL_RETRY_AFTER = 60.0


class AccountHost(TransportHost):
    """The host as one transport sees it."""

    def __init__(
        self,
        name: str,
        latency: Latency,
        *,
        identity: PeerId,
        seed: Secret,
        keeper: Keeper,
        network: Network,
        board: Board,
        reporter: Reporter,
        on_peer: Callable[[PeerId, bool], None],
        on_routes: Callable[[PeerId | None], None],
    ) -> None:
        self._name = name
        self._latency = latency
        self._identity = identity
        self._seed = seed
        self._keeper = keeper
        self._network = network
        self._board = board
        self._reporter = reporter
        self._on_peer = on_peer
        self._on_routes = on_routes
        self._area = f"transport/{name}"

    @property
    def identity(self) -> PeerId:
        return self._identity

    async def sign(self, *, domain: str, message: bytes) -> bytes:
        engine = self._keeper.engine
        return await self._keeper.read(lambda tx: engine.sign(crypto_area(tx), domain=domain, message=message))

    def verify(self, peer: PeerId, *, domain: str, message: bytes, signature: bytes) -> None:
        self._keeper.engine.verify(peer, domain=domain, message=message, signature=signature)

    async def dial(self, peer: PeerId, port: int, *, isolation: str = "") -> ByteStream:
        # Streams to two contacts never share a circuit, so that nobody in between can tell they are of one person.
        return await self._network.dial(peer, port, isolation=f"{self._name}/{peer.octets.hex()}/{isolation}")

    async def publish(self, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        def took(state: ServiceState) -> None:
            self._board.set_published(state)
            on_state(state)

        return await self._network.publish(self._seed, port, on_state=took)

    async def receive(self, source: PeerId | None, envelopes: Sequence[bytes]) -> Sequence[Disposition]:
        try:
            return await self._keeper.change(lambda unit: inbox.receive(unit, source, envelopes))
        except StorageFull as error:
            refused = Disposition(verdict=Verdict.REFUSED, reason=error.code, retry_after=_FULL_RETRY_AFTER)
            return [refused] * len(envelopes)

    async def change(self, fn: Callable[[KeyValueArea], T]) -> T:
        return await self._keeper.change(lambda unit: fn(unit.tx.area(self._area)))

    async def read(self, fn: Callable[[KeyValueArea], T]) -> T:
        return await self._keeper.read(lambda tx: fn(tx.area(self._area)))

    async def key_packages(self, count: int) -> KeyPackages:
        return await self._keeper.change(lambda unit: pool.refill(unit, count))

    async def advertise(self, relays: Sequence[str]) -> None:
        await self._keeper.change(lambda unit: account.advertise(unit, relays))

    def routes_changed(self, peer: PeerId | None = None) -> None:
        self._on_routes(peer)

    def report(self, reports: Sequence[SendReport]) -> None:
        self._reporter.take(reports, self._latency)

    def state_changed(self, state: ServiceState) -> None:
        self._board.set_transport(self._name, state)

    def peer_changed(self, peer: PeerId, *, reachable: bool) -> None:
        self._on_peer(peer, reachable)
