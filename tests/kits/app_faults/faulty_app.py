"""An App that keeps every promise: the ground in which faults of ways to an account are planted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from balchat_host.api.frontend import App


class FaultyApp:
    """No fault.

    What one is stands in a method that is called like that of the App, as `messages_send` for `messages.send`. It gets
    that one as `call`.
    """

    caught_by: ClassVar[str] = "test_a_contact_is_called_by_its_name_onion_or_peer_id"
    audited: ClassVar[bool] = False

    def __init__(self, app: App) -> None:
        self._app = app
        self.kept: dict[str, Any] = {}
        """What it remembers, and should not, or should do so otherwise."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._app, name)
        return found if name == "client" else _Faulty(self, name, found)

    async def capabilities(self) -> frozenset[str]:
        return await self._app.capabilities()


class FaultyPair(FaultyApp):
    """No fault. Both accounts have it."""

    caught_by = "test_a_message_arrives_and_its_states_are_true"


class FaultyRelays(FaultyApp):
    """No fault. Its account has a transport that uses relays."""

    caught_by = "test_the_first_one_added_is_the_default"


class FaultyDirect(FaultyApp):
    """No fault. Its account has no transport that uses relays."""

    caught_by = "test_relays_are_no_capability"


class _Faulty:
    def __init__(self, app: FaultyApp, area: str, real: Any) -> None:
        self._app = app
        self._area = area
        self._real = real

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        fault = getattr(type(self._app), f"{self._area}_{name}", None)
        return call if fault is None else partial(fault, self._app, call)
