"""What the operator's tools ask of the running relay: health, metrics, status, drain. Never on the onion.

On TCP, and that on loopback only, there are health and metrics; the folder's private socket has the rest.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, cast

import aiohttp
from aiohttp import web

from balchat_relay.errors import FolderProblem, NotRunning
from balchat_relay.metrics import CONTENT_TYPE, Metrics
from balchat_relay.operating.folder import Folder
from balchat_relay.storage.contract import QueueStore

_ANSWER_WITHIN: Final = 10


class Admin:
    """The two small applications. `state` tells how the onion is."""

    def __init__(self, store: QueueStore, metrics: Metrics, state: Callable[[], str]) -> None:
        self._store = store
        self._metrics = metrics
        self._state = state

    def application(self, *, private: bool) -> web.Application:
        """Make the application for TCP, or the one for the private socket."""
        application = web.Application()
        application.router.add_get("/health", self._health)
        application.router.add_get("/metrics", self._show_metrics)
        if private:
            application.router.add_get("/status", self._status)
            application.router.add_post("/drain", self._drain)
            application.router.add_post("/invite", self._invite)
        return application

    async def _health(self, request: web.Request) -> web.Response:
        del request
        if (trouble := self._store.trouble) is not None:
            return web.Response(text=f"degraded: {trouble}\n")
        return web.Response(text="draining\n" if self._store.draining else "ok\n")

    async def _show_metrics(self, request: web.Request) -> web.Response:
        del request
        text = self._metrics.text(
            self._store.totals, draining=self._store.draining, takes_nothing=self._store.trouble is not None
        )
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(
            {
                "state": self._state(),
                "storage": self._store.trouble or "ok",
                "draining": self._store.draining,
                "connections": self._metrics.connections,
                "subscribers": self._metrics.subscribers,
                "subscriptions": self._metrics.subscriptions,
                **asdict(self._store.totals),
            }
        )

    async def _drain(self, request: web.Request) -> web.Response:
        draining = request.query.get("on", "1") == "1"
        await self._store.set_draining(draining=draining)
        return web.json_response({"draining": draining})

    async def _invite(self, request: web.Request) -> web.Response:
        given: dict[str, Any] = await request.json()
        await self._store.invite(bytes.fromhex(given["verifier"]), queues=int(given["queues"]))
        return web.json_response({})


async def ask(folder: Folder, method: str, path: str, *, given: object = None) -> dict[str, Any]:
    """Ask the running relay. Raise NotRunning, FolderProblem, and NoRelay where there is none at all."""
    connector = aiohttp.UnixConnector(str(folder.control))
    timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, raise_for_status=True) as session:
        try:
            async with session.request(method, f"http://relay{path}", json=given) as answer:
                return cast("dict[str, Any]", json.loads(await answer.read()))
        except aiohttp.ClientResponseError as error:
            raise FolderProblem(f"The running relay could not do it ({error.status}). Its log says why.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            if not folder.key.exists():
                raise folder.no_relay() from None
            raise NotRunning(f"No relay runs on {folder.path}. `balchat-relay run` starts it.") from error
