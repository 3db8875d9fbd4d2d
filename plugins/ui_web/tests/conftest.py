"""The web server on accounts in memory, which run behind a real local socket as in a process of their own."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import anyio.to_thread
import msgspec
import pytest
from anyio.from_thread import start_blocking_portal
from balchat_ui_rpc.plugin import balchat_front_ends
from balchat_ui_web.page_files import load_page
from balchat_ui_web.serving import WebServer, listen, serving
from balchat_ui_web.settings import WebSettings

from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from anyio.abc import BlockingPortal, TaskGroup, TaskStatus

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.peer import Peer

PASSPHRASE = "correct horse battery staple"  # nothing is behind it


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Window:
    """A page, as the server sees it: what a browser sends by itself, and a bearer."""

    def __init__(self, session: aiohttp.ClientSession, origin: str, bearer: str) -> None:
        self.session = session
        self.origin = origin
        self.bearer = bearer

    def fetch(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Authorization": f"Bearer {self.bearer}"}
        return self.session.request(method, path, headers=headers | more.pop("headers", {}), **more)

    async def status(self, method: str, path: str, **more: Any) -> int:
        async with self.fetch(method, path, **more) as answer:
            await answer.read()
            return answer.status

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[Wire]:
        """Open the window's WebSocket."""
        async with self.session.ws_connect("/ws", headers={"Origin": self.origin}, max_msg_size=0) as socket:
            await socket.send_json({"bearer": self.bearer})
            wire = Wire(socket)
            ready = await wire.hear()
            assert ready["method"] == "ready"
            wire.state = ready["params"]
            yield wire


class Wire:
    """What a page says and hears on its WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.state: dict[str, Any] = {}
        self.answers: list[dict[str, Any]] = []
        """What came while a value was waited for, and was none."""
        self._id = 0
        self.early: list[dict[str, Any]] = []

    async def hear(self) -> dict[str, Any]:
        with anyio.fail_after(20):
            return await self.socket.receive_json()

    async def say(self, method: str, **params: Any) -> int:
        self._id += 1
        await self.socket.send_json({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id

    async def ask(self, method: str, **params: Any) -> Any:
        """Call a method; return its result, or its error's code."""
        number = await self.say(method, **params)
        while (heard := await self.hear()).get("id") != number:
            self.early.append(heard)
        return heard["error"]["data"]["code"] if "error" in heard else heard["result"]

    async def value(self) -> Any:
        """Return the next value of any stream."""
        while True:
            heard = self.early.pop(0) if self.early else await self.hear()
            if heard.get("method") == "value":
                return heard["params"]["value"]
            self.answers.append(heard)

    async def closed(self) -> int | None:
        """Return the code with which the server closes it."""
        with anyio.fail_after(20):
            while (await self.socket.receive()).type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                pass
        return self.socket.close_code


