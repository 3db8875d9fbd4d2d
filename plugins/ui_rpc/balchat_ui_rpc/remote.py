"""The `App` across the socket: classes whose methods are made from the description that the server is made from."""

from collections.abc import AsyncIterator, Callable
from functools import update_wrapper
from inspect import Signature
from types import new_class
from typing import Any, Final, cast

from balchat_host.api.ephemeral import Ephemeral
from balchat_host.api.frontend import App
from balchat_host.api.frontend.area import areas_of
from balchat_host.api.rpc.description import METHODS, Method
from balchat_host.api.views import ServiceStatus
from balchat_ui_rpc.client_stream import ClientStream
from balchat_ui_rpc.rpc_client import RpcClient

_WINDOW: Final = 64
"""Values that a stream asks for at a time."""

_OCTETS_WINDOW: Final = 8
"""The same for octets, of which much more belongs to each value."""

_STATE_WINDOW: Final = 1
"""The same for a stream of states: only the newest is of interest, so none is fetched ahead."""

_STATES: Final = (ServiceStatus, Ephemeral)


class _Remote:
    def __init__(self, rpc: RpcClient) -> None:
        self.rpc = rpc


def _call(method: Method, arguments: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    async def call(remote: _Remote, *values: Any, **named: Any) -> Any:
        given = arguments(*values, **named)
        octets = None if method.octets is None else given.pop(method.octets)
        return await remote.rpc.call(method, method.parameters(**given), octets)

    return call


def _stream(method: Method, arguments: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    window = _OCTETS_WINDOW if method.gives_octets else _STATE_WINDOW if method.result in _STATES else _WINDOW

    def stream(remote: _Remote, *values: Any, **named: Any) -> AsyncIterator[Any]:
        return ClientStream(remote.rpc, method, arguments(*values, **named), window)

    return stream


def _function(method: Method) -> Callable[..., Any]:
    signature = Signature(list(method.takes.values()))

    def arguments(*values: Any, **named: Any) -> dict[str, Any]:
        return signature.bind(*values, **named).arguments

    made = _stream(method, arguments) if method.streams else _call(method, arguments)
    # Name, text and signature are the contract's; that it is abstract, which its __dict__ says, is not.
    return update_wrapper(made, vars(method.owner)[method.attribute], updated=())


def _remote_class(owner: type, more: dict[str, Any]) -> Callable[[RpcClient], Any]:
    """Return a class that does what `owner` declares across the socket; `more` is what else is in it."""
    body = {method.attribute: _function(method) for method in METHODS.values() if method.owner is owner}
    about = {"__doc__": owner.__doc__, "__module__": __name__}
    made = new_class(f"Remote{owner.__name__}", (_Remote, owner), exec_body=lambda ns: ns.update(body | about | more))
    return cast("Callable[[RpcClient], Any]", made)


def _area(owner: type) -> property:
    made = _remote_class(owner, {})
    return property(lambda remote: made(remote.rpc))


RemoteApp: Final[Callable[[RpcClient], App]] = _remote_class(
    App, {name: _area(owner) for name, owner in areas_of(App).items()}
)
"""Makes the `App` at the other end of a connection."""
