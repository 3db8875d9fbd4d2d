"""The relay as an aiohttp application: its routes, what they answer, and how it is started and ended.

`middlewares` bounds what a request may cost, `connection` what a connection may; `push` is the WebSocket.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import anyio
from aiohttp import WSCloseCode, hdrs, web
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Done
from balchat_relay_proto.requests import OPERATIONS, GetBlob, PutBlob
from balchat_relay_proto.sizes import MAX_REQUEST
from balchat_relay_proto.versions import VERSIONS, split_path

from balchat_relay.metrics import Metrics
from balchat_relay.settings import Limits
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.answers import Answer, Socket, reply
from balchat_relay.web.blobs import Blobs
from balchat_relay.web.connection import Connections
from balchat_relay.web.limiting import Memory
from balchat_relay.web.middlewares import (
    LIMITS,
    MEMORY,
    METRICS,
    answer_refusals,
    connection_of,
    limit_rate,
    read_body,
)
from balchat_relay.web.operations import Operations
from balchat_relay.web.push import PushConnection, open_socket

_ABOUT: Final = "about"
_SUBSCRIBE: Final = "subscribe"
_SHUTDOWN_WITHIN: Final = 2.0
_DONE: Final = Done()

_STORE: Final = web.AppKey("store", QueueStore)
_OPERATIONS: Final = web.AppKey("operations", Operations)
_SOCKETS: Final = web.AppKey("sockets", set[Socket])


def make_application(
    store: QueueStore, operations: Operations, *, limits: Limits, metrics: Metrics, memory: Memory
) -> web.Application:
    """Return the application."""
    application = web.Application(middlewares=[answer_refusals, read_body, limit_rate], client_max_size=MAX_REQUEST)
    application[LIMITS] = limits
    application[METRICS] = metrics
    application[MEMORY] = memory
    application[_STORE] = store
    application[_OPERATIONS] = operations
    application[_SOCKETS] = set()
    application.on_shutdown.append(_close_sockets)
    add = partial(application.router.add_route, expect_handler=_let_send)
    add(hdrs.METH_GET, "/", _introduce, name=_ABOUT)
    blobs = Blobs(
        store, memory=memory, timeout=limits.blob_timeout, refuse_while_draining=operations.refuse_while_draining
    )
    in_pieces = {PutBlob.OPERATION: blobs.put, GetBlob.OPERATION: blobs.get}
    for version in VERSIONS:
        add(hdrs.METH_GET, f"/v{version}/subscribe", _push, name=_SUBSCRIBE)
        for operation in OPERATIONS:
            add(hdrs.METH_POST, f"/v{version}/{operation}", in_pieces.get(operation, _answer), name=operation)
    add(hdrs.METH_ANY, "/{path:.*}", _refuse)
    return application


@asynccontextmanager
async def started(application: web.Application) -> AsyncGenerator[Connections]:
    """Start an application, and give what makes its connections. At the end, what was asked is answered first."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_WITHIN)
    await runner.setup()
    try:
        assert runner.server is not None
        yield Connections(runner.server, application[LIMITS], application[METRICS])
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()


async def _introduce(request: web.Request) -> Answer:
    await asyncio.sleep(0)  # whoever sends many ahead lets others go first
    return reply(request.app[_OPERATIONS].about())


async def _answer(request: web.Request) -> Answer:
    operation = OPERATIONS[request.match_info.route.name or ""]
    asked = operation.from_octets(await request.read())
    return reply(await request.app[_OPERATIONS].answer(asked, connection_of(request)) or _DONE)


async def _push(request: web.Request) -> Socket:
    application, connection = request.app, connection_of(request)
    metrics, sockets = application[METRICS], application[_SOCKETS]
    socket = await open_socket(request)
    metrics.subscribers += 1
    sockets.add(socket)
    try:
        await PushConnection(
            socket,
            store=application[_STORE],
            operations=application[_OPERATIONS],
            metrics=metrics,
            bucket=connection.bucket,
            idle_timeout=application[LIMITS].idle_timeout,
        ).run()
    finally:
        sockets.discard(socket)
        metrics.subscribers -= 1
    return socket


async def _refuse(request: web.Request) -> Answer:
    split_path(request.path)  # refuses a version that is not spoken here
    raise Refused(Code.UNKNOWN_OPERATION, "POST one of the operations, or GET /v1/subscribe.")


async def _let_send(request: web.Request) -> None:
    """Tell a client that waits for it to send its body (RFC 9110, section 10.1.1); the middlewares look at its size."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it was no answer


async def _close_sockets(application: web.Application) -> None:
    closing = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in application[_SOCKETS])
    await asyncio.gather(*closing, return_exceptions=True)
