"""The client's half of a connection: many calls and streams over one socket, told apart by their numbers.

Two tasks carry it, one that writes and one that reads. A caller that is cancelled in the middle of something leaves the
lines whole: its answer, when it comes, is dropped.
"""

from collections import deque
from itertools import count
from typing import Any, Final
from weakref import WeakValueDictionary

import anyio
from anyio import BrokenResourceError, ClosedResourceError
from anyio.abc import ByteStream
from msgspec import Raw, Struct

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, BalchatError, ConnectionLost, ProtocolViolation, error_from
from balchat_host.api.frontend import MAX_OCTETS
from balchat_host.api.rpc.description import METHODS, Method
from balchat_host.api.rpc.protocol import Incoming, call_line, read_incoming
from balchat_host.api.rpc.session import MAX_ANSWER_SIZE
from balchat_ui_rpc.client_stream import ClientStream, decode
from balchat_ui_rpc.limits import MAX_REQUEST_SIZE
from balchat_ui_rpc.lines import LineReader

_ENVELOPE_SIZE: Final = 1024


class _Reply:
    """Where a caller waits for its answer."""

    def __init__(self) -> None:
        self.ready = anyio.Event()
        self.answer: Raw | BalchatError = ConnectionLost()

    def give(self, answer: Raw | BalchatError) -> None:
        self.answer = answer
        self.ready.set()


class RpcClient:
    """One connection. It works while `write_all` and `read_all` run."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._numbers = count(1)
        self._outgoing: deque[bytes] = deque()
        self._posted = Bell()
        self._abandoned: deque[int] = deque()
        self._replies: dict[int, _Reply] = {}
        # Weak, so that a stream ends which its user has dropped without closing it.
        self._streams: WeakValueDictionary[int, ClientStream] = WeakValueDictionary()
        self._lost: BalchatError | None = None

    # -- what the App's methods use

    async def call(self, method: Method, parameters: Struct, octets: bytes | None = None) -> Any:
        """Call a method and return its result. Raise what it raises, and ConnectionLost."""
        number, reply = next(self._numbers), _Reply()
        self._post(number, method, parameters, octets)
        self._replies[number] = reply
        try:
            await reply.ready.wait()
        finally:
            self._replies.pop(number, None)
        if isinstance(reply.answer, BalchatError):
            raise error_from(reply.answer.code, reply.answer.fields)
        return decode(method, reply.answer)

    def open(self, stream: ClientStream, method: Method, parameters: Struct) -> int:
        """Open a stream whose values go to `stream`. Raise ConnectionLost."""
        number = next(self._numbers)
        self._post(number, method, parameters)
        self._streams[number] = stream
        return number

    def grant(self, stream: int, values: int) -> None:
        """Let a stream send so many values more. Raise ConnectionLost."""
        credit = METHODS["credit"]
        self._post(None, credit, credit.parameters(stream=stream, values=values))

    def cancel(self, stream: int) -> None:
        """End a stream."""
        if self._lost is None:
            cancel = METHODS["cancel"]
            self._post(None, cancel, cancel.parameters(stream=stream))

    def abandon(self, stream: int) -> None:
        """End a stream the next time something is sent. Any thread may call it."""
        self._abandoned.append(stream)

    def _post(self, number: int | None, method: Method, parameters: Struct, octets: bytes | None = None) -> None:
        while self._abandoned:
            self.cancel(self._abandoned.popleft())
        if self._lost is not None:
            raise error_from(self._lost.code, self._lost.fields)
        line = call_line(number, method, parameters, octets)
        if len(line) > MAX_REQUEST_SIZE:
            problem = f"it has {len(line)} octets, and {MAX_REQUEST_SIZE} fit through the local socket at once"
            raise BadInput(what="The call", problem=problem)
        if octets is not None and len(octets) > MAX_OCTETS:
            raise BadInput(what="The octets", problem=f"at most {MAX_OCTETS} are taken at once")
        self._outgoing.append(line + (octets or b""))
        self._posted.ring()

    # -- the two tasks

    async def write_all(self) -> None:
        """Write what is posted, until the connection is lost."""
        while self._lost is None:
            if not self._outgoing:
                await self._posted.wait()
                continue
            lines = b"".join(self._outgoing)
            self._outgoing.clear()
            try:
                await self._stream.send(lines)
            except (BrokenResourceError, ClosedResourceError):
                # The reader ends too, once it has read what was sent before.
                return

    async def read_all(self) -> None:
        """Hand out what comes, until the connection is lost."""
        lines = LineReader(self._stream, MAX_ANSWER_SIZE + _ENVELOPE_SIZE)
        try:
            while (line := await lines.read()) is not None:
                incoming = read_incoming(line)
                octets = None if incoming.octets is None else await lines.read_octets(incoming.octets)
                self._take(incoming, octets)
        except ProtocolViolation as error:
            self._lose(error)
        finally:
            self._lose(ConnectionLost())

    def _take(self, incoming: Incoming, octets: bytes | None) -> None:
        if incoming.params is not None:
            stream = self._streams.get(incoming.params.stream)
            if stream is not None:
                stream.put(incoming.params.value if octets is None else octets)
        elif incoming.id is None:
            # It answers no call of ours: the server tells why it ends the connection.
            self._lose(incoming.error.error() if incoming.error else ConnectionLost())
        elif stream := self._streams.pop(incoming.id, None):
            stream.end(incoming.error.error() if incoming.error else None)
        elif reply := self._replies.get(incoming.id):
            reply.give(incoming.answer())

    def _lose(self, error: BalchatError) -> None:
        if self._lost is not None:
            return
        self._lost = error
        self._posted.ring()
        for reply in self._replies.values():
            reply.give(error)
        for stream in list(self._streams.values()):
            stream.end(error)
