"""The service behind every connection: which operation a request names, its budget of memory, and how it came out.

`connection` reads and writes HTTP; a WebSocket is aiohttp's. Every refusal is typed, and is counted.
"""

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from typing import Any, Final, TypeAlias

import httptools
from aiohttp import web
from balchat_relay_proto.codec import Malformed, Message
from balchat_relay_proto.errors import STATUS, Code, Refusal, Refused
from balchat_relay_proto.replies import Done
from balchat_relay_proto.requests import OPERATIONS
from balchat_relay_proto.sizes import ENVELOPE_SIZES, MAX_FETCHED_OCTETS
from balchat_relay_proto.versions import VERSIONS, split_path

from balchat_relay.metrics import Metrics
from balchat_relay.push import Hub
from balchat_relay.settings import MIB, Limits
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.connection import BUSY_RETRY, SMALL, Connection
from balchat_relay.web.http import MEDIA_TYPE, HttpRequest, refusal, reply
from balchat_relay.web.limiting import Memory, too_many
from balchat_relay.web.operations import Operations
from balchat_relay.web.sockets import SubscriberLink, open_socket

SUBSCRIBE: Final = "subscribe"
ABOUT: Final = "about"
_UNKNOWN: Final = "unknown"
_DONE: Final = Done()

Pieces: TypeAlias = list[bytes | bytearray]

_HEARTBEAT: Final = 60.0
_LEAST_LOOK: Final = 0.2
_LOOKS: Final = 4

_log: Final = logging.getLogger(__name__)


class RelayServer:
    """Protocol factory and service in one. Made in the event loop."""

    def __init__(
        self, store: QueueStore, hub: Hub, operations: Operations, *, limits: Limits, metrics: Metrics
    ) -> None:
        self._store = store
        self._hub = hub
        self._operations = operations
        self._sockets = web.Server(self._serve_socket, request_factory=_request, handler_cancellation=True)
        operations.fetch_octets = self._fetch_octets
        self.limits = limits
        self.metrics = metrics
        self.memory = Memory(limits.bodies_mib * MIB)
        self.connections: set[Connection] = set()

    def __call__(self) -> Connection:
        return Connection(self)

    async def look_after(self) -> None:
        """Look after clients that let us wait, for ever."""
        limits = self.limits
        every = max(_LEAST_LOOK, min(limits.write_timeout, limits.body_timeout, limits.idle_timeout) / _LOOKS)
        while True:
            await asyncio.sleep(every)
            now = asyncio.get_running_loop().time()
            self.metrics.slow += sum(self._look_after(each, now) for each in list(self.connections))

    @staticmethod
    def _look_after(connection: Connection, now: float) -> bool:
        try:
            return connection.look_after(now)
        except Exception as error:  # noqa: BLE001  # one connection's failure must not end the others
            _log.error("looking after a connection failed: %s", type(error).__name__)
            if connection.wire is not None:
                connection.wire.abort()
            return False

    async def shut_down(self, within: float) -> None:
        """Take nothing more, and close every connection once it has its answer, or after `within` seconds."""
        answered = [done for each in list(self.connections) if (done := each.shut_down()) is not None]
        if answered:
            await asyncio.wait(answered, timeout=within)
        self._sockets.pre_shutdown()
        await self._sockets.shutdown(within)
        for each in list(self.connections):
            if each.wire is not None:
                each.wire.abort()

    # -- HTTP --

    def answer(self, request: HttpRequest, connection: Connection) -> Pieces | None:
        operation = _UNKNOWN
        if request.refused is not None:
            return self._refusal(request.refused, operation, request)
        try:
            connection.bucket.take("requests on this connection")
            operation = _operation(request)
            if operation == ABOUT:
                return self._reply(self._operations.about(), operation, request)
            waiting = asyncio.ensure_future(self._ask(operation, request, connection))
        except Exception as error:  # noqa: BLE001  # one request's failure must not end the others
            return self._refusal(error, operation, request)
        waiting.add_done_callback(partial(self._answered, operation, request, connection))
        return None

    def _ask(self, operation: str, request: HttpRequest, connection: Connection) -> Awaitable[Message | None]:
        """Have an operation done. Raises Refused or Malformed."""
        if operation == SUBSCRIBE and request.method == b"GET":
            raise Refused(Code.MALFORMED, "This path is a WebSocket.")
        cls = OPERATIONS.get(operation)
        if cls is None or request.method != b"POST":
            raise Refused(Code.UNKNOWN_OPERATION, "POST one of the operations, or GET /v1/subscribe.")
        asked = cls.from_octets(b"".join(request.body))
        request.body.clear()
        return self._operations.answer(asked, connection)

    def _answered(
        self, operation: str, request: HttpRequest, connection: Connection, done: asyncio.Future[Message | None]
    ) -> None:
        if done.cancelled():  # the program ends
            return
        try:
            pieces = self._reply(done.result() or _DONE, operation, request)
        except Exception as error:  # noqa: BLE001  # one request's failure must not end the others
            pieces = self._refusal(error, operation, request)
        connection.answered(pieces)

    def _reply(self, message: Message, operation: str, request: HttpRequest) -> Pieces:
        """Write an answer that gives what was asked for. Raises Refused where it is too large for now."""
        body = message.to_pieces()
        size = sum(map(len, body))
        if size > SMALL:
            self.memory.take(size)
            request.held += size
        self._count(operation, "ok")
        return reply(body, size, keep_alive=request.keep_alive)

    def _refusal(self, error: Exception, operation: str, request: HttpRequest) -> Pieces:
        """Write an answer that says no."""
        match error:
            case Refused():
                refused = error
            case Malformed():
                refused = Refused(Code.MALFORMED, str(error))
            case _:
                _log.error("an operation failed: %s", type(error).__name__)
                refused = Refused(Code.INTERNAL, "The relay failed.", retry_after=BUSY_RETRY)
        self._count(operation, refused.code)
        return refusal(refused, keep_alive=request.keep_alive)

    # -- WebSocket --

    def successor(self, request: HttpRequest, connection: Connection) -> asyncio.Protocol | None:
        try:
            if request.method == b"GET" and _operation(request) == SUBSCRIBE:
                return SocketHandler(self._sockets, connection)
        except (Refused, Malformed):
            pass
        return None

    async def _serve_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = request.protocol
        assert isinstance(handler, SocketHandler)
        socket = open_socket(heartbeat=_HEARTBEAT)
        refused = None
        if wait := handler.connection.bucket.wait():
            refused = too_many("requests on this connection", wait)
        elif not socket.can_prepare(request):
            refused = Refused(Code.MALFORMED, "This path is a WebSocket.")
        if refused is not None:
            self._count(SUBSCRIBE, refused.code)
            return _last_word(refused)
        await socket.prepare(request)
        self._count(SUBSCRIBE, "ok")
        self.metrics.subscribers += 1
        link = SubscriberLink(
            socket,
            handler.connection,
            store=self._store,
            hub=self._hub,
            operations=self._operations,
            metrics=self.metrics,
            idle_timeout=self.limits.idle_timeout,
        )
        try:
            await link.run()
        finally:
            self.metrics.subscribers -= 1
        return socket

    def _fetch_octets(self) -> int:
        return ENVELOPE_SIZES[1] if self.memory.scarce else MAX_FETCHED_OCTETS

    def _count(self, operation: str, outcome: str) -> None:
        known = operation in OPERATIONS or operation in (ABOUT, SUBSCRIBE)
        self.metrics.requests[operation if known else _UNKNOWN, outcome] += 1


