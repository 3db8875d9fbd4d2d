"""The relays of a transport as people manage them. What its contract does not know is told as that plugin's failure."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PluginError
from balchat_host.api.failures import contain
from balchat_host.api.transport import Relays
from balchat_host.api.views import RelayView
from balchat_host.runtime.failures import words_of
from balchat_host.runtime.open_calls import ObjectEnded, OpenCalls

T = TypeVar("T")


class ManagedRelays(Relays):
    """Hands every call on. Raises PluginError, NetworkUnavailable, and what `Relays` does."""

    def __init__(self, relays: Relays, calls: OpenCalls, *, name: str, origin: str) -> None:
        self._relays = relays
        self._calls = calls
        self._name = name
        self._origin = origin

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
        try:
            return await self._calls.wait_for(lambda: call(*arguments))
        except BalchatError:
            raise
        except ObjectEnded as error:
            problem = f"{self._name} ended before it had answered"
            raise NetworkUnavailable(problem=problem, remedy="`balchat status` shows why.") from error
        except BaseException as error:
            contain(f"{self._name} ({self._origin})", error)
            problem = f"managing its relays {words_of(error)}"
            raise PluginError(plugin=self._name, distribution=self._origin, problem=problem) from error
