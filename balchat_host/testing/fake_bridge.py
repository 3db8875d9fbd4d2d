"""Carries the calls of an `App` from one process to another, for the tests of programs.

It is no example for a front end: it believes whoever connects, and a stranger could make it run anything.
"""

import os
import pickle
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

import anyio
import anyio.to_thread
from anyio.abc import ByteReceiveStream, ByteStream, SocketListener, TaskStatus

from balchat_host.api.errors import BalchatError, ConnectionLost, error_from
from balchat_host.api.frontend import App

_SIZE = 4
_STREAMS = frozenset({"events", "watch_status"})


async def serve(app: App, path: str, *, task_status: TaskStatus[None]) -> None:
    """Answer every call that comes over the socket `path`, until cancelled."""

    async def answer(stream: ByteStream) -> None:
        async with stream:
            method, arguments = await _receive(stream)
            try:
                if method in _STREAMS:
                    async for item in getattr(app, method)(*arguments):
                        await _send(stream, ("item", item))
                elif method == "shut_down":
                    # The answer must be out before the end begins, which ends us too.
                    await _send(stream, ("item", os.getpid()))
                    await app.shut_down()
                else:
                    await _send(stream, ("item", await getattr(app, method)(*arguments)))
            except BalchatError as error:
                await _send(stream, ("error", (error.code, error.fields)))
            except anyio.BrokenResourceError:
                return

    listener = await SocketListener.from_socket(await anyio.to_thread.run_sync(_listen, path))
    try:
        async with listener:
            task_status.started()
            await listener.serve(answer)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.Path(path).unlink(missing_ok=True)


def _listen(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    listening.settimeout(0)
    return listening


def bridged_app(path: str) -> App:
    """Give the `App` at the other end of a socket."""

    def calling(method: str) -> Callable[..., Any]:
        async def call(_: App, *arguments: object) -> object:
            async for result in _call(path, method, arguments):
                return result
            raise ConnectionLost

        def stream(_: App, *arguments: object, **named: object) -> AsyncIterator[object]:
            return _call(path, method, (*arguments, *named.values()))

        return stream if method in _STREAMS else call

    methods = {method: calling(method) for method in App.__abstractmethods__}
    return cast(App, type("BridgedApp", (App,), methods)())


async def _call(path: str, method: str, arguments: tuple[object, ...]) -> AsyncGenerator[Any, None]:
    try:
        async with await anyio.connect_unix(path) as stream:
            await _send(stream, (method, arguments))
            while True:
                kind, content = await _receive(stream)
                if kind == "error":
                    raise error_from(*content)
                yield content
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
        raise ConnectionLost from error


async def _send(stream: ByteStream, value: object) -> None:
    octets = pickle.dumps(value)
    await stream.send(len(octets).to_bytes(_SIZE) + octets)


async def _receive(stream: ByteReceiveStream) -> Any:
    size = int.from_bytes(await _exactly(stream, _SIZE))
    return pickle.loads(await _exactly(stream, size))  # noqa: S301  # both ends are the same test


async def _exactly(stream: ByteReceiveStream, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        octets += await stream.receive(size - len(octets))
    return octets
