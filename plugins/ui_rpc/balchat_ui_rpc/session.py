"""One connected client: its calls run concurrently, its streams at the pace at which it reads.

Nothing is buffered for a client. An answer or a value waits in the task that made it until the client has read what
came before, and while as many calls wait as a client may have, nothing more is read from it. A stream takes its next
value only when the last one is out, so a slow reader holds up nobody and loses nothing.

When the client goes, its streams end, and it attends no conversation any more. Calls that began go on: what they change
may be half on its way.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio import BrokenResourceError, CancelScope, ClosedResourceError, aclose_forcefully
from anyio.abc import ByteStream, TaskGroup
from msgspec import UNSET, Raw, Struct

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, ProtocolViolation, TimedOut, TooMany
from balchat_host.api.failures import contain
from balchat_host.api.frontend import App
from balchat_ui_rpc.description import Connection, Credit, Hello, Method, RequestId
from balchat_ui_rpc.limits import MAX_ANSWER_SIZE, MAX_REQUEST_SIZE, Limits
from balchat_ui_rpc.lines import LineReader
from balchat_ui_rpc.protocol import (
    INVALID_REQUEST,
    Failure,
    Refusal,
    Result,
    Value,
    ValueNotification,
    bad_input,
    error_object,
    octets_after,
    read_request,
    to_line,
)
from balchat_ui_rpc.server_stream import ServerStream


class Session(Connection):
    """Serves one client. `work` is where its calls run: it outlives the session."""

    def __init__(self, stream: ByteStream, app: App, hello: Hello, limits: Limits, work: TaskGroup) -> None:
        self._stream = stream
        self._app = app
        self._hello = hello
        self._limits = limits
        self._work = work
        self._running = 0
        self._rested = Bell()
        self._slots = anyio.Semaphore(limits.calls)
        self._writing = anyio.Lock(fast_acquire=True)
        self._gone = False
        self._ending = False
        self._streams: dict[RequestId, ServerStream] = {}

    async def serve(self) -> None:
        """Serve until the client has gone and its calls have ended."""
        try:
            with self._app.client() as self._app:
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

    # -- reading

    async def _read_all(self) -> None:
        lines = LineReader(self._stream, MAX_REQUEST_SIZE, self._limits.patience)
        while not self._gone:
            try:
                line = await lines.read()
                octets = b"" if line is None else await lines.read_octets(octets_after(line))
            except (ProtocolViolation, TimedOut) as error:
                await self._write(Failure(id=None, error=error_object(error, INVALID_REQUEST)))
                return
            if line is None or octets is None:
                return
            if line.strip():
                await self._take(line, octets)

    async def _take(self, line: bytes, octets: bytes) -> None:
        try:
            request, method, parameters = read_request(line)
        except Refusal as refusal:
            await self._write(Failure(id=refusal.request, error=refusal.error))
            return
        number = None if request.id is UNSET else request.id
        if method.streams:
            await self._open(number, method, parameters)
        elif method.owner is Connection:
            await self._answer(number, method, self, parameters, octets)
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
            await self._answer(number, method, self._app, parameters, octets)
        finally:
            self._slots.release()

    async def _answer(
        self, number: RequestId | None, method: Method, target: object, parameters: Struct, octets: bytes
    ) -> None:
        try:
            body = method.codec.encode(await method.of(target, parameters, octets))
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
        elif len(self._streams) >= self._limits.streams:
            await self._write(
                Failure(id=number, error=error_object(TooMany(what="streams", limit=self._limits.streams)))
            )
        else:
            stream = self._streams[number] = ServerStream(method.of(self._app, parameters), parameters.credit)
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
        # A stream that ends with the connection has not come to its end: the client shall not take it for that.
        if not self._ending:
            await self._write(answer)

    # -- writing

    async def _write(self, message: Struct, octets: bytes = b"") -> None:
        async with self._writing:
            if self._gone:
                return
            try:
                await self._stream.send(to_line(message) + octets)
            except (BrokenResourceError, ClosedResourceError):
                self._give_up()
            except BaseException:
                # Half a line may be out: nothing that follows it could be read.
                self._give_up()
                raise

    async def _hang_up(self) -> None:
        """End the connection at once: the other side can no longer rely on what comes by it."""
        self._give_up()
        await aclose_forcefully(self._stream)

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
