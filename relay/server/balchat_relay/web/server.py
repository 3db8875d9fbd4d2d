"""The HTTP side: connections are counted, bodies bounded in size, time and memory, and every refusal is typed.

aiohttp's low-level server is used: there is one path to look at, and no router or middleware earns its time here.
"""

import asyncio
import logging
from contextlib import ExitStack
from typing import Any, Final, cast

from aiohttp import web
from balchat_relay_proto.cbor import Malformed
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import STATUS, Code, Refusal, Refused
from balchat_relay_proto.requests import OPERATIONS
from balchat_relay_proto.sizes import ENVELOPE_SIZES, MAX_FETCHED_OCTETS, MAX_REQUEST
from balchat_relay_proto.versions import split_path

from balchat_relay.metrics import Metrics
from balchat_relay.push import Hub
from balchat_relay.settings import MIB, Limits
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.limiting import Bucket, Memory
from balchat_relay.web.operations import Operations
from balchat_relay.web.sockets import SubscriberLink, open_socket

MEDIA_TYPE: Final = "application/cbor"
SUBSCRIBE: Final = "subscribe"

_HEARTBEAT: Final = 60.0
_LINGER: Final = 2.0
_MAX_HEADERS: Final = 32
_MAX_LINE: Final = 2048
_BUSY_RETRY: Final = 30

SMALL: Final = ENVELOPE_SIZES[1] + 4096
"""Octets of a body that needs no leave: nobody who sends or reads large ones slowly can crowd these out."""

_log: Final = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """One client's connection: its rate, and the challenge that it was given."""

    __slots__ = ("bucket", "challenge", "pending", "server", "stalled", "turned_away", "wire")

    def __init__(self, server: "RelayServer", loop: asyncio.AbstractEventLoop) -> None:
        limits = server.limits
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=limits.idle_timeout,
            access_log=None,  # pyright: ignore[reportArgumentType]  # it takes None, which is what keeps logs empty
            auto_decompress=False,
            lingering_time=_LINGER,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            max_headers=_MAX_HEADERS,
        )
        self.server = server
        self.challenge: bytes | None = None
        self.bucket = Bucket(limits.requests_per_second, limits.request_burst, loop.time)
        self.turned_away = False
        self.wire: asyncio.Transport | None = None
        self.pending = 0
        self.stalled = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        if self.server.metrics.connections >= self.server.limits.connections:
            self.turned_away = True
            self.server.metrics.turned_away += 1
            wire.write(_too_many_connections())
            wire.close()
            return
        self.wire = wire
        self.server.metrics.connections += 1
        self.server.wires.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.turned_away:
            return
        self.server.metrics.connections -= 1
        self.server.wires.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.turned_away:
            super().data_received(data)

    def eof_received(self) -> None:
        if not self.turned_away:
            super().eof_received()

    def end_if_stalled(self, now: float, timeout: float) -> bool:
        """Abort where the client has not taken an octet for too long; say whether it was so."""
        assert self.wire is not None
        pending = self.wire.get_write_buffer_size()
        if not pending or pending < self.pending or not self.pending:
            self.stalled = now
        self.pending = pending
        if pending and now - self.stalled >= timeout:
            self.wire.abort()
            return True
        return False


