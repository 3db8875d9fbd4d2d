"""Who serves parts: to whom, how much at a time, for how long, and what others cannot learn."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream

from balchat_host.api.errors import StorageFailed
from balchat_host.api.types import DeviceIdentity
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.part_server import FRAMES_AT_ONCE, IDLE_TIMEOUT, STALL_TIMEOUT, PartServer
from balchat_host.runtime.files.pull_protocol import NONE, Confirm, GetManifest, GetParts
from balchat_host.testing.virtual_stream import VirtualStream
from tests.host.runtime.files.conftest import ALICE, BOB, CAROL
from tests.support.memory_parts import MemoryFile, MemoryParts

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from balchat_host.api.types import PeerId

pytestmark = pytest.mark.anyio

KIB, MIB = 2**10, 2**20


def device(peer: PeerId, number: int = 0) -> DeviceIdentity:
    return DeviceIdentity(peer=peer, device_id=bytes([number]) * 16)


class Someone:
    """Who asks by hand."""

    def __init__(self, tasks: TaskGroup, server: PartServer, who: DeviceIdentity, *, capacity: int = 65_536) -> None:
        self.stream, theirs = VirtualStream.pair(capacity=capacity)
        self.ended = anyio.Event()

        async def serve() -> None:
            await server.serve(who, theirs)
            await theirs.aclose()
            self.ended.set()

        tasks.start_soon(serve)

    async def read(self, size: int) -> bytes:
        octets = bytearray()
        with anyio.fail_after(10_000):
            while len(octets) < size:
                octets += await self.stream.receive(size - len(octets))
        return bytes(octets)

    async def frame(self) -> tuple[int, bytes]:
        header = await self.read(4)
        return header[0], await self.read(int.from_bytes(header[1:]))


@pytest.fixture
def parts() -> MemoryParts:
    return MemoryParts()


@pytest.fixture
def file(parts: MemoryParts) -> MemoryFile:
    made = MemoryFile("a file", 40 * MIB)
    parts.offer(made, ALICE)
    return made


async def test_manifest_and_parts_are_served_in_the_order_in_which_they_were_asked_for(
    parts: MemoryParts, file: MemoryFile
) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        await alice.stream.send(GetManifest(file.root).encode() + GetParts(file.root, 3, 2).encode())
        assert await alice.frame() == (0x11, file.manifest)
        for index in (3, 4):
            assert await alice.frame() == (0x12, index.to_bytes(4) + file.part(index))
        await alice.stream.aclose()


async def test_what_is_not_there_and_what_is_not_for_them_look_the_same(parts: MemoryParts, file: MemoryFile) -> None:
    asked = GetManifest(file.root).encode() + GetParts(file.root, 0, 1).encode()
    unknown = GetManifest(bytes(32)).encode() + GetParts(bytes(32), 0, 1).encode()
    beyond = GetParts(file.root, file.shape.parts, 1).encode() + GetParts(file.root, 2**32 - 1, 1).encode()
    async with anyio.create_task_group() as tasks:
        server = PartServer(parts)
        for peer, octets in ((BOB, asked), (BOB, unknown), (ALICE, unknown), (ALICE, beyond)):
            someone = Someone(tasks, server, device(peer))
            await someone.stream.send(octets)
            assert await someone.read(8) == NONE * 2
            await someone.stream.aclose()


async def test_parts_beyond_the_end_are_not_there(parts: MemoryParts, file: MemoryFile) -> None:
    last = file.shape.parts - 1
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        await alice.stream.send(GetParts(file.root, last, 1024).encode())
        assert (await alice.frame())[1] == last.to_bytes(4) + file.part(last)
        assert await alice.frame() == (0x13, b"")
        await alice.stream.aclose()


async def test_what_is_taken_back_in_the_middle_ends_there(parts: MemoryParts, file: MemoryFile) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE), capacity=1024)
        await alice.stream.send(GetParts(file.root, 0, 5).encode())
        await alice.frame()
        parts.offers.clear()
        kinds = [(await alice.frame())[0]]
        while kinds[-1] != 0x13:
            kinds.append((await alice.frame())[0])
        assert kinds.count(0x12) <= 1, "what was on its way, and no more"
        await alice.stream.aclose()


async def test_a_disk_that_fails_is_busy(parts: MemoryParts, file: MemoryFile) -> None:
    def fail(root: bytes, index: int) -> None:
        if index in (-1, 1):
            raise StorageFailed(problem="it is gone")

    parts.before_read = fail
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        await alice.stream.send(GetManifest(file.root).encode() + GetParts(file.root, 0, 5).encode())
        kinds = [(await alice.frame())[0] for _ in range(3)]
        assert kinds == [0x14, 0x12, 0x14]
        await alice.stream.aclose()


async def test_what_is_confirmed_is_told(parts: MemoryParts, file: MemoryFile) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE, 7))
        await alice.stream.send(Confirm(file.root, 12).encode())
        await parts.until(lambda: bool(parts.confirmed))
        assert parts.confirmed == [(file.root, device(ALICE, 7), 12)]
        await alice.stream.aclose()


@pytest.mark.parametrize("octets", [b"\x00\x00\x00\x00", b"\x02\xff\xff\xff", GetParts(bytes(32), 0, 0).encode()])
async def test_who_breaks_the_protocol_loses_the_stream(parts: MemoryParts, file: MemoryFile, octets: bytes) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        await alice.stream.send(octets)
        with pytest.raises((EndOfStream, BrokenResourceError)):
            await alice.read(1)


async def test_who_asks_for_nothing_is_let_go(parts: MemoryParts) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        await alice.stream.send(GetManifest(bytes(32)).encode()[:-1])
        await alice.ended.wait()
        assert IDLE_TIMEOUT - 1 < anyio.current_time() < IDLE_TIMEOUT + 1


async def test_one_whose_request_trickles_is_let_go(parts: MemoryParts) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        with suppress(BrokenResourceError):
            for octet in GetManifest(bytes(32)).encode():
                await alice.stream.send(bytes([octet]))
                await anyio.sleep(IDLE_TIMEOUT / 4)
        await alice.ended.wait()
        assert anyio.current_time() <= IDLE_TIMEOUT * 1.25


async def test_who_takes_nothing_is_let_go(parts: MemoryParts, file: MemoryFile) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        await alice.stream.send(GetParts(file.root, 0, 4).encode())
        await alice.ended.wait()
        assert STALL_TIMEOUT - 1 < anyio.current_time() < STALL_TIMEOUT + 1


async def test_who_takes_too_little_is_let_go(parts: MemoryParts, file: MemoryFile) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE), capacity=1024)
        await alice.stream.send(GetParts(file.root, 0, 4).encode())
        while not alice.ended.is_set():
            with anyio.move_on_after(STALL_TIMEOUT / 2):
                await alice.ended.wait()
            if not alice.ended.is_set():
                await alice.stream.receive(1024)
        assert anyio.current_time() < 700


async def test_one_contact_cannot_take_the_memory_of_all(parts: MemoryParts) -> None:
    """Bob leaves 20 parts of 4 MiB lying; Carol is served all the same, and Bob hears that he has to wait."""
    large = MemoryFile("large", 0)
    large.size, large.shape, large.sealed = 2**30 + 1, Shape(2**30 + 1), bytes(16 * MIB)
    parts.offer(large, BOB, CAROL)
    async with anyio.create_task_group() as tasks:
        server = PartServer(parts)
        slow = [Someone(tasks, server, device(BOB, number)) for number in range(8)]
        for each in slow:
            await each.stream.send(GetParts(large.root, 0, 4).encode())
        await anyio.sleep(1)
        assert server.held <= 8 * MIB
        carol = Someone(tasks, server, device(CAROL))
        await carol.stream.send(GetParts(large.root, 0, 1).encode())
        kind, payload = await carol.frame()
        assert (kind, len(payload)) == (0x12, 4 + 4 * MIB)
        kinds = [(await each.frame())[0] for each in slow[2:]]
        assert set(kinds) == {0x14}
        for each in slow:
            await each.stream.aclose()
        await carol.stream.aclose()
    assert server.held == 0


async def test_a_flood_of_requests_is_worked_off_at_a_pace(parts: MemoryParts) -> None:
    async with anyio.create_task_group() as tasks:
        alice = Someone(tasks, PartServer(parts), device(ALICE))
        count = 3 * FRAMES_AT_ONCE
        async with anyio.create_task_group() as sending:
            sending.start_soon(alice.stream.send, GetManifest(bytes(32)).encode() * count)
            assert await alice.read(4 * count) == NONE * count
        assert anyio.current_time() >= 10 - 1
        await alice.stream.aclose()


async def test_what_nobody_foresaw_is_not_swallowed(parts: MemoryParts, file: MemoryFile) -> None:
    def fail(root: bytes, index: int) -> None:
        raise ZeroDivisionError

    parts.before_read = fail
    server = PartServer(parts)
    ours, theirs = VirtualStream.pair()
    await ours.send(GetManifest(file.root).encode())
    with pytest.raises(ZeroDivisionError):
        await server.serve(device(ALICE), theirs)
    assert server.held == 0
