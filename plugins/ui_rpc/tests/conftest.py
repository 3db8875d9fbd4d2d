"""An account in memory, served on a socket of its own, and both ways to speak to it: as an App, and line by line."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from balchat_common.unix_sockets import UnixStream
from balchat_ui_rpc.endpoint import reach
from balchat_ui_rpc.lines import LineReader
from balchat_ui_rpc.plugin import connect
from balchat_ui_rpc.server import RpcServer
from balchat_ui_rpc.settings import RpcSettings

from balchat_host.api.events import ContactRemoved
from balchat_host.api.frontend import FrontEndContext
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.waiting import closing

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterator

    from anyio.abc import TaskGroup, TaskStatus
    from balchat_ui_rpc.limits import Limits

    from balchat_host.api.events import Event
    from balchat_host.api.frontend import App


class Script:
    """A program that speaks JSON-RPC by itself, line by line."""

    def __init__(self, connected: socket.socket) -> None:
        self.stream = UnixStream(connected)
        self._lines = LineReader(self.stream, 2**30)

    async def say(self, *messages: bytes | dict[str, Any]) -> None:
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps({"jsonrpc": "2.0"} | message).encode()
            await self.stream.send(line + b"\n")

    async def hear(self) -> dict[str, Any]:
        line = await self._lines.read()
        assert line is not None, "the server has hung up"
        heard = json.loads(line)
        assert heard.pop("jsonrpc") == "2.0"
        return heard

    async def hear_end(self) -> None:
        assert await self._lines.read() is None

    async def ask(self, method: str, **params: Any) -> Any:
        await self.say({"id": method, "method": method, "params": params})
        answer = await self.hear()
        assert answer["id"] == method
        return answer["error"] if "error" in answer else answer["result"]


class GatedAccount(MemoryAccount):
    """An account whose `backup` waits at a gate, and whose events tell how many were taken and whether anybody follows.

    With `many`, there are that many events, which are all alike.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.done = 0
        self.taken = 0
        self.many = 0
        self.arrived = anyio.Event()
        self.gate = anyio.Event()
        self.left = anyio.Event()
        self.app.account.backup = self._backup
        self._events, self.app.events.follow = self.app.events.follow, self._counted_events

    async def _backup(self, target: str) -> None:
        self.begun += 1
        self.arrived.set()
        await self.gate.wait()
        self.done += 1

    async def _counted_events(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        stream = self._many_events() if self.many else self._events(after, subscriber)
        try:
            async with closing(stream) as events:
                async for event in events:
                    self.taken += 1
                    yield event
        finally:
            self.left.set()

    async def _many_events(self) -> AsyncIterator[Event]:
        for number in range(1, self.many + 1):
            await anyio.lowlevel.checkpoint()
            yield ContactRemoved(
                cursor=number, at=0, name=f"contact {number}", peer_id="00" * 32, conversation="00" * 16
            )
        await anyio.sleep_forever()


class Serving:
    """A server that runs in a task of its own, until `stop`."""

    def __init__(self, server: RpcServer, app: App) -> None:
        self._server = server
        self._app = app
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        try:
            with self._scope:
                await self._server.run(self._app, task_status=task_status)
        finally:
            self._ended.set()

    def begin_to_stop(self) -> None:
        self._scope.cancel()

    async def stop(self) -> None:
        self._scope.cancel()
        await self._ended.wait()


class Bench:
    """One account, what serves it, and who is connected. Everything ends with the test."""

    def __init__(
        self, context: FrontEndContext, account: MemoryAccount, tasks: TaskGroup, stack: AsyncExitStack
    ) -> None:
        self.context = context
        self.account = account
        self._tasks = tasks
        self._stack = stack

    async def serve(self, app: App | None = None, *, max_clients: int = 32, limits: Limits | None = None) -> Serving:
        server = RpcServer(self.context, RpcSettings(max_clients=max_clients), limits)
        serving = Serving(server, app or self.account.app)
        await self._tasks.start(serving.run)
        return serving

    async def connect(self) -> App:
        connection = await connect(self.context, None)
        assert connection is not None
        return await self._stack.enter_async_context(connection)

    async def script(self) -> Script:
        connected = await anyio.to_thread.run_sync(reach, self.context)
        assert connected is not None
        script = Script(connected)
        await self._stack.enter_async_context(script.stream)
        return script


@pytest.fixture
def context() -> Iterator[FrontEndContext]:
    # pytest's own temporary paths are too long for a socket.
    with TemporaryDirectory(prefix="rpc-") as directory:
        yield FrontEndContext(profile=Path(directory) / "profile", runtime_directory=Path(directory))


@pytest.fixture
def account() -> MemoryAccount:
    return MemoryAccount()


@pytest.fixture
def gated() -> GatedAccount:
    return GatedAccount()


@pytest.fixture
def add(account: MemoryAccount) -> Callable[[str], None]:
    """Adds somebody, which is one event."""
    return lambda name: account.add(account.stranger(name).core)


@pytest.fixture
async def bench(context: FrontEndContext, account: MemoryAccount) -> AsyncIterator[Bench]:
    async with anyio.create_task_group() as tasks:
        async with AsyncExitStack() as stack:
            yield Bench(context, account, tasks, stack)
        tasks.cancel_scope.cancel()


@pytest.fixture
async def serving(bench: Bench) -> Serving:
    return await bench.serve()


@pytest.fixture
def served(bench: Bench, serving: Serving) -> Bench:
    return bench


@pytest.fixture
async def remote(served: Bench) -> App:
    return await served.connect()


@pytest.fixture
async def script(served: Bench) -> Script:
    return await served.script()
