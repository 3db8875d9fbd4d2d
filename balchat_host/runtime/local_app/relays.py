"""Relays, as the transport that has them manages them."""

from collections.abc import Collection, Sequence

from balchat_host.api.errors import NetworkUnavailable, NoRelayTransport, NotRunning
from balchat_host.api.frontend import Relays
from balchat_host.api.frontend.area import method_names
from balchat_host.api.transport import RelayManager
from balchat_host.api.views import RelayView
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.local_app.running import Running


class LocalRelays(LocalArea, Relays):
    """The relays that keep envelopes for us while we are away."""

    def __init__(self, running: Running | None) -> None:
        self._running = running

    def missing(self) -> Collection[str]:
        try:
            self._manager()
        except (NotRunning, NoRelayTransport):
            return method_names(Relays)
        except NetworkUnavailable:
            pass  # there is a transport, and it starts
        return ()

    async def list(self) -> Sequence[RelayView]:
        return [*await self._manager().all()]

    async def add(self, address: str) -> RelayView:
        return await self._manager().add(address)

    async def remove(self, relay: str) -> None:
        await self._manager().remove(relay)

    async def check(self, relay: str) -> RelayView:
        return await self._manager().check(relay)

    async def set_default(self, relay: str) -> RelayView:
        return await self._manager().set_default(relay)

    def _manager(self) -> RelayManager:
        if self._running is None:
            raise NotRunning
        manager = self._running.relays()
        if manager is None:
            raise NoRelayTransport
        return manager
