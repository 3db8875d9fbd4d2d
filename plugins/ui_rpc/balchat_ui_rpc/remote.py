"""The `App` across the socket: a class whose methods are made from the description that the server is made from."""

from collections.abc import AsyncIterator, Callable
from functools import update_wrapper
from inspect import Signature
from types import new_class
from typing import Any, Final, cast

from balchat_host.api.frontend import App
from balchat_host.api.views import Status
from balchat_ui_rpc.client_stream import ClientStream
from balchat_ui_rpc.description import METHODS, Method
from balchat_ui_rpc.rpc_client import RpcClient

_WINDOW: Final = 64
"""Values that a stream asks for at a time."""

_STATE_WINDOW: Final = 1
"""The same for a stream of states: only the newest is of interest, so none is fetched ahead."""


class _Remote:
    def __init__(self, client: RpcClient) -> None:
        self.client = client


def _call(method: Method, arguments: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    async def call(remote: _Remote, *values: Any, **named: Any) -> Any:
        return await remote.client.call(method, method.parameters(**arguments(*values, **named)))

    return call


def _stream(method: Method, arguments: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    window = _STATE_WINDOW if method.result is Status else _WINDOW

    def stream(remote: _Remote, *values: Any, **named: Any) -> AsyncIterator[Any]:
        return ClientStream(remote.client, method, arguments(*values, **named), window)

    return stream


def _function(method: Method) -> Callable[..., Any]:
    signature = Signature(list(method.takes.values()))

    def arguments(*values: Any, **named: Any) -> dict[str, Any]:
        return signature.bind(*values, **named).arguments

    made = _stream(method, arguments) if method.streams else _call(method, arguments)
    # Name, text and signature are the contract's; that it is abstract, which its __dict__ says, is not.
    return update_wrapper(made, vars(method.owner)[method.name], updated=())


def _remote_app() -> Callable[[RpcClient], App]:
    body = {method.name: _function(method) for method in METHODS.values() if method.owner is App}
    about = {"__doc__": "The App of a running account, across its local socket.", "__module__": __name__}
    return cast(
        Callable[[RpcClient], App], new_class("RemoteApp", (_Remote, App), exec_body=lambda ns: ns.update(body | about))
    )


RemoteApp: Final = _remote_app()
"""Makes the `App` at the other end of a connection."""