class SocketHandler(web.RequestHandler):
    """aiohttp's side of a connection that became a WebSocket."""

    __slots__ = ("connection",)

    def __init__(self, sockets: web.Server, connection: Connection) -> None:
        super().__init__(
            sockets,
            loop=asyncio.get_running_loop(),
            access_log=None,  # pyright: ignore[reportArgumentType]  # it takes None, which is what keeps logs empty
            auto_decompress=False,
        )
        self.connection = connection


def _operation(request: HttpRequest) -> str:
    """Give what a request's path names. Raises Refused or Malformed."""
    target = request.target
    if (usual := _TARGETS.get(target)) is not None:
        return usual
    if not target.startswith(b"/"):  # RFC 9112, section 3.2.2: the absolute form is to be taken, too
        try:
            target = httptools.parse_url(target).path or b"/"
        except httptools.HttpParserInvalidURLError:
            raise Malformed("no target of a request") from None
    path = target.partition(b"?")[0].decode("ascii", "replace")
    if path == "/" and request.method == b"GET":
        return ABOUT
    return split_path(path)[1]


_TARGETS: Final = {f"/v{version}/{operation}".encode(): operation for version in VERSIONS for operation in OPERATIONS}


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]) -> web.BaseRequest:
    return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())


def _last_word(refused: Refused) -> web.Response:
    after = refused.retry_after
    response = web.Response(
        status=STATUS[refused.code],
        body=Refusal.of(refused).to_octets(),
        content_type=MEDIA_TYPE,
        headers=None if after is None else {"Retry-After": str(after)},
    )
    response.force_close()
    return response
