"""A byte stream over a unix-domain socket: whole, bounded, and quiet when its reader goes."""

import asyncio
import errno
import socket
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream
from balchat_common import unix_sockets
from balchat_common.unix_sockets import MAX_PATH, UnixStream, accept, connect

pytestmark = pytest.mark.anyio


@pytest.fixture
def path() -> Generator[Path, None, None]:
    """Where a socket can lie: pytest's own folders may be too deep."""
    with TemporaryDirectory(prefix="balchat-") as folder:
        yield Path(folder, "socket")


def pair() -> tuple[UnixStream, UnixStream]:
    one, other = socket.socketpair()
    return UnixStream(one), UnixStream(other)


async def test_what_is_sent_arrives_whole_however_much_it_is(path: Path) -> None:
    octets = bytes(range(256)) * 8192
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(0)
        got = bytearray()
        async with await connect(path) as one, UnixStream(await accept(listening)) as other:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one.send, octets)
                while len(got) < len(octets):
                    got += await other.receive(1000)
            await one.send_eof()
            with pytest.raises(EndOfStream):
                await other.receive()
            await other.send(b"still")
            assert await one.receive() == b"still"
    assert got == octets


async def test_no_more_comes_at_once_than_is_asked_for() -> None:
    one, other = pair()
    async with one, other:
        await one.send(b"x" * 100_000)
        assert len(await other.receive(10)) == 10
        assert len(await other.receive()) <= 65536


async def test_whoever_waits_learns_that_the_other_side_is_gone() -> None:
    one, other = pair()
    async with one:
        await other.aclose()
        with pytest.raises(EndOfStream):
            await one.receive()
        with pytest.raises(BrokenResourceError):
            await one.send(bytes(2**20))


@pytest.mark.parametrize("use", [lambda stream: stream.receive(), lambda stream: stream.send(b"x")])
async def test_a_stream_that_is_closed_is_no_longer_used(use: Callable[[UnixStream], Any]) -> None:
    one, other = pair()
    await one.aclose()
    await one.aclose()
    with pytest.raises(ClosedResourceError):
        await use(one)
    await other.aclose()


async def test_whoever_reads_while_it_is_closed_is_told() -> None:
    one, other = pair()
    async with other, anyio.create_task_group() as tasks:

        async def read() -> None:
            with pytest.raises(ClosedResourceError):
                await one.receive()

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        await one.aclose()


async def test_two_cannot_read_at_once() -> None:
    one, other = pair()
    async with one, other, anyio.create_task_group() as tasks:
        tasks.start_soon(one.receive)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BusyResourceError):
            await one.receive()
        tasks.cancel_scope.cancel()


async def test_octets_that_are_always_there_leave_others_a_turn() -> None:
    one, other = socket.socketpair()
    async with UnixStream(one) as stream, UnixStream(other):
        for use in (lambda: stream.send(b"x"), stream.receive):
            other.send(b"x")
            with anyio.CancelScope() as scope:
                scope.cancel()
                await use()
            assert scope.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_reader_that_is_cancelled_as_octets_come_is_no_fault_of_the_loop(anyio_backend: str) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    for _ in range(20):
        one, other = socket.socketpair()
        async with UnixStream(one) as stream, UnixStream(other), anyio.create_task_group() as tasks:
            tasks.start_soon(stream.receive)
            await anyio.wait_all_tasks_blocked()
            other.send(b"too late")
            tasks.cancel_scope.cancel()
    assert faults == []


class Listening:
    """A listening socket that fails with one error after the other, and then has a client."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = list(numbers)
        self.client, _ = self._both = socket.socketpair()

    def accept(self) -> tuple[socket.socket, str]:
        if self._numbers:
            raise OSError(self._numbers.pop(0), "as told")
        return self.client, ""

    def close(self) -> None:
        for end in self._both:
            end.close()


async def test_a_passing_failure_to_accept_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix_sockets, "_PAUSE", 0)
    with closing(Listening(errno.EMFILE, errno.ECONNABORTED)) as listening:
        assert await accept(listening) is listening.client  # pyright: ignore[reportArgumentType]  # as much of a socket as is used


async def test_a_lasting_failure_to_accept_is_raised() -> None:
    with closing(Listening(errno.EBADF)) as listening, pytest.raises(OSError, match="as told"):
        await accept(listening)  # pyright: ignore[reportArgumentType]  # see above


async def test_nobody_listens(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await connect(path)
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    with pytest.raises(ConnectionRefusedError):
        await connect(path)


def test_the_longest_path_is_one_that_the_system_takes(path: Path) -> None:
    name = path.with_name("x" * (MAX_PATH - len(str(path.parent)) - 1))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(name))
    assert len(str(name)) == MAX_PATH
