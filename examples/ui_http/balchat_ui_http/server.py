"""The server: conversations, messages and events as JSON.

    GET  /v1/conversations
    GET  /v1/conversations/CONVERSATION/messages
    POST /v1/conversations/CONVERSATION/messages      {"text": "…"}
    GET  /v1/events?after=CURSOR                      one JSON value a line, for ever

Any program and any web page on this machine can reach a loopback port. So each request needs the token, which lies in a
file that only this user can read and is another one at each start, and the exact name of the server; there are no
cookies that a browser would send by itself.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import anyio
from aiohttp import web
from anyio import to_thread

from balchat_host.api.errors import BalchatError, CallerError, NoSuch
from balchat_host.api.frontend import App, FrontEnd, FrontEndContext
from balchat_host.api.types import Phase, ServiceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from anyio.abc import TaskStatus

    from balchat_ui_http.plugin import HttpSettings

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST: Final = "127.0.0.1"
FILE: Final = "http.json"
MAX_BODY: Final = 256 * 1024
"""Octets of the largest request: a text, as JSON."""


class HttpFrontEnd(FrontEnd):
    """Serves one account."""

    def __init__(self, context: FrontEndContext, settings: HttpSettings) -> None:
        self._context = context
        self._port = settings.port
        self._token = secrets.token_urlsafe(32)
        self._names: frozenset[str] = frozenset()

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        application = web.Application(client_max_size=MAX_BODY, middlewares=[self._guarded, errors_as_json])
        calls = Calls(app)
        path = "/v1/conversations/{conversation}/messages"
        application.add_routes(
            [
                web.get("/v1/conversations", calls.conversations),
                web.get(path, calls.messages),
                web.post(path, calls.send),
                web.get("/v1/events", calls.events),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        file = self._context.runtime_directory / FILE
        try:
            site = web.TCPSite(runner, HOST, self._port)
            await site.start()
            port: int = runner.addresses[0][1]
            self._names = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
            await to_thread.run_sync(write_private, file, {"url": f"http://{HOST}:{port}", "token": self._token})
            self._context.on_state(ServiceState(phase=Phase.ONLINE, reason=f"port {port}; the token is in {file}"))
            task_status.started()
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()
                await to_thread.run_sync(lambda: file.unlink(missing_ok=True))

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.host not in self._names or not hmac.compare_digest(given.encode(), self._token.encode()):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with what balchat says is wrong."""
    try:
        return await handler(request)
    except BalchatError as error:
        status = 404 if isinstance(error, NoSuch) else 400 if isinstance(error, CallerError) else 503
        return web.json_response({"error": {"code": error.code, "message": str(error)}}, status=status)


class Calls:
    """What can be asked."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def conversations(self, request: web.Request) -> web.Response:
        """Answer with every conversation."""
        del request
        return web.json_response([asdict(each) for each in await self._app.conversations.list()])

    async def messages(self, request: web.Request) -> web.Response:
        """Answer with the newest messages of a conversation."""
        found = await self._app.messages.history(request.match_info["conversation"])
        return web.json_response([asdict(each) for each in found])

    async def send(self, request: web.Request) -> web.Response:
        """Write a message."""
        try:
            body: Any = await request.json()
            text = body["text"]
        except (ValueError, TypeError, KeyError):
            text = None
        if not isinstance(text, str):
            raise web.HTTPBadRequest(text='the body must be {"text": "…"}')
        message = await self._app.messages.send(request.match_info["conversation"], text)
        return web.json_response(asdict(message), status=201)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Answer with events as they come, until the client goes."""
        after = request.query.get("after")
        if after is not None and not (after.isascii() and after.isdecimal() and len(after) < 19):  # noqa: PLR2004  # 64 bits
            raise web.HTTPBadRequest(text="after must be a cursor")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        async for event in self._app.events.follow(None if after is None else int(after)):
            line = json.dumps({"type": event.type, **asdict(event)}) + "\n"
            await response.write(line.encode())
        return response


def write_private(path: Path, value: dict[str, str]) -> None:
    """Write a file that only this user can read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file)
