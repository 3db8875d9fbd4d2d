"""A door between one tor and its network, which a test can shut: the outage as tor meets it."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import anyio
from anyio.abc import ByteStream, SocketListener, SocketStream, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from balchat_host.api.network import NetworkContext
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.testing.ports import free_ports

_MAX_REQUEST: Final = 4096


class Door:
    """An HTTP proxy on loopback (CONNECT, RFC 9110 section 9.3.6) that a tor goes through; an async context manager."""

    def __init__(self) -> None:
        (self._port,) = free_ports(1)
        self._tasks = anyio.create_task_group()
        self._open = True
        self._passing: set[SocketStream] = set()
        self._listener: SocketListener | None = None

    def torrc_lines(self) -> tuple[str, ...]:
        """The line that makes a tor go through this door."""
        return (f"HTTPSProxy 127.0.0.1:{self._port}",)

    async def shut(self) -> None:
        """End every connection, and let none through from now on."""
        self._open = False
        for stream in tuple(self._passing):
            await stream.aclose()

    def open(self) -> None:
        """Let connections through again."""
        self._open = True

    async def __aenter__(self) -> Self:
        (listener,) = (await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self._port)).listeners
        assert isinstance(listener, SocketListener)
        self._listener = listener
        await self._tasks.__aenter__()
        self._tasks.start_soon(listener.serve, self._pass)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(kind, value, trace)
        finally:
            assert self._listener is not None
            with anyio.CancelScope(shield=True):
                await self._listener.aclose()

    async def _pass(self, inside: SocketStream) -> None:
        async with inside:
            if not self._open:
                return
            try:
                request = await BufferedByteReceiveStream(inside).receive_until(b"\r\n\r\n", _MAX_REQUEST)
                host, _, port = request.split()[1].decode().rpartition(":")
                outside = await anyio.connect_tcp(host, int(port))
            except (OSError, ValueError, anyio.IncompleteRead, anyio.DelimiterNotFound, *_GONE):
                return
            async with outside:
                await self._join(inside, outside)

    async def _join(self, inside: SocketStream, outside: SocketStream) -> None:
        self._passing |= {inside, outside}
        try:
            await inside.send(b"HTTP/1.0 200 OK\r\n\r\n")
            async with anyio.create_task_group() as both:
                both.start_soon(_pump, inside, outside)
                both.start_soon(_pump, outside, inside)
        except _GONE:
            pass
        finally:
            self._passing -= {inside, outside}


class NetworkBehindDoor(TorNetwork):
    """A Tor network with a door of its own, which is there while it runs. `torrc` is what its tor has else."""

    def __init__(self, context: NetworkContext, torrc: Sequence[str]) -> None:
        self.door = Door()
        super().__init__(context, TorSettings(torrc=(*torrc, *self.door.torrc_lines())))

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        async with self.door:
            await super().run(task_status=task_status)


_GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


async def _pump(source: ByteStream, sink: ByteStream) -> None:
    """Carry octets one way until either side is gone, then end both."""
    try:
        async for chunk in source:
            await sink.send(chunk)
    except _GONE:
        pass
    await source.aclose()
    await sink.aclose()
