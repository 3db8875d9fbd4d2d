"""One client's connection: HTTP/1.1 as docs/spec/relay.md uses it, read by httptools, answered one request at a time.

Theory of operation
-------------------
The parser calls back as octets come. What it makes of them waits in `_asked`: whole requests, and at the end perhaps
a refusal of something that is not worth reading on. Once a chunk from the socket is parsed they are answered in order,
each once the client took most of the last one's answer. When more comes meanwhile nothing further is read, and more
than `_MAX_ASKED` are refused: so what waits never exceeds one chunk, and nobody gets more than a moment of the event
loop for one, however many requests are in it. After a refusal that left something unread the connection ends: what
still comes is thrown away for `_LINGER`, so that the client gets to read why.

No task runs for it: whatever it waits for calls back. A task would cost two more turns of the event loop a request.

              octets                whole request                  all answered
    IDLE ───────────────▶ READING ───────────────▶ ANSWERING ───────────────────▶ IDLE
      │ idle_timeout         │ body_timeout, too large, no HTTP …    │ the answer says close
      ▼                      ▼                                       ▼
    closed               refused ──────────────────────────────▶ LINGERING ────▶ closed

A WebSocket is another protocol on the same connection: `_successor` (aiohttp's) gets everything from then on.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol, cast

import httptools
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.sizes import ENVELOPE_SIZES, MAX_REQUEST

from balchat_relay.metrics import Metrics
from balchat_relay.settings import Limits
from balchat_relay.web.http import HttpRequest, refusal
from balchat_relay.web.limiting import Bucket, Memory

SMALL: Final = ENVELOPE_SIZES[1] + 4096
"""Octets of a body that needs no leave: nobody who sends or reads large ones slowly can crowd these out."""

BUSY_RETRY: Final = 30

_LINGER: Final = 2.0
_MAX_ASKED: Final = 32
_ASK_AGAIN: Final = 1
_MAX_FIELDS: Final = 32
_MAX_FIELD: Final = 2048
_MAX_HEAD: Final = _MAX_FIELDS * _MAX_FIELD
_METHODS: Final = (b"GET", b"POST")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Service(Protocol):
    """What connections belong to."""

    limits: Limits
    metrics: Metrics
    memory: Memory
    connections: "set[Connection]"

    def answer(self, request: HttpRequest, connection: "Connection") -> list[bytes | bytearray] | None:
        """Give the answer, in pieces; None where `connection.answered` will be called with them later."""
        ...

    def successor(self, request: HttpRequest, connection: "Connection") -> asyncio.Protocol | None:
        """Give the protocol that takes over, where the client asks for another one that is spoken here."""
        ...


class _Enough(Exception):
    """Has the parser leave the rest of a chunk: nothing of it will be answered."""


class Connection(asyncio.Protocol):
    """One client's connection: its rate, and the challenge that it was given. `wire` is None for one too many."""

    __slots__ = (
        "_answered", "_asked", "_begun", "_current", "_done", "_over", "_parser", "_paused", "_pending", "_reading",
        "_room", "_service", "_since", "_stalled", "_successor", "_unparsed", "bucket", "challenge", "wire",
    )  # fmt: skip

    def __init__(self, service: Service) -> None:
        limits = service.limits
        clock = asyncio.get_running_loop().time
        self.bucket = Bucket(limits.requests_per_second, limits.request_burst, clock)
        self.challenge: bytes | None = None
        self.wire: asyncio.Transport | None = None
        self._service = service
        self._parser = httptools.HttpRequestParser(self)
        self._begun: HttpRequest | None = None
        self._reading = False  # its body
        self._unparsed = 0
        self._asked: deque[HttpRequest] = deque()
        self._current: HttpRequest | None = None
        self._answered = False  # the current one, but the client has not taken most of the answer
        self._done: asyncio.Future[None] | None = None  # while somebody waits for the current one's end
        self._paused = False
        self._room: asyncio.Future[None] | None = None  # while the client has too much to read
        self._over = False
        self._successor: asyncio.Protocol | None = None
        self._since = clock()
        self._pending = 0
        self._stalled = 0.0

    # -- the transport's side --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        metrics = self._service.metrics
        if metrics.connections >= self._service.limits.connections:
            self._over = True
            metrics.turned_away += 1
            why = Refused(Code.TOO_MANY_CONNECTIONS, "The relay has too many connections.", retry_after=BUSY_RETRY)
            wire.write(b"".join(refusal(why, keep_alive=False)))
            wire.close()
            return
        self.wire = wire
        metrics.connections += 1
        self._service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.wire is None:
            return
        self._service.metrics.connections -= 1
        self._service.connections.discard(self)
        self._over = True
        if self._successor is not None:
            self._successor.connection_lost(exc)
        self._drop(*self._asked, *([self._begun] if self._begun else []))
        self._asked.clear()
        self._begun = None
        self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._successor is not None:
            self._successor.data_received(data)
            return
        if self._over:
            return
        begun = None if self._reading else self._begun
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(Refused(Code.MALFORMED, "This is no HTTP/1.1 request as the relay takes it."))
        # The parser keeps a field until it is whole, so what is nothing but the middle of a head is counted here.
        in_head = begun is not None and begun is self._begun and not self._reading
        self._unparsed = self._unparsed + len(data) if in_head else 0
        if self._unparsed > _MAX_HEAD:
            self._refuse(Refused(Code.MALFORMED, f"A head has at most {_MAX_HEAD} octets."))
        self._go_on()
        if self._asked and self.wire is not None and not self._paused:
            self._paused = True
            self.wire.pause_reading()

    def eof_received(self) -> None:
        if self._successor is not None:
            self._successor.eof_received()

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()
        if self._successor is not None:
            self._successor.pause_writing()

    def resume_writing(self) -> None:
        self._make_room()
        if self._successor is not None:
            self._successor.resume_writing()

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set_result(None)
            self._room = None
        if self._answered:
            self._finish()
            self._go_on()

    # -- for whoever writes --

    @property
    def waiting(self) -> int:
        """Octets that the client has not taken yet."""
        return 0 if self.wire is None else self.wire.get_write_buffer_size()

    def write(self, pieces: Sequence[bytes | bytearray]) -> None:
        """Send, or keep until the client takes it."""
        if self.wire is not None and not self.wire.is_closing():
            self.wire.writelines(pieces)

    async def room(self) -> None:
        """Wait until the client has taken most of what was sent."""
        if self._room is not None:
            await asyncio.shield(self._room)

    # -- the parser's side --

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self._over:
            raise _Enough
        self._begun = HttpRequest()
        if len(self._asked) == _MAX_ASKED:
            what = f"At most {_MAX_ASKED} requests are taken before the first is answered."
            self._refuse(Refused(Code.TOO_MANY_REQUESTS, what, retry_after=_ASK_AGAIN))

    def on_url(self, url: bytes) -> None:
        """Take in a piece of the target."""
        if self._begun is not None:
            self._begun.target += url
            if len(self._begun.target) > _MAX_FIELD:
                self._refuse(Refused(Code.MALFORMED, f"A target has at most {_MAX_FIELD} octets."))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a field."""
        if self._begun is not None:
            if len(name) + len(value) > _MAX_FIELD or len(self._begun.fields) == _MAX_FIELDS:
                what = f"A head has at most {_MAX_FIELDS} fields of {_MAX_FIELD} octets."
                self._refuse(Refused(Code.MALFORMED, what))
            else:
                self._begun.add(name, value)

    def on_headers_complete(self) -> None:
        """Look whether the body is worth reading."""
        request = self._begun
        if request is None:
            return
        request.method = self._parser.get_method()
        try:
            self._admit(request)
        except Refused as refused:
            self._refuse(refused)
            return
        self._reading = True
        self._since = asyncio.get_running_loop().time()
        if request.expects and self.wire is not None and self._current is None and not self._asked:
            self.wire.write(_CONTINUE)

    def _admit(self, request: HttpRequest) -> None:
        length = request.length or 0
        if request.encoded or (request.method == b"POST" and request.length is None):
            raise Refused(Code.MALFORMED, "A plain body with a Content-Length is needed.")
        if length > MAX_REQUEST:
            raise Refused(Code.TOO_LARGE, f"A body has at most {MAX_REQUEST} octets.")
        if length > SMALL:
            self._service.memory.take(length)
            request.held = length

    def on_body(self, body: bytes) -> None:
        """Take in a piece of the body."""
        if self._begun is not None:
            self._begun.body.append(body)

    def on_message_complete(self) -> None:
        """Have the request answered."""
        if self._begun is not None:
            self._begun.keep_alive = self._parser.should_keep_alive() and self._begun.method in _METHODS
            if not self._parser.should_upgrade():
                self._ask(self._begun)

    # -- the state --

    def _ask(self, request: HttpRequest) -> None:
        self._begun = None
        self._reading = False
        self._asked.append(request)

    def _refuse(self, refused: Refused) -> None:
        """Answer, after what was asked before, without reading any further."""
        if self._over:  # the parser goes on with what it has
            return
        request = self._begun or HttpRequest()
        request.refused = refused
        request.keep_alive = False
        self._ask(request)
        self._over = True

    def _upgrade(self, rest: bytes) -> None:
        request = self._begun
        if request is None or self.wire is None:
            return
        idle = self._current is None and not self._asked
        if idle and (successor := self._service.successor(request, self)) is not None:
            self._begun = None
            self._successor = successor
            successor.connection_made(self.wire)
            head = b"".join(b"%s: %s\r\n" % field for field in request.fields)
            successor.data_received(b"%s %s HTTP/1.1\r\n%s\r\n%s" % (request.method, request.target, head, rest))
            return
        request.keep_alive = False  # the parser cannot tell where the next one begins
        self._ask(request)
        self._over = True

    def _go_on(self) -> None:
        """Have what was asked answered, unless something is being answered."""
        while self._asked and self._current is None:
            self._current = self._asked.popleft()
            pieces = self._service.answer(self._current, self)
            if pieces is not None:
                self._send(pieces)

    def answered(self, pieces: Sequence[bytes | bytearray]) -> None:
        """Take the answer to what was asked last."""
        self._send(pieces)
        self._go_on()

    def _send(self, pieces: Sequence[bytes | bytearray]) -> None:
        self._answered = True
        self.write(pieces)
        if self._room is None:
            self._finish()

    def _finish(self) -> None:
        """End what is answered, and whose answer was sent."""
        request, self._current, self._answered = self._current, None, False
        assert request is not None
        self._drop(request)
        self._since = asyncio.get_running_loop().time()
        if not request.keep_alive:
            self._drop(*self._asked)
            self._asked.clear()
            self._linger()
        elif self._paused and not self._asked and self.wire is not None and not self.wire.is_closing():
            self._paused = False
            self.wire.resume_reading()
        if self._done is not None and not self._asked:
            self._done.set_result(None)
            self._done = None

    def _drop(self, *requests: HttpRequest) -> None:
        """Give back the memory that they took."""
        for request in requests:
            self._service.memory.give(request.held)

    def _linger(self) -> None:
        """End, but let the client read first why."""
        wire = self.wire
        assert wire is not None
        self._over = True
        if not wire.is_closing() and wire.can_write_eof():
            wire.write_eof()
            wire.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER, wire.close)

    # -- the clock's side --

    def look_after(self, now: float) -> bool:
        """End what waits for the client for too long; say whether it was one that does not take what we send."""
        wire, limits = self.wire, self._service.limits
        if wire is None:
            return False
        pending = self.waiting
        if not pending or pending < self._pending or not self._pending:
            self._stalled = now
        self._pending = pending
        if pending and now - self._stalled >= limits.write_timeout:
            wire.abort()
            return True
        if self._current is None and self._successor is None and not self._over:
            if self._reading and now - self._since >= limits.body_timeout:
                self._refuse(Refused(Code.TOO_SLOW, "The body did not come in time.", retry_after=BUSY_RETRY))
                self._go_on()
            elif now - self._since >= limits.idle_timeout:
                wire.close()
        return False

    def shut_down(self) -> asyncio.Future[None] | None:
        """Take nothing more; give what is done once what was asked last is answered."""
        self._over = self._successor is None
        if self._current is not None:
            self._done = asyncio.get_running_loop().create_future()
            return self._done
        if self._over and self.wire is not None:
            self.wire.close()
        return None
