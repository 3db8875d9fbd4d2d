"""The network as transports use it.

A network that fails is made again, and the transports above it go on: what they published is published again by the new
object; a dial waits while the network starts, and fails at once while it does not run.
"""

from collections.abc import Callable
from typing import Final

import anyio
from anyio import ClosedResourceError
from anyio.abc import ByteStream

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError, NetworkUnavailable
from balchat_host.api.network import Network, PublishedService
from balchat_host.api.types import STOPPED, OnionKey, Phase, Secret, ServiceState
from balchat_host.runtime.enabled_plugin import EnabledPlugin, Run
from balchat_host.runtime.plugin_failure_messages import checked
from balchat_host.runtime.plugin_setups import NetworkSetup

_WAITING: Final = ServiceState(phase=Phase.STARTING, reason="the network does not run", code="network-stopped")


class EnabledNetwork(EnabledPlugin[Network]):
    """Dials and publishes.

    `hopeless` is told what waiting cannot mend: a NetworkUnavailable that the factory or `run` raised.
    """

    def __init__(
        self,
        setup: NetworkSetup,
        show: Callable[[str, ServiceState], None],
        *,
        hopeless: Callable[[BalchatError], None],
    ) -> None:
        super().__init__(setup, show)
        self._setup = setup
        self._hopeless = hopeless
        self._changed = Bell()
        self._published: set[RepublishedService] = set()

    # -- for transports

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        """Network.dial. Waits while the network starts. Raise PeerUnreachable, NetworkUnavailable."""
        while self.starting and not self.runs:
            await self._changed.wait()
        return await self.call(lambda network: network.dial(address, port, isolation=isolation))

    async def publish(
        self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> "RepublishedService":
        """Network.publish, for as long as the service is not closed, by every object of the network."""
        service = RepublishedService(self, key, port, on_state=on_state, forget=self._published.discard)
        self._published.add(service)
        try:
            if self.runs:
                await service.publish()
        except BaseException:
            self._published.discard(service)
            raise
        return service

    async def running(self) -> None:
        """Wait until there is an object that can be used."""
        while not self.runs:
            await self._changed.wait()

    # -- inside

    def make(self) -> Run:
        run = super().make()
        self._changed.ring()
        return run

    def gives_up(self, error: BaseException) -> bool:
        if isinstance(error, NetworkUnavailable):
            self._hopeless(error)
            return True
        return False

    def _make(self, on_state: Callable[[ServiceState], None]) -> Network:
        return checked(self._setup.make(on_state), Network)

    def _run_of(self, made: Network) -> Run:
        return made.run

    def _came_up(self) -> None:
        self._changed.ring()

    async def _clear(self) -> None:
        self._changed.ring()
        for service in tuple(self._published):
            service.lose()


class RepublishedService(PublishedService):
    """An address that is published again whenever there is a new network. Made by `EnabledNetwork.publish`."""

    def __init__(
        self,
        network: EnabledNetwork,
        key: Secret,
        port: int,
        *,
        on_state: Callable[[ServiceState], None],
        forget: Callable[["RepublishedService"], None],
    ) -> None:
        self._network = network
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

    async def publish(self) -> None:
        """Publish by the network that runs now. Raise what it raises."""
        self._inner = await self._network.call(
            lambda network: network.publish(self._key, self._port, on_state=self._on_state)
        )

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
                await self._network.running()
                await self.publish()
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
