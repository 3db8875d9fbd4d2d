"""One open stream on the client's side: it asks for more values when it has none left, so what it holds is bounded."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Protocol

from msgspec import Raw, Struct, ValidationError

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError, ProtocolViolation, error_from
from balchat_host.api.rpc.description import Method
from balchat_host.api.rpc.values import UnknownKind


class Source(Protocol):
    """What a stream asks of its connection."""

    def open(self, stream: "ClientStream", method: Method, parameters: Struct) -> int:
        """Open the stream and return its number."""
        ...

    def grant(self, stream: int, values: int) -> None:
        """Let the stream send so many values more."""
        ...

    def cancel(self, stream: int) -> None:
        """End the stream."""
        ...

    def abandon(self, stream: int) -> None:
        """End the stream the next time something is sent. Any thread may call it."""
        ...


class ClientStream(AsyncIterator[Any]):
    """Gives the values of a stream, which opens when the first is asked for. It asks for `window` values at a time."""

    def __init__(self, source: Source, method: Method, arguments: dict[str, Any], window: int) -> None:
        self._source = source
        self._method = method
        self._parameters = method.parameters(**arguments, credit=window)
        self._window = window
        self._number: int | None = None
        self._due = window
        self._values: deque[Raw | bytes] = deque()
        self._arrived = Bell()
        self._ended = False
        self._error: BalchatError | None = None

    def put(self, value: Raw | bytes) -> None:
        """Take a value that came. Raise ProtocolViolation for one that was not asked for."""
        if not self._due:
            raise ProtocolViolation(problem="a stream gave more than it was asked for")
        self._due -= 1
        self._values.append(value)
        self._arrived.ring()

    def end(self, error: BalchatError | None) -> None:
        """Take note that no more values come, and why."""
        self._ended, self._error = True, error
        self._arrived.ring()

    async def __anext__(self) -> Any:
        while True:
            with suppress(UnknownKind):
                return decode(self._method, await self._next())

    async def _next(self) -> Raw | bytes:
        if self._number is None and not self._ended:
            self._number = self._source.open(self, self._method, self._parameters)
        while not self._values:
            if self._error is not None:
                raise error_from(self._error.code, self._error.fields)
            if self._ended or self._number is None:
                raise StopAsyncIteration
            if not self._due:
                self._source.grant(self._number, self._window)
                self._due = self._window
            await self._arrived.wait()
        return self._values.popleft()

    async def aclose(self) -> None:
        """End the stream."""
        if self._number is not None and not self._ended:
            self._source.cancel(self._number)
        self._values.clear()
        self.end(None)

    def __del__(self) -> None:
        # Whoever leaves an `async for` early seldom closes what it was over.
        if self._number is not None and not self._ended:
            self._source.abandon(self._number)


def decode(method: Method, raw: Raw | bytes) -> Any:
    """Return a method's result, or one value of its stream. Raise ProtocolViolation, UnknownKind."""
    if method.gives_octets and isinstance(raw, bytes):
        return raw
    try:
        return method.codec.decode(raw)
    except (ValidationError, UnicodeDecodeError) as error:
        problem = f"what {method.name} gave is not what this version expects; use the same version for both"
        raise ProtocolViolation(problem=problem) from error
