"""An onion that we publish: what it reports, and the bounded queue of streams that came in."""

from collections.abc import Awaitable, Callable, Mapping
from socket import socket
from typing import Any, Final

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketListener, SocketStream

from balchat_host.api.network import PublishedService
from balchat_host.api.types import ONLINE, STOPPED, Phase, Secret, ServiceState

_MAX_WAITING: Final = 16
"""Streams that wait for `accept`. Whoever accepts does it at once; more than these are a flood."""

_AFTER_FAILED_ACCEPT: Final = 0.2
"""Seconds until the next try when the system has no file descriptor left."""


class PublishedOnion(PublishedService):
    """One virtual port of an onion. `withdraw` takes it back from tor."""

    def __init__(
        self,
        *,
        service: str,
        key_blob: Secret,
        port: int,
        listener: SocketListener,
        target: str,
        max_incoming: int,
        on_state: Callable[[ServiceState], None],
        withdraw: Callable[["PublishedOnion"], Awaitable[None]],
    ) -> None:
        self.service = service
        self.key_blob = key_blob
        self.port = port
        self.target = target
        self._listener = listener
        self._max_incoming = max_incoming
        self._on_state = on_state
        self._withdraw = withdraw
        self._open = 0
        self._uploaded: bool | None = None
        self._introduced = False
        self._network = STOPPED
        self._state = ServiceState(phase=Phase.STARTING)
        self._arrived, self._waiting = anyio.create_memory_object_stream[ByteStream](_MAX_WAITING)

    @property
    def state(self) -> ServiceState:
        return self._state

    async def accept(self) -> ByteStream:
        try:
            return await self._waiting.receive()
        except anyio.EndOfStream:
            raise anyio.ClosedResourceError from None

    async def aclose(self) -> None:
        if self._state == STOPPED:
            return
        self._set(STOPPED)
        with anyio.CancelScope(shield=True):
            await self._withdraw(self)
            await self.close_streams()

    async def close_streams(self) -> None:
        """Stop listening, and end the streams that nobody accepted."""
        self._set(STOPPED)
        await self._listener.aclose()
        self._arrived.close()
        while True:
            try:
                stream = self._waiting.receive_nowait()
            except (anyio.EndOfStream, anyio.WouldBlock, anyio.ClosedResourceError):
                break
            await stream.aclose()
        self._waiting.close()

    def listening_socket(self) -> socket:
        """Return the socket at which tor brings the streams, for whoever takes them in place of `serve`."""
        return self._listener.extra(SocketAttribute.raw_socket).dup()

    async def serve(self) -> None:
        """Take incoming streams until closed. Too many are turned away: tor then closes them at the other end."""
        while True:
            try:
                stream = await self._listener.accept()
            except anyio.ClosedResourceError:
                return
            except (OSError, anyio.BrokenResourceError):
                await anyio.sleep(_AFTER_FAILED_ACCEPT)
                continue
            if self._open == self._max_incoming:
                await stream.aclose()
                continue
            self._open += 1
            incoming = IncomingStream(stream, self._stream_closed)
            try:
                self._arrived.send_nowait(incoming)
            except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                await incoming.aclose()

    def network_changed(self, state: ServiceState) -> None:
        """Take in how the network is now."""
        self._network = state
        self._look()

    def announced(self) -> None:
        """Take in that tor was told of it, or is gone: the directories must be told again."""
        self._uploaded = None
        self._introduced = False
        self._look()

    def refused(self) -> None:
        """Take in that tor would not publish it."""
        self._set(_degraded("tor refuses to publish it", "tor.refuses"))

    def uploaded(self, *, accepted: bool) -> None:
        """Take in that directories have our descriptors, so that we can be found, or that they took none."""
        self._uploaded = accepted or self._uploaded is True
        self._look()

    def introduced(self, *, established: bool) -> None:
        """Take in whether an introduction point speaks for us. Without one nobody gets through."""
        self._introduced = established
        self._look()

    def _look(self) -> None:
        if self._network.phase is Phase.DEGRADED:
            self._set(self._network)
        elif self._network.phase is not Phase.ONLINE:
            self._set(_starting("waiting for tor", "tor.waiting"))
        elif self._uploaded is None:
            self._set(_starting("telling the onion service directories", "tor.publishing"))
        elif not self._uploaded:
            self._set(_degraded("the onion service directories refused it; tor tries again", "tor.not-published"))
        elif not self._introduced:
            self._set(_degraded("no introduction point speaks for it; tor looks for others", "tor.no-introduction"))
        else:
            self._set(ONLINE)

    def _set(self, state: ServiceState) -> None:
        if self._state not in (state, STOPPED):
            self._state = state
            self._on_state(state)

    def _stream_closed(self) -> None:
        self._open -= 1


class IncomingStream(ByteStream):
    """A stream that came in, and that counts as open until it is closed."""

    def __init__(self, stream: SocketStream, on_close: Callable[[], None]) -> None:
        self._stream = stream
        self._on_close: Callable[[], None] | None = on_close

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._stream.extra_attributes


def _starting(reason: str, code: str) -> ServiceState:
    return ServiceState(phase=Phase.STARTING, reason=reason, code=code)


def _degraded(reason: str, code: str) -> ServiceState:
    return ServiceState(phase=Phase.DEGRADED, reason=reason, code=code)