class Served:
    """A server in this event loop, and the accounts of its profiles."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.profiles = MemoryProfiles(folder, front_ends=balchat_front_ends, starting=self._starting)
        self.clock = Clock()
        self.told: list[str] = []
        self._folder = folder
        self._settings = settings
        self._tasks: TaskGroup
        self.server: WebServer

    @property
    def profile(self) -> MemoryProfile:
        return self.profiles.profile()

    @property
    def account(self) -> MemoryAccount:
        return self.profile.account

    @property
    def origin(self) -> str:
        return self.server.origins.first

    @property
    def port(self) -> int:
        return self.server.origins.port

    def befriend(self, name: str) -> Peer:
        return self.account.befriend(name)

    async def _starting(self, profile: MemoryProfile, secret: Secret, slot: SlotKind) -> None:
        profile.account.ended = False
        await self._tasks.start(partial(profile.run, secret, slot))

    @asynccontextmanager
    async def live(self, *, up: bool = True, **limits: Any) -> AsyncGenerator[Served]:
        """Serve. `up`: there is an account, and it runs."""
        sockets = await anyio.to_thread.run_sync(listen)
        self.addresses = [each.getsockname() for each in sockets]
        settings = msgspec.convert(self._settings, WebSettings)
        port = sockets[0].getsockname()[1]
        page = await anyio.to_thread.run_sync(load_page, self.profiles.version)
        if up:
            await anyio.to_thread.run_sync(partial(self.profile.make, plugins={"ui_web": WebSettings}))
            said = (f"{name} = {json.dumps(value)}" for name, value in self._settings.items())
            self.account.file.text = "\n".join(["[settings.ui_web]", *said])
        self.server = WebServer(
            self.profiles, self.profile, settings, page, port, told=self.told.append, clock=self.clock
        )
        async with anyio.create_task_group() as self._tasks:
            if up:
                await self.start()
            async with serving(self.server, sockets, **limits) as self.connections:
                if up:
                    await self.server.account.wait_until_running()
                yield self
            self._tasks.cancel_scope.cancel()

    async def start(self) -> None:
        """Run the account, as somebody else on this machine does."""
        await self._starting(self.profile, Secret.from_text(PASSPHRASE), SlotKind.PASSPHRASE)

    async def end(self) -> None:
        """End the account, and wait until the server knows."""
        await self.account.app.account.shut_down()
        await self.until(lambda: self.server.account.app is None)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true of the account as the server sees it."""
        with anyio.fail_after(20):
            while not true():
                await self.server.account.changed.wait()

    @asynccontextmanager
    async def browser(self, host: str | None = None) -> AsyncGenerator[aiohttp.ClientSession]:
        """Yield what sends requests to the server, under its name or another one."""
        headers = {"Host": host or self.origin.removeprefix("http://")}
        base = f"http://127.0.0.1:{self.port}"
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(base, headers=headers, timeout=timeout) as session:
            yield session

    def token(self) -> str:
        return self.server.link().partition("#t=")[2]

    @asynccontextmanager
    async def window(self) -> AsyncGenerator[Window]:
        """Yield a window that is signed in."""
        async with self.browser() as session:
            headers = {"Origin": self.origin}
            async with session.post("/session", json={"token": self.token()}, headers=headers) as answer:
                assert answer.status == 200
                bearer = (await answer.json())["bearer"]
            yield Window(session, self.origin, bearer)


class ServedInThread:
    """The same for tests that are no coroutines: the server and its accounts live in a thread of their own."""

    def __init__(self, folder: Path, portal: BlockingPortal, **settings: Any) -> None:
        self.served = Served(folder, **settings)
        self._portal = portal
        self._scope: anyio.CancelScope
        self._future, _ = portal.start_task(self._live)

    async def _live(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.CancelScope() as self._scope:
            async with self.served.live():
                task_status.started()
                await anyio.sleep_forever()

    @property
    def account(self) -> MemoryAccount:
        return self.served.account

    @property
    def origin(self) -> str:
        return self.served.origin

    def url(self) -> str:
        """Return a link to a new window."""
        return self.do(self.served.server.link)

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something where the account lives; return what it returns."""
        return self._portal.call(self._inside, function, arguments)

    @staticmethod
    async def _inside(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        result = function(*arguments)
        return await result if hasattr(result, "__await__") else result

    def cut(self) -> None:
        """Cut every connection of a browser."""
        self.do(lambda: [each.abort() for each in [*self.served.connections]])

    def stop(self) -> None:
        self.do(self._scope.cancel)
        self._future.result(30)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"  # aiohttp needs it


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal("asyncio") as portal:
        yield portal


@pytest.fixture(scope="module")
def serve_in_thread(portal: BlockingPortal) -> Iterator[Callable[..., ServedInThread]]:
    """Serves an account from a thread of its own; what it is called with are settings."""
    made: list[tuple[ServedInThread, TemporaryDirectory[str]]] = []

    def serve(**settings: Any) -> ServedInThread:
        # pytest's own temporary paths are too long for a socket.
        folder = TemporaryDirectory(prefix="web-")
        made.append((ServedInThread(Path(folder.name), portal, **settings), folder))
        return made[-1][0]

    yield serve
    for served, folder in made:
        served.stop()
        folder.cleanup()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Makes a server whose settings it is called with; `async with serve().live() as served` serves."""
    folders: list[TemporaryDirectory[str]] = []

    def make(**settings: Any) -> Served:
        folders.append(TemporaryDirectory(prefix="web-"))
        return Served(Path(folders[-1].name), **settings)

    yield make
    for each in folders:
        each.cleanup()
