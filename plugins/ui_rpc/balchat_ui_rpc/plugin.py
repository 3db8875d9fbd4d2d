"""Registers the local socket: the side that serves it, and the connector that finds it.

Everything expensive is imported when it is used, not when it is registered.
"""

from collections.abc import Sequence

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.frontend import AppConnection, FrontEnd, FrontEndContext
from balchat_host.api.hookspecs import hookimpl
from balchat_ui_rpc.settings import RpcSettings


def make(context: FrontEndContext, settings: RpcSettings) -> FrontEnd:
    """Make the server for one account."""
    from balchat_ui_rpc.server import RpcServer  # noqa: PLC0415  # msgspec takes longer than all of the command line

    return RpcServer(context, settings)


async def connect(context: FrontEndContext, settings: object) -> AppConnection | None:  # noqa: ARG001  # the contract gives them
    """Find a running account's `App`: None where none runs.

    Raise SocketUnusable, ConnectionLost, TimedOut where one runs and cannot be used.
    """
    from balchat_ui_rpc.client import connect_app  # noqa: PLC0415  # as above

    return await connect_app(context)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_rpc`."""
    return [
        FrontEndDescriptor(
            name="ui_rpc",
            summary="Serves the account to other programs on a local socket",
            api_version=1,
            settings=RpcSettings,
            factory=make,
            connect=connect,
        )
    ]
