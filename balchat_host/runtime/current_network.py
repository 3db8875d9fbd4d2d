"""The network as transports use it, whichever object of the network plugin runs now.

A network that fails is made again, and the transports above it go on: what they published is published again by the new
object; a dial waits while the network starts, and fails at once while it does not run.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
from anyio import ClosedResourceError
from anyio.abc import ByteStream

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError, NetworkUnavailable
from balchat_host.api.failures import contain
from balchat_host.api.network import Network, PublishedService
from balchat_host.api.types import STOPPED, PeerId, Phase, Secret, ServiceState
from balchat_host.runtime.failures import checked
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.open_calls import ObjectEnded, OpenCalls
from balchat_host.runtime.setups import NetworkSetup
from balchat_host.runtime.supervision import PluginService, Run

T = TypeVar("T")

_WAITING: Final = ServiceState(phase=Phase.STARTING, reason="the network does not run")


class CurrentNetwork(PluginService):
    """Dials and publishes by the object that runs now.

    `hopeless` is told what waiting cannot mend: a NetworkUnavailable that the factory or `run` raised.
    """

    def __init__(
        self, setup: NetworkSetup, live_status: LiveStatus, *, hopeless: Callable[[BalchatError], None]
    ) -> None:
        super().__init__(setup.name, setup.origin)
        self._setup = setup
        self._live_status = live_status
        self._hopeless = hopeless
        self._lease: object = None
        self._made: Network | None = None
        self._network: Network | None = None
        self._starting = True
        self._changed = Bell()
        self._calls = OpenCalls()
        self._published: set[LastingService] = set()

    # -- for its supervisor

    def make(self) -> Run:
        self._starting = True
        self._changed.ring()
        self._lease = lease = object()

        def on_state(state: ServiceState) -> None:
            if self._lease is lease:  # else it is an object that has ended
                self.reported = True
                self.show(state)

        self._made = checked(self._setup.make(on_state), Network)
        return self._made.run

    async def begin(self) -> None:
        self._network, self._starting = self._made, False
        self._changed.ring()

    async def end(self) -> None:
        self._lease = self._made = self._network = None
        self._starting = False
        self._changed.ring()
        self._calls.end()
        for service in tuple(self._published):
            service.lose()

    def gives_up(self, error: BaseException) -> bool:
        if isinstance(error, NetworkUnavailable):
            self._hopeless(error)
            return True
        return False

    def show(self, state: ServiceState) -> None:
        self._live_status.set_network(self.name, state)

    # -- for transports

    async def dial(self, peer: PeerId, port: int, *, isolation: str) -> ByteStream:
        """Network.dial. Waits while the network starts. Raises PeerUnreachable, NetworkUnavailable."""
        while self._network is None and self._starting:
            await self._changed.next_ring().wait()
        if self._network is None:
            raise self._absent()
        network = self._network
        return await self._call(lambda: network.dial(peer, port, isolation=isolation))

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> "LastingService":
        """Network.publish, for as long as the service is not closed, by every object of the network."""
        service = LastingService(self, key, port, on_state=on_state, forget=self._published.discard)
        self._published.add(service)
        try:
            if self._network is not None:
                await service.publish_by(self._network)
        except BaseException:
            self._published.discard(service)
            raise
        return service

    async def publish_now(
        self, network: Network, key: Secret, port: int, on_state: Callable[[ServiceState], None]
    ) -> PublishedService:
        """Publish by one object."""
        return await self._call(lambda: network.publish(key, port, on_state=on_state))

    async def running(self) -> Network:
        """Return the object that runs; wait for one."""
        while self._network is None:
            await self._changed.next_ring().wait()
        return self._network

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call the present object. Raises errors of balchat's own; NetworkUnavailable for any other, and at its end."""
        try:
            return await self._calls.wait_for(call)
        except BalchatError:
            raise
        except ObjectEnded as error:
            raise self._absent() from error
        except BaseException as error:
            contain(f"{self.name} ({self.origin})", error)
            remedy = "`balchat status` shows how it is."
            raise NetworkUnavailable(problem=f"{self.name} failed", remedy=remedy) from error

    def _absent(self) -> NetworkUnavailable:
        return NetworkUnavailable(problem=f"{self.name} does not run", remedy="`balchat status` shows why.")


class LastingService(PublishedService):
    """An address that is published again whenever there is a new network. Made by `CurrentNetwork.publish`."""

    def __init__(
        self,
        current: CurrentNetwork,
        key: Secret,
        port: int,
        *,
        on_state: Callable[[ServiceState], None],
        forget: Callable[["LastingService"], None],
    ) -> None:
        self._current = current
        self._key = key
        self._port = port
        self._on_state = on_state
        self._forget = forget
        self._inner: PublishedService | None = None
        self._publishing = anyio.Lock()
        self._waiting: set[anyio.CancelScope] = set()
        self.closed = False

    @property
    def state(self) -> ServiceState:
        if self._inner is not None:
            return self._inner.state
        return STOPPED if self.closed else _WAITING

    async def publish_by(self, network: Network) -> None:
        """Publish by one object of the network. Raises what it raises."""
        self._inner = await self._current.publish_now(network, self._key, self._port, self._on_state)

    async def accept(self) -> ByteStream:
        while True:
            stream = None
            with anyio.CancelScope() as scope:
                self._waiting.add(scope)
                try:
                    stream = await self._accept()
                finally:
                    self._waiting.discard(scope)
            if stream is not None:
                return stream

    async def _accept(self) -> ByteStream:
        if self.closed:
            raise ClosedResourceError
        async with self._publishing:
            if self._inner is None:
                await self.publish_by(await self._current.running())
        assert self._inner is not None, "it has just been published"
        return await self._inner.accept()

    async def aclose(self) -> None:
        if not self.closed:
            self.closed = True
            self._forget(self)
            inner, self._inner = self._inner, None
            self._wake()
            if inner is not None:
                await inner.aclose()

    def lose(self) -> None:
        """Take note that the network is gone by which it was published."""
        self._inner = None
        self._on_state(_WAITING)
        self._wake()

    def _wake(self) -> None:
        for scope in self._waiting:
            scope.cancel()