class RelayServer(web.Server):
    """Protocol factory and request handler in one. Made in the event loop."""

    def __init__(
        self, store: QueueStore, hub: Hub, operations: Operations, *, limits: Limits, metrics: Metrics
    ) -> None:
        super().__init__(self._handle, request_factory=_request, handler_cancellation=True)
        self._store = store
        self._hub = hub
        self._operations = operations
        self._memory = Memory(limits.bodies_mib * MIB)
        operations.fetch_octets = self._fetch_octets
        self.limits = limits
        self.metrics = metrics
        self.wires: set[Connection] = set()

    def __call__(self) -> Connection:
        return Connection(self, asyncio.get_running_loop())

    async def end_stalled(self) -> None:
        """Look after slow readers for ever."""
        timeout = self.limits.write_timeout
        while True:
            await asyncio.sleep(max(0.2, timeout / 4))
            now = asyncio.get_running_loop().time()
            self.metrics.slow += sum(each.end_if_stalled(now, timeout) for each in list(self.wires))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)
        operation = "unknown"
        try:
            connection.bucket.take("requests on this connection")
            if request.path == "/" and request.method == "GET":
                operation = "about"
                response: web.StreamResponse = _response(200, self._operations.about())
            else:
                _, operation = split_path(request.path)
                if operation == SUBSCRIBE and request.method == "GET":
                    return await self._serve_socket(request, connection)
                response = await self._answer(operation, request, connection)
        except Refused as refused:
            self._count(operation, refused.code)
            return _refusal(refused)
        except Malformed as error:
            self._count(operation, Code.MALFORMED)
            return _refusal(Refused(Code.MALFORMED, str(error)))
        except (ConnectionError, web.HTTPException) as error:
            self._count(operation, Code.MALFORMED)
            return _refusal(Refused(Code.MALFORMED, f"The request broke off: {type(error).__name__}."))
        except Exception as error:  # noqa: BLE001  # one request's failure must not end the others
            _log.error("an operation failed: %s", type(error).__name__)
            self._count(operation, Code.INTERNAL)
            return _refusal(Refused(Code.INTERNAL, "The relay failed.", retry_after=_BUSY_RETRY))
        self._count(operation, "ok")
        return response

    async def _answer(self, operation: str, request: web.BaseRequest, connection: Connection) -> web.Response:
        cls = OPERATIONS.get(operation)
        if cls is None or request.method != "POST":
            raise Refused(Code.UNKNOWN_OPERATION, "POST one of the operations, or GET /v1/subscribe.")
        length = request.content_length
        if length is None or "Content-Encoding" in request.headers:
            raise Refused(Code.MALFORMED, "A plain body with a Content-Length is needed.")
        if length > MAX_REQUEST:
            raise Refused(Code.TOO_LARGE, f"A body has at most {MAX_REQUEST} octets.")
        with ExitStack() as held:
            if length > SMALL:
                held.enter_context(self._memory.reserved(length))
            try:
                async with asyncio.timeout(self.limits.body_timeout):
                    body = await request.read()
            except TimeoutError:
                raise Refused(Code.TOO_SLOW, "The body did not come in time.", retry_after=_BUSY_RETRY) from None
            reply = await self._operations.answer(cls.from_octets(body), connection)
            response = _response(200, reply)
            size = response.content_length or 0
            if size > SMALL:
                held.enter_context(self._memory.reserved(size))
                # Written here, while it is counted.
                await response.prepare(request)
                await response.write_eof()
            return response

    async def _serve_socket(self, request: web.BaseRequest, connection: Connection) -> web.WebSocketResponse:
        socket = open_socket(heartbeat=_HEARTBEAT)
        if not socket.can_prepare(request):
            raise Refused(Code.MALFORMED, "This path is a WebSocket.")
        await socket.prepare(request)
        self._count(SUBSCRIBE, "ok")
        self.metrics.subscribers += 1
        link = SubscriberLink(
            socket,
            store=self._store,
            hub=self._hub,
            operations=self._operations,
            metrics=self.metrics,
            bucket=connection.bucket,
            idle_timeout=self.limits.idle_timeout,
        )
        try:
            await link.run()
        finally:
            self.metrics.subscribers -= 1
        return socket

    def _fetch_octets(self) -> int:
        return ENVELOPE_SIZES[1] if self._memory.scarce else MAX_FETCHED_OCTETS

    def _count(self, operation: str, outcome: str) -> None:
        known = operation in OPERATIONS or operation in ("about", SUBSCRIBE)
        self.metrics.requests[operation if known else "unknown", outcome] += 1


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_REQUEST + 1)


def _response(status: int, message: Message, *, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=message.to_octets(), content_type=MEDIA_TYPE, headers=headers)


def _refusal(refused: Refused) -> web.Response:
    after = refused.retry_after
    headers = None if after is None else {"Retry-After": str(after)}
    return _response(STATUS[refused.code], Refusal.of(refused), headers=headers)


def _too_many_connections() -> bytes:
    refused = Refused(Code.TOO_MANY_CONNECTIONS, "The relay has too many connections.", retry_after=_BUSY_RETRY)
    body = Refusal.of(refused).to_octets()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"Retry-After: {_BUSY_RETRY}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
