"""An enabled transport, whichever object of it runs now.

Every call of a transport's goes through here. An exception that its contract does not know is that transport's failure:
its type is logged, and whoever called goes on as if the transport could not do it now.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import TypeVar

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PeerUnreachable
from balchat_host.api.failures import contain
from balchat_host.api.transport import Outgoing, Relays, Transport
from balchat_host.api.types import PeerId, Route, ServiceState
from balchat_host.core import routes
from balchat_host.runtime.failures import checked
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_transport_context import LocalTransportContext
from balchat_host.runtime.managed_relays import ManagedRelays
from balchat_host.runtime.open_calls import ObjectEnded, OpenCalls
from balchat_host.runtime.setups import TransportSetup
from balchat_host.runtime.supervision import PluginService, Run

T = TypeVar("T")


class EnabledTransport(PluginService):
    """Carries by the object that runs now.

    `new_context(on_state)` gives each object a context of its own, `contacts()` all peers of whom something may be
    kept.
    `came_up()` is called whenever an object can be used.
    """

    def __init__(
        self,
        setup: TransportSetup,
        live_status: LiveStatus,
        *,
        new_context: Callable[[Callable[[ServiceState], None]], LocalTransportContext],
        contacts: Callable[[], Awaitable[Collection[PeerId]]],
        came_up: Callable[[], None],
    ) -> None:
        super().__init__(setup.name, setup.origin)
        self.latency = setup.latency
        self._setup = setup
        self._live_status = live_status
        self._new_context = new_context
        self._contacts = contacts
        self._came_up = came_up
        self._context: LocalTransportContext | None = None
        self._made: Transport | None = None
        self._transport: Transport | None = None
        self._calls = OpenCalls()

    # -- for its supervisor

    def make(self) -> Run:
        self._context = self._new_context(self._on_state)
        self._made = checked(self._setup.make(self._context), Transport)
        return self._made.run

    async def begin(self) -> None:
        assert self._made is not None, "it has been made"
        try:
            await self._made.keep_only(await self._contacts())
        except BaseException as error:  # noqa: BLE001  # see above
            self._failed(error)
        self._transport = self._made
        self._came_up()

    async def end(self) -> None:
        self._made = self._transport = None
        self._calls.end()
        context, self._context = self._context, None
        if context is not None:
            await context.end()

    def show(self, state: ServiceState) -> None:
        self._live_status.set_transport(self.name, state)

    def _on_state(self, state: ServiceState) -> None:
        self.reported = True
        self.show(state)

    # -- for the router

    @property
    def runs(self) -> bool:
        """Whether there is an object that can be used."""
        return self._transport is not None

    def relays(self) -> Relays | None:
        """Return the relays that people manage at the transport; None where it has none. Raises NetworkUnavailable."""
        transport = self._running()
        try:
            relays = transport.relays
        except BaseException as error:
            raise self._failed(error) from error
        return None if relays is None else ManagedRelays(relays, self._calls, name=self.name, origin=self.origin)

    def reachable(self, peer: PeerId) -> bool:
        """Say whether `peer` is within reach this moment."""
        if self._transport is None:
            return False
        try:
            return self._transport.reachable(peer)
        except BaseException as error:  # noqa: BLE001  # see above
            self._failed(error)
            return False

    def ways(self, peer: PeerId, named: Sequence[Route]) -> Sequence[Route]:
        """Return the routes that the peer named for it; where it named none at all, the transport's own idea.

        Raises PeerUnreachable.
        """
        if named:
            return [route for route in named if route.transport == self.name]
        if self._transport is None:
            return []
        try:
            return self._checked(self._transport.first_routes(peer))
        except BaseException as error:
            raise self._failed(error) from error

    async def send(self, peer: PeerId, ways: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        """Transport.send. Raises PeerUnreachable, NetworkUnavailable."""
        transport, context = self._running(), self._context
        assert context is not None, "each object has a context"
        tickets = [each.ticket for each in outgoing]
        context.hand_over(tickets)
        try:
            await self._call(lambda: transport.send(peer, ways, outgoing))
        except BaseException:
            context.not_taken(tickets)
            raise

    async def allocate(self, peer: PeerId) -> Sequence[Route]:
        """Transport.allocate_routes; none where it has none now."""
        if self._transport is None:
            return []
        transport = self._transport

        async def allocate() -> Sequence[Route]:
            return self._checked(await transport.allocate_routes(peer))

        try:
            return await self._call(allocate)
        except (NetworkUnavailable, PeerUnreachable):
            return []

    async def claim(self, peer: PeerId, relays: Sequence[str], named: Sequence[Route]) -> bytes | None:
        """Transport.claim_key_package; `named` are all routes that the peer has named.

        Raises PeerUnreachable, NetworkUnavailable.
        """
        transport = self._running()
        ours = [route for route in named if route.transport == self.name]

        async def claim() -> bytes | None:
            claimed = await transport.claim_key_package(peer, relays, ours)
            return None if claimed is None else checked(claimed, bytes)

        return await self._call(claim)

    async def disconnect(self, peer: PeerId) -> None:
        """Transport.disconnect."""
        await self._tell(lambda transport: transport.disconnect(peer))

    async def forget(self, peer: PeerId) -> None:
        """Transport.forget. Where it does not run, it is told with `keep_only` when it does."""
        await self._tell(lambda transport: transport.forget(peer))

    # -- inside

    def _running(self) -> Transport:
        if self._transport is None:
            raise self._absent()
        return self._transport

    def _absent(self) -> NetworkUnavailable:
        return NetworkUnavailable(problem=f"{self.name} does not run", remedy="`balchat status` shows why.")

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._calls.wait_for(call)
        except (PeerUnreachable, NetworkUnavailable):
            raise
        except ObjectEnded as error:
            raise self._absent() from error
        except BaseException as error:
            raise self._failed(error) from error

    async def _tell(self, call: Callable[[Transport], Awaitable[None]]) -> None:
        if (transport := self._transport) is not None:
            with suppress(PeerUnreachable, NetworkUnavailable):
                await self._call(lambda: call(transport))

    def _checked(self, found: Sequence[Route]) -> Sequence[Route]:
        """Return routes that others can read (docs/spec/content.md). Raises what is wrong with them."""
        checked = routes.decode(routes.encode(found[: routes.MAX_ROUTES]))
        if any(route.transport != self.name for route in checked):
            raise ValueError
        return checked

    def _failed(self, error: BaseException) -> BalchatError:
        """Log a failure; give the error for whoever called. Raises cancellation and Ctrl-C again."""
        contain(f"{self.name} ({self.origin})", error)
        return PeerUnreachable(problem=f"{self.name} failed")
