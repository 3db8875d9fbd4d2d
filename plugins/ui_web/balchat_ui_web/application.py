"""The server as an aiohttp application: its routes, and what is looked at before any of them.

Each request passes `answer_refusals`, which gives every answer its headers and makes an answer of every error, and
`guard`: Host first, then where the request comes from, then whether the window is signed in. Only the shell, what it
loads, and signing in are for whoever has no bearer; none of them has anything of an account.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from balchat_host.api.errors import BalchatError, CallerError, InternalError, NoSuch, NotRunning, WrongSecret
from balchat_host.api.failures import leaves
from balchat_host.api.types import Secret
from balchat_ui_web.account import CurrentAccount
from balchat_ui_web.bodies import read_json
from balchat_ui_web.connection import prove
from balchat_ui_web.errors import (
    LinkInvalid,
    NotForPages,
    ScreenLocked,
    SignedOut,
    TerminalOnly,
    TooLarge,
    TooSlow,
    Wait,
)
from balchat_ui_web.headers import ALWAYS, FOR_EVER, WIPE, shell_policy
from balchat_ui_web.local_web import MAX_SECRET, Passphrases
from balchat_ui_web.octets import Octets
from balchat_ui_web.origins import Origins, WrongHost, WrongOrigin
from balchat_ui_web.page_files import PageFile, PageFiles
from balchat_ui_web.sessions import Sessions
from balchat_ui_web.web_socket import WebSockets

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUSES: Final[Mapping[type[BalchatError], int]] = {
    LinkInvalid: 401,
    SignedOut: 401,
    ScreenLocked: 401,
    WrongSecret: 401,
    TerminalOnly: 403,
    NotForPages: 403,
    NoSuch: 404,
    TooSlow: 408,
    TooLarge: 413,
    Wait: 429,
    NotRunning: 409,
    CallerError: 400,
}
_OPEN: Final = frozenset({"/", "/session", "/ws"})
"""Where no bearer stands in the headers: the shell has nothing, the others ask for a secret by themselves."""

_log: Final = logging.getLogger("balchat")


class _SignIn(msgspec.Struct, forbid_unknown_fields=True):
    token: str | None = None
    bearer: str | None = None
    passphrase: str | None = None


_sign_in: Final[msgspec.json.Decoder[msgspec.Struct]] = msgspec.json.Decoder(_SignIn)


class Server:
    """What the routes answer with. `noticed` is called when a person has shown that they are there."""

    def __init__(
        self,
        *,
        origins: Origins,
        page: PageFiles,
        account: CurrentAccount,
        sessions: Sessions,
        passphrases: Passphrases,
        octets: Octets,
        sockets: WebSockets,
        noticed: Callable[[], None],
        lock: Callable[[], None],
    ) -> None:
        self._origins = origins
        self._page = page
        self._account = account
        self._sessions = sessions
        self._passphrases = passphrases
        self._octets = octets
        self._sockets = sockets
        self._noticed = noticed
        self._lock = lock

    def application(self) -> web.Application:
        """Return the application."""
        application = web.Application(middlewares=[self._answer_refusals, self._guard], handler_args={})
        application.on_response_prepare.append(_add_headers)
        application.on_shutdown.append(self._close)
        add = application.router.add_route
        octets = self._octets
        for method, path, handler in (
            (hdrs.METH_GET, "/", self._shell),
            (hdrs.METH_GET, "/assets/{path:.+}", self._asset),
            (hdrs.METH_POST, "/session", self._open_session),
            (hdrs.METH_DELETE, "/session", self._end_session),
            (hdrs.METH_POST, "/lock", self._lock_screen),
            (hdrs.METH_GET, "/ws", self._sockets.serve),
            (hdrs.METH_POST, "/files/{file}", octets.upload),
            (hdrs.METH_GET, "/pictures/{file}", octets.picture),
            (hdrs.METH_GET, "/previews/{file}", octets.preview),
            (hdrs.METH_GET, "/voice/{file}", octets.voice),
            (hdrs.METH_POST, "/qr", octets.qr),
            (hdrs.METH_GET, "/download/{ticket}", octets.download),
        ):
            add(method, path, handler, expect_handler=_expect_nothing)
        return application

    # -- before every route

    @web.middleware
    async def _answer_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except WrongHost:
            words = f"balchat does not answer under this name. It is at {self._origins.first}/\n"
            answer: web.StreamResponse = web.Response(status=HTTPStatus.MISDIRECTED_REQUEST, text=words)
        except WrongOrigin:
            answer = _refusal(NotForPages(problem="it comes from another page"))
        except web.HTTPException as error:
            answer = web.Response(status=error.status, text=f"{error.reason}\n")
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  # one request's failure must not end the others
            answer = _refusal(_told(error))
        await asyncio.sleep(0)  # whoever is refused many lets others go first
        if request.can_read_body or hdrs.UPGRADE in request.headers:
            answer.force_close()
        return answer

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        headers, origins = request.headers, self._origins
        if len(headers.getall(hdrs.HOST, [])) != 1 or len(headers.getall(hdrs.ORIGIN, [])) > 1:
            raise WrongHost
        if not request.raw_path.startswith("/"):
            raise WrongHost  # a whole URL names another host than the header (RFC 9112, section 3.2.2)
        origins.check_host(headers.get(hdrs.HOST))
        if hdrs.UPGRADE in headers and request.path != "/ws":
            raise NotForPages(problem="only /ws can be upgraded")
        if request.method != hdrs.METH_GET or request.path == "/ws":
            origins.check_change(headers)
        elif request.path == "/":
            origins.check_shell(headers)
        else:
            origins.check_read(headers)
        if request.path not in _OPEN and not request.path.startswith(("/assets/", "/download/")):
            bearer = _bearer(request)
            if request.path == "/lock":
                self._require_any(bearer)
            elif request.path.startswith("/files/"):
                self._sessions.require_upload(bearer, request.match_info.get("file", ""))
            else:
                self._sessions.require(bearer)
            prove(request)
        return await handler(request)

    def _require_any(self, bearer: str) -> None:
        try:
            self._sessions.require(bearer)
        except ScreenLocked:
            self._sessions.require_locked(bearer)

    # -- routes

    async def _shell(self, request: web.Request) -> web.StreamResponse:
        answer = _answer(request, self._page.shell(self._account.settings))
        answer.headers["Content-Security-Policy"] = shell_policy(self._page.style_hash)
        return answer

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        file = self._page.assets.get(request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound
        answer = _answer(request, file)
        answer.headers[hdrs.CACHE_CONTROL] = FOR_EVER
        return answer

    async def _open_session(self, request: web.Request) -> web.StreamResponse:
        said = await read_json(request, _sign_in)
        assert isinstance(said, _SignIn)
        if said.token is not None:
            bearer = self._sessions.sign_in(said.token)
        else:
            old = said.bearer or ""
            self._sessions.require_locked(old)
            await self._passphrases.verify(Secret.from_text((said.passphrase or "")[:MAX_SECRET]))
            bearer = self._sessions.reopen(old)
        self._noticed()
        prove(request)
        return web.json_response({"bearer": bearer})

    async def _end_session(self, request: web.Request) -> web.StreamResponse:
        self._sessions.sign_out(_bearer(request))
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=WIPE)

    async def _lock_screen(self, request: web.Request) -> web.StreamResponse:
        del request
        self._lock()
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=WIPE)

    async def _close(self, application: web.Application) -> None:
        del application
        await self._sockets.close_all()


def _bearer(request: web.Request) -> str:
    scheme, _, bearer = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return bearer if scheme == "Bearer" else ""


def _answer(request: web.Request, file: PageFile) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: file.content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if "gzip" not in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        return web.Response(body=file.octets, headers=headers)
    return web.Response(body=file.compressed, headers=headers | {hdrs.CONTENT_ENCODING: "gzip"})


def _refusal(error: BalchatError) -> web.Response:
    kinds = type(error).__mro__
    status = next((_STATUSES[kind] for kind in kinds if kind in _STATUSES), HTTPStatus.SERVICE_UNAVAILABLE)
    told = {"code": error.code, "message": str(error), "fields": error.fields}
    return web.json_response({"error": told}, status=status)


def _told(error: Exception) -> BalchatError:
    found = [each for each in leaves(error) if isinstance(each, BalchatError)]
    if found:
        return found[0]
    _log.error("a request of the page failed: %s", type(error).__name__)
    return InternalError(kind=type(error).__name__)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    del request
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers.popall(hdrs.SERVER, None)


async def _expect_nothing(request: web.Request) -> web.StreamResponse | None:
    del request
    raise web.HTTPExpectationFailed
