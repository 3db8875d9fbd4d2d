"""The side that serves an account: one socket, many clients, each of them in a `Session`.

Two task groups carry it. One has what stops at once when balchat ends: accepting clients and reading from them. The
other, `work`, has what the clients asked for: it gets a little time to finish, so that whoever asked balchat to end
also gets an answer.
"""

import logging
import socket
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

import anyio
from anyio import BrokenResourceError, CancelScope, ClosedResourceError, to_thread
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from balchat_common.unix_sockets import UnixStream, accept

from balchat_host.api import API_VERSION
from balchat_host.api.errors import BalchatError, SocketUnusable, TooMany
from balchat_host.api.failures import contain
from balchat_host.api.frontend import App, FrontEnd, FrontEndContext
from balchat_host.api.rpc.description import PROTOCOL, Hello, Method
from balchat_host.api.rpc.protocol import Failure, error_object, to_line
from balchat_host.api.rpc.session import Session
from balchat_ui_rpc import endpoint, peer
from balchat_ui_rpc.limits import Limits
from balchat_ui_rpc.line_channel import LineChannel
from balchat_ui_rpc.settings import RpcSettings

_log: Final = logging.getLogger("balchat")
_FAREWELL: Final = 1.0
"""Seconds in which a client that is turned away can take the reason."""


class RpcServer(FrontEnd):
    """Serves one account on its socket."""

    def __init__(self, context: FrontEndContext, settings: RpcSettings, limits: Limits | None = None) -> None:
        self._context = context
        self._max_clients = settings.max_clients
        self._limits = limits or Limits()
        self._clients = 0

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        """Serve until cancelled. Raise AlreadyRunning, SocketUnusable."""
        hello = Hello(protocol=PROTOCOL, api=API_VERSION, version=await to_thread.run_sync(version, "balchat-host"))
        bound = await to_thread.run_sync(endpoint.listen, self._context)
        try:
            async with anyio.create_task_group() as group:
                ending = anyio.Event()
                try:
                    work = await self._begin_work(group, ending)
                    task_status.started()
                    while True:
                        await self._accept_until_lost(
                            bound, lambda connected: group.start_soon(self._serve, connected, app, hello, work)
                        )
                        # Who is connected stays so; for all others there is another socket.
                        bound.socket.close()
                        bound = await self._listen_again()
                finally:
                    bound.socket.close()
                    ending.set()
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(endpoint.remove, bound)

    async def _accept_until_lost(self, bound: endpoint.Bound, serve: Callable[[socket.socket], object]) -> None:
        """Have clients served until the socket's file is gone."""
        async with anyio.create_task_group() as accepting:
            accepting.start_soon(accept_each, bound, serve)
            while await to_thread.run_sync(endpoint.is_in_place, bound):  # noqa: ASYNC110  # a file tells nobody of its end
                await anyio.sleep(self._limits.look)
            accepting.cancel_scope.cancel()

    async def _listen_again(self) -> endpoint.Bound:
        while True:
            try:
                return await to_thread.run_sync(endpoint.listen_again, self._context)
            except BalchatError as error:
                # Only the kind of error: its text names paths.
                _log.warning("the local socket is gone and cannot be made again (%s)", error.code)
                await anyio.sleep(self._limits.look)

    async def _begin_work(self, group: TaskGroup, ending: anyio.Event) -> TaskGroup:
        """Return a group for what clients ask for; it ends in its own time after `ending`."""
        # Not `group.start`: cancelled, it would wait for a task that hides from cancellation until `ending`.
        begun: list[TaskGroup] = []
        ready = anyio.Event()

        async def work_until_ending() -> None:
            with CancelScope(shield=True) as scope:
                async with anyio.create_task_group() as work:
                    begun.append(work)
                    ready.set()
                    await ending.wait()
                    scope.deadline = anyio.current_time() + self._limits.grace

        group.start_soon(work_until_ending)
        await ready.wait()
        return begun[0]

    async def _serve(self, connected: socket.socket, app: App, hello: Hello, work: TaskGroup) -> None:
        try:
            await self._serve_one(connected, app, hello, work)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it ends this connection only
            connected.close()
            contain("a connection", error)

    async def _serve_one(self, connected: socket.socket, app: App, hello: Hello, work: TaskGroup) -> None:
        async with UnixStream(connected) as stream:
            try:
                self._admit(connected)
            except BalchatError as error:
                await _turn_away(stream, error)
                return
            self._clients += 1
            try:
                # What a client attends ends with it.
                with app.client() as own:

                    async def target(method: Method) -> App:
                        del method
                        return own

                    limits = self._limits
                    channel = LineChannel(stream, limits.patience)
                    await Session(channel, target, hello, work, calls=limits.calls, streams=limits.streams).serve()
            finally:
                self._clients -= 1

    def _admit(self, connected: socket.socket) -> None:
        peer.check_peer(connected)
        if self._clients >= self._max_clients:
            raise TooMany(what="programs connected", limit=self._max_clients)


async def accept_each(bound: endpoint.Bound, serve: Callable[[socket.socket], object]) -> None:
    """Have each client served as it comes, for ever. Raise SocketUnusable."""
    while True:
        try:
            connected = await accept(bound.socket)
        except OSError as error:
            raise SocketUnusable(problem=f"it no longer takes clients: {error.strerror}") from error
        serve(connected)


async def _turn_away(stream: ByteStream, reason: BalchatError) -> None:
    with anyio.move_on_after(_FAREWELL):
        try:
            await stream.send(to_line(Failure(id=None, error=error_object(reason))))
        except (BrokenResourceError, ClosedResourceError):
            return
