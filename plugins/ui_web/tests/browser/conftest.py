"""The page in a real browser, on an account in memory, with people at its other end whom the test plays.

One browser for all tests, one account and one page for each module that asks for `world` and `page`; a test that needs
another one asks for `new_world` or `new_page`. A page's errors, and what its content security policy refused, fail the
test that caused them.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import balchat_texts
import balchat_ui_web
import pytest
from aiohttp import WSMsgType, web
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from balchat_host.api.rpc.description import PROTOCOL, Hello
from balchat_host.api.rpc.session import Channel, Session
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from balchat_host.testing.peer import Peer

PAGE = Path(balchat_ui_web.__file__).parent / "page"
TEXTS = Path(balchat_texts.__file__).parent
CHROMIUM = "/usr/bin/chromium"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


STATE = {
    "profile": "default",
    "account": "running",
    "error": None,
    "profiles": [{"name": "default", "account": "running"}],
    "version": "0.1.0",
    "language": "auto",
    "languages": ["en", "es"],
    "unlock": "page",
    "lock_minutes": 0,
    "changes": [],
}


class Frames(Channel):
    """A WebSocket that carries lines."""

    def __init__(self, socket: web.WebSocketResponse, own: Callable[[dict[str, Any]], Any]) -> None:
        self._socket = socket
        self._own = own

    async def receive(self) -> tuple[bytes, bytes] | None:
        while True:
            frame = await self._socket.receive()
            if frame.type is not WSMsgType.TEXT:
                return None
            request = json.loads(frame.data)
            if not request.get("method", "").startswith("web."):
                return frame.data.encode(), b""
            for answer in self._own(request):
                await self._socket.send_json(answer)

    async def send(self, line: bytes, octets: bytes) -> None:
        if self._socket.closed:
            raise anyio.BrokenResourceError
        with suppress(ConnectionError):
            await self._socket.send_str(line.decode())

    async def abort(self) -> None:
        await self._socket.close()


class Server:
    """Serves the page for one account, in a thread with an event loop of its own."""

    def __init__(self, account: MemoryAccount) -> None:
        self.account = account
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._bearer = secrets.token_urlsafe(32)
        self.sockets: set[web.WebSocketResponse] = set()
        self.refusing = False
        self.port = 0
        self.do(self._start)

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something where the account lives; return what it returns."""

        async def inside() -> Any:
            result = function(*arguments)
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/#t={'t' * 43}"

    def cut(self) -> None:
        """Cut every connection."""
        for socket in [*self.sockets]:
            self.do(lambda socket=socket: socket._req.transport and socket._req.transport.abort())

    def stop(self) -> None:
        self.do(self._runner.cleanup)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._scripts = sorted(each.relative_to(PAGE).as_posix() for each in PAGE.rglob("*.js"))
        app = web.Application(client_max_size=2**20)
        app.router.add_get("/", self._shell)
        app.router.add_get("/assets/x/all.css", self._style)
        app.router.add_get("/assets/x/texts/{language}.json", self._texts)
        app.router.add_get("/assets/x/{path:.*}", self._asset)
        app.router.add_post("/session", self._session)
        app.router.add_get("/ws", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _shell(self, request: web.Request) -> web.Response:
        modules = "".join(f'<link rel="modulepreload" href="/assets/x/{path}">' for path in self._scripts)
        text = (PAGE / "index.html").read_text().replace("{{modules}}", modules).replace("{{assets}}", "/assets/x")
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def _style(self, request: web.Request) -> web.Response:
        sheets = sorted(PAGE.rglob("*.css"), key=lambda path: (path.name != "tokens.css", path))
        return web.Response(text="\n".join(each.read_text() for each in sheets), content_type="text/css")

    async def _texts(self, request: web.Request) -> web.Response:
        merged: dict[str, Any] = {}
        for area in sorted((TEXTS / request.match_info["language"]).glob("*.json")):
            merged |= {f"{area.stem}.{name}": text for name, text in json.loads(area.read_text()).items()}
        return web.json_response(merged)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        path = PAGE / request.match_info["path"]
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return web.Response(body=path.read_bytes(), content_type=kind)

    async def _session(self, request: web.Request) -> web.Response:
        return web.json_response({"bearer": self._bearer})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.refusing:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if (await socket.receive_json())["bearer"] != self._bearer:
            await socket.close(code=4401)
            return socket
        self.sockets.add(socket)
        await socket.send_json({"jsonrpc": "2.0", "method": "ready", "params": STATE})
        try:
            async with anyio.create_task_group() as work:
                hello = Hello(protocol=PROTOCOL, api=1, version="0.1.0")
                with self.account.app.client() as app:
                    frames = Frames(socket, self._own)
                    await Session(frames, lambda _, app=app: app, hello, work).serve()
        finally:
            self.sockets.discard(socket)
        return socket

    def _own(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        state = STATE
        if request["method"] == "web.state":
            return [{"jsonrpc": "2.0", "id": request["id"], "result": state}]
        params = {"stream": request["id"], "value": state}
        return [{"jsonrpc": "2.0", "method": "value", "params": params}]


class World:
    """One account, the people whom it knows, and the server of its page."""

    def __init__(self) -> None:
        self.account = MemoryAccount("Alice")
        self.server = Server(self.account)
        self.do = self.server.do

    def befriend(self, name: str) -> Peer:
        return self.do(self.account.befriend, name)

    def write(self, peer: Peer, *texts: str) -> None:
        """Have somebody write to us."""
        for text in texts:
            self.do(peer.write, text)

    def call(self, method: str, **params: Any) -> Any:
        """Call the account as another front end would."""
        area, name = method.split(".")
        return (
            self.do(getattr(getattr(self.account.app, area), name), **params)
            if not params
            else self.do(lambda: getattr(getattr(self.account.app, area), name)(**params))
        )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def new_world() -> Iterator[Callable[[], World]]:
    made: list[World] = []

    def make() -> World:
        made.append(World())
        return made[-1]

    yield make
    for each in made:
        each.server.stop()


@pytest.fixture(scope="module")
def world(new_world: Callable[[], World]) -> World:
    """The account of a module's tests."""
    return new_world()


@pytest.fixture(scope="module")
def faults() -> list[str]:
    """What went wrong in pages of the module and is not yet told."""
    return []


@pytest.fixture(autouse=True)
def no_faults(faults: list[str]) -> Iterator[None]:
    yield
    told = [*faults]
    faults.clear()
    assert not told


@pytest.fixture(scope="module")
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 800}, "locale": "en-GB"} | options))
        context.set_default_timeout(10_000)
        made.append(context)
        return context

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def new_page(new_context: Callable[..., BrowserContext], faults: list[str]) -> Callable[..., Page]:
    """Opens the page of a world in a window of its own, or in another tab of `context`."""

    def open_page(world: World, context: BrowserContext | None = None, **options: Any) -> Page:
        page = (context or new_context(**options)).new_page()

        def said(message: ConsoleMessage) -> None:
            # A connection that a test cuts is told by the browser, too.
            if message.type in {"error", "warning"} and "WebSocket connection" not in message.text:
                faults.append(message.text)

        page.on("console", said)
        page.on("pageerror", lambda error: faults.append(error.stack or str(error)))
        page.goto(world.server.url)
        return page

    return open_page


@pytest.fixture(scope="module")
def page(new_page: Callable[..., Page], world: World) -> Page:
    """The page of a module's tests."""
    return new_page(world)


@pytest.fixture(autouse=True, scope="session")
def patience() -> None:
    expect.set_options(timeout=10_000)
