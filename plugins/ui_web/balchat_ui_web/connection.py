"""One connection of a browser, or of whoever else reaches the port: bounded before anything of it is read.

Any program of this machine can open connections. So there are so many and no more; where one comes too many, the oldest
that has proved nothing makes room. One proves itself by a request with a bearer. aiohttp bounds each head, and closes
a connection on which no whole head comes in time.
"""

import asyncio
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from balchat_ui_web.headers import ALWAYS

MOST: Final = 128
IDLE_SECONDS: Final = 20
"""Seconds without a whole head after which a connection is closed."""
_MAX_FIELDS: Final = 48
_MAX_FIELD: Final = 8190
_LINGER: Final = 2.0

_log: Final = logging.getLogger("balchat")


class Connection(web.RequestHandler):
    """A connection, which may be cut to make room for another one until it is `proved`."""

    __slots__ = ("_all", "proved", "wire")

    def __init__(self, all_of_them: "Connections") -> None:
        super().__init__(
            all_of_them.server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=all_of_them.idle_seconds,
            access_log=None,  # pyright: ignore[reportArgumentType]  # it takes None, which is what keeps logs empty
            max_line_size=_MAX_FIELD,
            max_headers=_MAX_FIELDS,
            max_field_size=_MAX_FIELD,
            lingering_time=_LINGER,
            auto_decompress=False,
        )
        self._all = all_of_them
        self.proved = False
        self.wire: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = transport
        if not self._all.add(self):
            self.close()  # what still comes is not read
            self.abort()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._all.remove(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Cut the connection."""
        if isinstance(self.wire, asyncio.Transport):
            self.wire.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Return the answer to what aiohttp could not read. Everything else is answered by the middlewares."""
        del request, message
        if isinstance(exc, ConnectionError):
            raise exc  # the client is gone
        if status != HTTPStatus.BAD_REQUEST:
            self.log_exception(exc_info=exc)
        # No hook of the application sees this answer, and without a name aiohttp gives its own, with its version.
        headers = {**ALWAYS, hdrs.SERVER: "balchat"}
        answer = web.Response(status=status, text="This is no request that balchat takes.\n", headers=headers)
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, exc_info: BaseException | None = None, **kw: Any) -> None:
        """Log the kind of fault alone: its words may be a client's."""
        del args, kw
        _log.error("a connection of the page failed: %s", type(exc_info).__name__)


class Connections:
    """Every connection that is open, and the factory that makes them for the event loop."""

    def __init__(self, server: web.Server, most: int, idle_seconds: float) -> None:
        self.server = server
        self.idle_seconds = idle_seconds
        self._most = most
        self._open: dict[Connection, None] = {}

    def __call__(self) -> Connection:
        return Connection(self)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter([*self._open])

    def add(self, connection: Connection) -> bool:
        """Count one more; return False where there is no room for it."""
        if len(self._open) >= self._most:
            oldest = next((each for each in self._open if not each.proved), None)
            if oldest is None:
                return False
            self.remove(oldest)
            oldest.abort()
        self._open[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Forget one that is closed. One that was never added is no error."""
        self._open.pop(connection, None)


def prove(request: web.BaseRequest) -> None:
    """Take note that whoever is at the other end of a request's connection is signed in."""
    if isinstance(request.protocol, Connection):
        request.protocol.proved = True
