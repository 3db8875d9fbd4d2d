"""One connected client: its calls run concurrently, its streams at the pace at which it takes their values.

Nothing is buffered for a client. An answer or a value waits in the task that made it until the client has read what
came before, and while as many calls wait as a client may have, nothing more is read from it. A stream takes its next
value only when the last one is out, so a slow reader holds up nobody and loses nothing.

When the client goes, its streams end. Calls that began go on: what they change may be half on its way.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import anyio
from anyio import BrokenResourceError, CancelScope, ClosedResourceError
from anyio.abc import TaskGroup
from msgspec import UNSET, Raw, Struct

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, ProtocolViolation, TimedOut, TooMany
from balchat_host.api.failures import contain
from balchat_host.api.rpc.description import METHODS, Connection, Credit, Hello, Method, RequestId
from balchat_host.api.rpc.protocol import (
    INVALID_REQUEST,
    Failure,
    Refusal,
    Result,
    Value,
    ValueNotification,
    bad_input,
    error_object,
    read_request,
    to_line,
)
from balchat_host.api.rpc.server_stream import ServerStream

MAX_ANSWER_SIZE: Final = 64 * 1024 * 1024
"""Octets of the longest line that a session sends: a thousand of the longest messages fit, unless they are of
what has to be escaped; of those, three hundred do."""


class Channel(ABC):
    """What carries lines to one client and back, and the octets that follow some of them."""

    @abstractmethod
    async def receive(self) -> tuple[bytes, bytes] | None:
        """Return the next line and what follows it, None when there are no more.

        Raise ProtocolViolation, TimedOut: then nothing more can be read.
        """

    @abstractmethod
    async def send(self, line: bytes, octets: bytes) -> None:
        """Send a line, which ends with a line feed, and what follows it.

        Raise BrokenResourceError, ClosedResourceError where the client has gone.
        """

    @abstractmethod
    async def abort(self) -> None:
        """End the connection at once."""


Target = Callable[[Method], Awaitable[object]]
"""Gives what a method is called on, an App for those of its areas; what it raises, the call raises."""


class Session(Connection):
    """Serves one client, which may call `methods` on what `target` gives.

    `work` is where calls run: it outlives the session. At most `calls` are in progress; the next one is read when one
    of them has been answered. At most `streams` are open; one more is refused.
    """

    def __init__(
        self,
        channel: Channel,
        target: Target,
        hello: Hello,
        work: TaskGroup,
        *,
        methods: Mapping[str, Method] = METHODS,
        calls: int = 16,
        streams: int = 16,
    ) -> None:
        self._channel = channel
        self._target = target
        self._hello = hello
        self._work = work
        self._methods = methods
        self._running = 0
        self._rested = Bell()
        self._slots = anyio.Semaphore(calls)
        self._writing = anyio.Lock(fast_acquire=True)
        self._gone = False
        self._ending = False
        self._streams: dict[RequestId, ServerStream] = {}
        self._max_streams = streams

    async def serve(self) -> None:
        """Serve until the client has gone and its calls have ended."""
        try:
            await self._read_all()
        finally:
            self._ending = True
            self._close_streams()
            with CancelScope(shield=True):
                while self._running:
                    await self._rested.wait()

    # -- what the connection itself can be asked

    async def hello(self) -> Hello:
        return self._hello

    async def credit(self, stream: RequestId, values: Credit) -> None:
        # A stream that is not there has just ended: what was meant for it has no effect.
        if stream in self._streams:
            self._streams[stream].grant(values)

    async def cancel(self, stream: RequestId) -> None:
        if stream in self._streams:
            self._streams[stream].close()

    async def _itself(self, method: Method) -> object:
        del method
        return self

    # -- reading

    async def _read_all(self) -> None:
        while not self._gone:
            try:
                received = await self._channel.receive()
            except (ProtocolViolation, TimedOut) as error:
                await self._write(Failure(id=None, error=error_object(error, INVALID_REQUEST)))
                return
            if received is None:
                return
            line, octets = received
            if line.strip():
                await self._take(line, octets)

    async def _take(self, line: bytes, octets: bytes) -> None:
        try:
            request, method, parameters = read_request(line, self._methods)
        except Refusal as refusal:
            await self._write(Failure(id=refusal.request, error=refusal.error))
            return
        number = None if request.id is UNSET else request.id
        if method.streams:
            await self._open(number, method, parameters)
        elif method.owner is Connection:
            await self._answer(number, method, self._itself, parameters, octets)
        else:
            await self._slots.acquire()
            self._start(self._call, number, method, parameters, octets)

    def _start(self, task: Callable[..., Awaitable[None]], *arguments: object) -> None:
        self._running += 1
        self._work.start_soon(self._run, task, arguments)

    async def _run(self, task: Callable[..., Awaitable[None]], arguments: tuple[object, ...]) -> None:
        try:
            await task(*arguments)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it ends this connection only
            contain("a connection", error)
            await self._hang_up()
        finally:
            self._running -= 1
            self._rested.ring()

    # -- calls and streams

    async def _call(self, number: RequestId | None, method: Method, parameters: Struct, octets: bytes) -> None:
        try:
            await self._answer(number, method, self._target, parameters, octets)
        finally:
            self._slots.release()

    async def _answer(
        self,
        number: RequestId | None,
        method: Method,
        target: Target,
        parameters: Struct,
        octets: bytes,
    ) -> None:
        try:
            body = method.codec.encode(await method.of(await target(method), parameters, octets))
            if len(body) > MAX_ANSWER_SIZE:
                problem = f"it has {len(body)} octets, and {MAX_ANSWER_SIZE} fit in a line; ask for less at a time"
                raise BadInput(what="The answer", problem=problem)  # noqa: TRY301  # it is answered like the others
        except BaseException as error:  # noqa: BLE001  # every error is an answer
            answer = Failure(id=number, error=error_object(error))
        else:
            answer = None if number is None else Result(id=number, result=Raw(body))
        if number is not None and answer is not None:
            await self._write(answer)

    async def _open(self, number: RequestId | None, method: Method, parameters: Any) -> None:
        if number is None:
            return  # a notification asks for no answer, and a stream is nothing else
        if number in self._streams:
            refusal = Refusal(INVALID_REQUEST, bad_input("The id", "a stream that has it is open"), number)
            await self._write(Failure(id=number, error=refusal.error))
        elif len(self._streams) >= self._max_streams:
            await self._write(Failure(id=number, error=error_object(TooMany(what="streams", limit=self._max_streams))))
        else:
            try:
                source = method.of(await self._target(method), parameters)
            except BaseException as error:  # noqa: BLE001  # every error is an answer
                await self._write(Failure(id=number, error=error_object(error)))
                return
            stream = self._streams[number] = ServerStream(source, parameters.credit)
            self._start(self._pump, number, method, stream)

    async def _pump(self, number: RequestId, method: Method, stream: ServerStream) -> None:
        answer = Result(id=number, result=Raw(b"null"))
        try:
            async for value in stream:
                await self._write(*_notification(number, method, value))
        except BaseException as error:  # noqa: BLE001  # every error is an answer
            answer = Failure(id=number, error=error_object(error))
        finally:
            del self._streams[number]
            await stream.aclose()
        # A stream that ends with the connection has not come to its end: the client must not take it for that.
        if not self._ending:
            await self._write(answer)

    # -- writing

    async def _write(self, message: Struct, octets: bytes = b"") -> None:
        async with self._writing:
            if self._gone:
                return
            try:
                await self._channel.send(to_line(message), octets)
            except (BrokenResourceError, ClosedResourceError):
                self._give_up()
            except BaseException:
                # Half a line may be out: nothing that follows it could be read.
                self._give_up()
                raise

    async def _hang_up(self) -> None:
        """End the connection at once: the other side can no longer rely on what comes by it."""
        self._give_up()
        await self._channel.abort()

    def _give_up(self) -> None:
        self._gone = True
        self._close_streams()

    def _close_streams(self) -> None:
        for stream in self._streams.values():
            stream.close()


def _notification(stream: RequestId, method: Method, value: Any) -> tuple[ValueNotification, bytes]:
    """Return how a value of a stream is sent: its line, and the octets that follow it."""
    if method.gives_octets:
        return ValueNotification(params=Value(stream=stream, value=Raw(b"null")), octets=len(value)), value
    return ValueNotification(params=Value(stream=stream, value=Raw(method.codec.encode(value)))), b""
