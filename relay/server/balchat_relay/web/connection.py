"""One client's connection: what middlewares never see, beside aiohttp's own request handler.

aiohttp reads the requests, takes at most 32 ahead of their answers, bounds each head, and closes a connection on which
no whole head comes within `keepalive_timeout`. Four things are added here: a bound on how many connections there are,
an end for clients that take nothing of what we send, a typed refusal of what is not HTTP, and logs without anybody's
octets in them.
"""

import asyncio
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from balchat_relay_proto.errors import Code, Refused

from balchat_relay.metrics import Metrics
from balchat_relay.settings import Limits
from balchat_relay.web.answers import refusal, written_refusal
from balchat_relay.web.limiting import Bucket

BUSY_RETRY: Final = 30

UNKNOWN: Final = "unknown"
"""What metrics call a request that names no operation."""

_MAX_FIELDS: Final = 32
_MAX_FIELD: Final = 2048
_LINGER: Final = 2.0
"""Seconds in which a client may go on sending a body that was refused, so that it gets to read why."""

_LEAST_PAUSE: Final = 0.2
_LOOKS: Final = 4

_TOO_MANY: Final = written_refusal(
    Refused(Code.TOO_MANY_CONNECTIONS, "The relay has too many connections.", retry_after=BUSY_RETRY)
)

_log: Final = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """A connection, its rate, and the challenge that was given on it. `wire` is None for one too many."""

    __slots__ = ("_all", "_pending", "_taken_at", "bucket", "challenge", "wire")

    def __init__(self, all_of_them: "Connections") -> None:
        limits, loop = all_of_them.limits, asyncio.get_running_loop()
        super().__init__(
            all_of_them.server,
            loop=loop,
            keepalive_timeout=limits.idle_timeout,
            access_log=None,  # pyright: ignore[reportArgumentType]  # it takes None, which is what keeps logs empty
            max_line_size=_MAX_FIELD,
            max_headers=_MAX_FIELDS,
            max_field_size=_MAX_FIELD,
            lingering_time=_LINGER,
            auto_decompress=False,
        )
        self._all = all_of_them
        self._pending = 0
        self._taken_at = loop.time()
        self.bucket = Bucket(limits.requests_per_second, limits.request_burst, loop.time)
        self.challenge: bytes | None = None
        self.wire: asyncio.Transport | None = None

    # -- called by the event loop and by aiohttp --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        if not self._all.add(self):
            self.close()  # what still comes is not read
            wire.write(_TOO_MANY)
            wire.close()
            return
        self.wire = wire
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._all.remove(self)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        self._taken_at = self._loop.time()
        super().resume_writing()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Return the answer to what aiohttp could not read. Everything else is answered by the middlewares."""
        del request, message
        if isinstance(exc, ConnectionError):
            raise exc  # the client is gone
        if status == HTTPStatus.BAD_REQUEST:
            refused = Refused(Code.MALFORMED, "This is not an HTTP/1.1 request as the relay takes it.")
        else:
            self.log_exception(exc_info=exc)
            refused = Refused(Code.INTERNAL, "The relay failed.", retry_after=BUSY_RETRY)
        self._all.metrics.requests[UNKNOWN, refused.code] += 1
        answer = refusal(refused)
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, exc_info: BaseException | None = None, **kw: Any) -> None:
        """Log the kind of fault alone: its words may be a client's."""
        del args, kw
        _log.error("a connection failed: %s", type(exc_info).__name__)

    # -- called by Connections --

    def has_stalled(self, now: float) -> bool:
        """Return whether the client has taken nothing of what waits for it, for `write_timeout`."""
        assert self.wire is not None
        pending = self.wire.get_write_buffer_size()
        if not pending or pending < self._pending or not self._pending:
            self._taken_at = now
        self._pending = pending
        return pending > 0 and now - self._taken_at >= self._all.limits.write_timeout


class Connections:
    """Every connection that is open, and the factory that makes them for the event loop."""

    def __init__(self, server: web.Server, limits: Limits, metrics: Metrics) -> None:
        self.server = server
        self.limits = limits
        self.metrics = metrics
        self._open: set[Connection] = set()

    def __call__(self) -> Connection:
        return Connection(self)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open))

    def add(self, connection: Connection) -> bool:
        """Count one more; False where there are as many as allowed."""
        if len(self._open) >= self.limits.connections:
            self.metrics.turned_away += 1
            return False
        self._open.add(connection)
        self.metrics.connections = len(self._open)
        return True

    def remove(self, connection: Connection) -> None:
        """Forget one that is closed. One that was never added is no error."""
        self._open.discard(connection)
        self.metrics.connections = len(self._open)

    async def watch(self) -> None:
        """End connections whose clients take nothing of what we send, for ever."""
        while True:
            await asyncio.sleep(max(_LEAST_PAUSE, self.limits.write_timeout / _LOOKS))
            now = asyncio.get_running_loop().time()
            for each in self:
                self._look_at(each, now)

    def _look_at(self, connection: Connection, now: float) -> None:
        try:
            if connection.has_stalled(now):
                self.metrics.slow += 1
                self._abort(connection)
        except Exception as error:  # noqa: BLE001  # one connection's failure must not end the others
            _log.error("looking at a connection failed: %s", type(error).__name__)
            self._abort(connection)

    @staticmethod
    def _abort(connection: Connection) -> None:
        if connection.wire is not None:
            connection.wire.abort()
