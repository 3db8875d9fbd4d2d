"""A page's WebSocket: it says who it is, then speaks JSON-RPC as the local socket does, a text frame a line."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, get_type_hints

import anyio
import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from anyio import BrokenResourceError

from balchat_host.api import API_VERSION
from balchat_host.api.failures import contain
from balchat_host.api.frontend import App
from balchat_host.api.rpc.description import METHODS, PROTOCOL, Hello, Method, describe
from balchat_host.api.rpc.session import Channel, Session
from balchat_host.api.types import Secret
from balchat_ui_web.account import AccountLink, CurrentAccount
from balchat_ui_web.connection import prove
from balchat_ui_web.errors import ScreenLocked, SignedOut
from balchat_ui_web.local_web import Passphrases
from balchat_ui_web.sessions import LOCKED, SIGNED_OUT, Sessions
from balchat_ui_web.web_area import Web, WebState

MAX_FRAME: Final = 256 * 1024
"""Octets of the largest frame that a page may send: the longest text fits, however wastefully it is escaped."""
_FIRST_SECONDS: Final = 5
"""Seconds in which a WebSocket says whose it is."""
_HEARTBEAT: Final = 30
_MAX_BEARER: Final = 128
TOO_MANY: Final = 4429
MOST_OF_A_WINDOW: Final = 4

_WEB: Final = "web"
OFFERED: Final[Mapping[str, Method]] = {
    name: method
    for name, method in METHODS.items()
    # Octets go by HTTP. A page has no business with paths of this machine.
    if not method.gives_octets and method.octets is None and name != "account.backup"
} | describe(Web, _WEB)
"""What a page can call."""

TRIES_A_SECRET: Final = frozenset(
    name
    for name, method in OFFERED.items()
    if method.area != _WEB and Secret in get_type_hints(getattr(method.owner, method.attribute)).values()
)
"""The account's calls that are given a secret: whoever may make them as often as they like can guess it."""


class _First(msgspec.Struct, forbid_unknown_fields=True):
    bearer: str


class _Ready(msgspec.Struct, kw_only=True):
    jsonrpc: str = "2.0"
    method: str = "ready"
    params: WebState


_first: Final = msgspec.json.Decoder(_First)
_encoder: Final = msgspec.json.Encoder()


class Frames(Channel):
    """The frames of a WebSocket as lines."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> tuple[bytes, bytes] | None:
        frame = await self._socket.receive()
        return (frame.data.encode(), b"") if frame.type is WSMsgType.TEXT else None

    async def send(self, line: bytes, octets: bytes) -> None:
        del octets  # no method that a page can call gives any
        if self._socket.closed:
            raise BrokenResourceError
        try:
            await self._socket.send_str(line.removesuffix(b"\n").decode())
        except (ConnectionError, RuntimeError):
            raise BrokenResourceError from None

    async def abort(self) -> None:
        await self._socket.close(code=WSCloseCode.INTERNAL_ERROR)


class PageApp:
    """What a page's calls are made on: the account where it is there, and the web process."""

    def __init__(self, link: AccountLink, local: Web, passphrases: Passphrases) -> None:
        self._link = link
        self._passphrases = passphrases
        self.web = local

    async def target(self, method: Method) -> object:
        """Return what a method is called on. Raise what AccountLink raises."""
        if method.area == _WEB:
            return self
        app = await self._link.app()
        if method.owner is App:
            return _Offered(app)
        return _Slowed(app, self._passphrases) if method.name in TRIES_A_SECRET else app


class _Slowed:
    """An account, or an area of it, whose calls count as tries of a secret."""

    def __init__(self, target: object, passphrases: Passphrases) -> None:
        self._target = target
        self._passphrases = passphrases

    def __getattr__(self, name: str) -> object:
        found = getattr(self._target, name)
        return self._counted(found) if callable(found) else _Slowed(found, self._passphrases)

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, object]]:
        async def counted(**parameters: object) -> object:
            return await self._passphrases.check(lambda: call(**parameters))

        return counted


class _Offered:
    """The App's own methods: it offers what a page can call of it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def capabilities(self) -> frozenset[str]:
        offered = await self._app.capabilities()
        return frozenset(name for name in offered if "." not in name or name in OFFERED or name.startswith("files."))


class WebSockets:
    """Serves every WebSocket of a server."""

    def __init__(
        self, sessions: Sessions, account: CurrentAccount, local: Web, passphrases: Passphrases, version: str
    ) -> None:
        self._sessions = sessions
        self._account = account
        self._local = local
        self._passphrases = passphrases
        self._hello = Hello(protocol=PROTOCOL, api=API_VERSION, version=version)
        self._open: set[web.WebSocketResponse] = set()
        self._closing: set[asyncio.Task[bool]] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one until it is closed."""
        socket = web.WebSocketResponse(
            max_msg_size=MAX_FRAME, heartbeat=_HEARTBEAT, compress=False, timeout=2, decode_text=True
        )
        await socket.prepare(request)
        self._open.add(socket)
        try:
            await self._serve(socket, request)
        finally:
            self._open.discard(socket)
        return socket

    async def close_all(self) -> None:
        """Close them: the server ends."""
        await asyncio.gather(
            *(each.close(code=WSCloseCode.GOING_AWAY) for each in [*self._open]), return_exceptions=True
        )

    async def _serve(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        bearer = await _first_frame(socket)
        try:
            window = self._sessions.require(bearer)
        except ScreenLocked:
            await socket.close(code=LOCKED)
            return
        except SignedOut:
            await socket.close(code=SIGNED_OUT)
            return
        if len(window.sockets) >= MOST_OF_A_WINDOW:
            await socket.close(code=TOO_MANY)
            return

        def close(code: int) -> None:
            task = asyncio.get_running_loop().create_task(socket.close(code=code))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

        window.sockets.add(close)
        prove(request)
        try:
            await self._speak(socket)
        finally:
            window.sockets.discard(close)

    async def _speak(self, socket: web.WebSocketResponse) -> None:
        await socket.send_str(_encoder.encode(_Ready(params=self._account.state())).decode())
        link = AccountLink(self._account)
        page = PageApp(link, self._local, self._passphrases)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(link.run)
                await Session(Frames(socket), page.target, self._hello, tasks, methods=OFFERED).serve()
                tasks.cancel_scope.cancel()
        except BaseException as error:  # noqa: BLE001  # whatever it is, it ends this window's connection only
            contain("a page's connection", error)
        await socket.close()


async def _first_frame(socket: web.WebSocketResponse) -> str:
    """Return the bearer that a WebSocket begins with; an empty text, which is nobody's, for anything else."""
    try:
        async with asyncio.timeout(_FIRST_SECONDS):
            frame = await socket.receive()
        return _first.decode(frame.data).bearer[:_MAX_BEARER] if frame.type is WSMsgType.TEXT else ""
    except (TimeoutError, msgspec.DecodeError, RecursionError):
        return ""
