"""The relays of a transport as people manage them. What its contract does not know is told as that plugin's failure."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from balchat_host.api.errors import PluginError
from balchat_host.api.transport import RelayManager, Transport
from balchat_host.api.views import RelayView
from balchat_host.runtime.enabled_plugin import EnabledPlugin
from balchat_host.runtime.plugin_failure_messages import words_of

T = TypeVar("T")


class ManagedRelays(RelayManager):
    """Hands every call on. Raises PluginError, NetworkUnavailable, and what `Relays` does."""

    def __init__(self, transport: EnabledPlugin[Transport], relays: RelayManager) -> None:
        self._transport = transport
        self._relays = relays

    async def all(self) -> Sequence[RelayView]:
        return await self._call(self._relays.all)

    async def add(self, address: str) -> RelayView:
        return await self._call(self._relays.add, address)

    async def remove(self, relay: str) -> None:
        await self._call(self._relays.remove, relay)

    async def check(self, relay: str) -> RelayView:
        return await self._call(self._relays.check, relay)

    async def set_default(self, relay: str) -> RelayView:
        return await self._call(self._relays.set_default, relay)

    async def _call(self, call: Callable[..., Awaitable[T]], *arguments: str) -> T:
        return await self._transport.call(lambda _: call(*arguments), failed=self._failed)

    def _failed(self, error: BaseException) -> PluginError:
        problem = f"managing its relays {words_of(error)}"
        return PluginError(plugin=self._transport.name, distribution=self._transport.origin, problem=problem)
