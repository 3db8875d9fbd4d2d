"""The side that reaches a running account: finds its socket, asks what runs there, and gives its `App`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
from anyio import BrokenResourceError, to_thread
from anyio.abc import ByteStream
from balchat_common.unix_sockets import UnixStream

from balchat_host.api.errors import BalchatError, ConnectionLost, SocketUnusable, TimedOut
from balchat_host.api.frontend import App, AppConnection, FrontEndContext
from balchat_host.api.rpc.description import METHODS, PROTOCOL, Hello
from balchat_host.api.rpc.protocol import call_line, read_incoming
from balchat_ui_rpc import endpoint, peer
from balchat_ui_rpc.client_stream import decode
from balchat_ui_rpc.lines import LineReader
from balchat_ui_rpc.remote import RemoteApp
from balchat_ui_rpc.rpc_client import RpcClient

_PATIENCE: Final = 10
"""Seconds in which a running balchat says what it is."""

_MAX_HELLO_SIZE: Final = 65536


async def connect_app(context: FrontEndContext) -> AppConnection | None:
    """Return a connection to the account, or None where it is not running. Enter what this gives, to close it.

    Raise SocketUnusable, ConnectionLost, TimedOut.
    """
    connected = await to_thread.run_sync(endpoint.reach, context)
    if connected is None:
        return None
    stream = UnixStream(connected)
    try:
        peer.check_peer(connected)
        await _greet(stream)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise
    return _connected(stream)


async def _greet(stream: ByteStream) -> None:
    """Ask who is there. Raise SocketUnusable for another version, what the server refuses us with, ConnectionLost."""
    with anyio.move_on_after(_PATIENCE):
        hello = await _ask_hello(stream)
        if hello.protocol != PROTOCOL:
            problem = (
                f"the running balchat ({hello.version}) speaks version {hello.protocol} of its protocol, "
                f"this one version {PROTOCOL}; `balchat down` and `balchat up` start the new one"
            )
            raise SocketUnusable(problem=problem)
        return
    raise TimedOut(seconds=_PATIENCE, what="the running balchat answers on its local socket")


async def _ask_hello(stream: ByteStream) -> Hello:
    method = METHODS["hello"]
    # Who hangs up at once may have told why before.
    with suppress(BrokenResourceError):
        await stream.send(call_line(0, method, method.parameters()))
    line = await LineReader(stream, _MAX_HELLO_SIZE).read()
    if line is None:
        raise ConnectionLost
    answer = read_incoming(line).answer()
    if isinstance(answer, BalchatError):
        raise answer
    return decode(method, answer)


@asynccontextmanager
async def _connected(stream: ByteStream) -> AsyncGenerator[App, None]:
    client = RpcClient(stream)
    failure: BaseException | None = None
    async with stream, anyio.create_task_group() as group:
        group.start_soon(client.write_all)
        group.start_soon(client.read_all)
        try:
            yield RemoteApp(client)
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001  # it is raised below, where no group wraps it
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
