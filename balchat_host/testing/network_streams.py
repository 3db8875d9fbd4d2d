"""What the streams of every network keep to, however one end behaves."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from secrets import token_bytes
from typing import Final

import anyio
import pytest
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.testing.audit import confide
from balchat_host.testing.network_bench import BULK, GIVE_UPS, MOST_TURNS, receive_exactly, turns
from balchat_host.testing.network_pair import NetworkKitBase, Pair
from balchat_host.testing.network_services import GIVEN_UP, expect_little_more, held
from balchat_host.testing.octets import assert_octets
from balchat_host.testing.waiting import PATIENCE

PIECE: Final = 65_536
MOST_HELD: Final = 64 * 1024 * 1024
"""Octets that network and sockets may hold of a stream whose other end does not read. Linux may be set to let one TCP
socket have 32 MiB of them (tcp_rmem)."""
SIZES: Final = (100_000, 1, 5_000, 0, 2, 70_000, 3)
"""Of pieces that are written one after another."""


@pytest.mark.anyio
class StreamsOfNetworkTests(NetworkKitBase):
    """Part of NetworkKit."""

    async def test_octets_pass_both_ways_whole_and_in_order(self, pair: Pair) -> None:
        there, back = token_bytes(BULK), token_bytes(BULK)
        confide("what a stream carries", there)
        pieces = [token_bytes(size) for size in SIZES]

        async def write(stream: ByteStream, octets: bytes) -> None:
            for piece in (octets, *pieces):
                await stream.send(piece)

        async with _stream(pair) as (ours, theirs), anyio.create_task_group() as tasks:
            tasks.start_soon(write, ours, there)
            tasks.start_soon(write, theirs, back)
            assert_octets(await receive_exactly(theirs, BULK + sum(SIZES)), b"".join([there, *pieces]))
            assert_octets(await receive_exactly(ours, BULK + sum(SIZES)), b"".join([back, *pieces]))

    async def test_the_other_end_learns_of_an_end(self, pair: Pair) -> None:
        for closed, left in ((0, 1), (1, 0)):
            async with _stream(pair) as ends:
                await ends[closed].send(b"last words")
                assert await receive_exactly(ends[left], 10) == b"last words"
                await ends[closed].aclose()
                for _ in range(2):
                    with anyio.fail_after(PATIENCE), pytest.raises(EndOfStream):
                        await ends[left].receive()
                with pytest.raises(ClosedResourceError):
                    await ends[closed].receive()
                with pytest.raises(ClosedResourceError):
                    await ends[closed].send(b"more")

    async def test_closing_a_stream_ends_whoever_reads_it(self, pair: Pair) -> None:
        for reading in (0, 1):
            async with _stream(pair) as ends, anyio.create_task_group() as tasks:
                tasks.start_soon(self._expect_reading_ends, ends[reading])
                await anyio.wait_all_tasks_blocked()
                for _ in range(2):
                    await ends[reading].aclose()

    async def test_a_stream_that_has_ended_leaves_nothing(self, pair: Pair) -> None:
        before = await held()
        for number in range(GIVEN_UP):
            async with _stream(pair) as ends:
                await ends[number % 2].aclose()
        await expect_little_more(before, "something of each stream is left")

    async def test_the_other_end_learns_that_nothing_more_is_written(self, pair: Pair) -> None:
        for writing, left in ((0, 1), (1, 0)):
            async with _stream(pair) as ends:
                await ends[writing].send(b"that is all")
                await ends[writing].send_eof()
                assert await receive_exactly(ends[left], 11) == b"that is all"
                with anyio.fail_after(PATIENCE), pytest.raises(EndOfStream):
                    await ends[left].receive()

    async def test_where_nobody_reads_no_more_can_be_written(self, pair: Pair) -> None:
        # What is written to a stream that the network has lost goes nowhere, so another one has to tell.
        if not await self._is_bounded(pair):
            assert await self._is_bounded(pair), "what is written goes nowhere"

    async def _is_bounded(self, pair: Pair) -> bool:
        """Write until no more can be written; then see that it goes on and ends. Return whether the stream was whole.

        Raise AssertionError where the network holds too much for an end that does not read.
        """
        async with _stream(pair) as (ours, theirs):
            async with anyio.create_task_group() as tasks:
                written: list[int] = []
                tasks.start_soon(self._fill, ours, written)
                await anyio.wait_all_tasks_blocked()
                held = sum(written)
                if held >= MOST_HELD:
                    with suppress(EndOfStream, BrokenResourceError):
                        await receive_exactly(theirs, MOST_HELD)
                        pytest.fail("it takes what nobody reads")
                    return False
                while sum(written) == held:
                    with anyio.fail_after(PATIENCE):  # for some: what the system holds may be much for a slow network
                        await theirs.receive()
                await anyio.wait_all_tasks_blocked()  # as much is on its way as can be
                tasks.cancel_scope.cancel()
            with anyio.move_on_after(PATIENCE) as patience:
                await ours.aclose()
            assert not patience.cancelled_caught, "closing a stream waits for an end that does not read"
        return True

    async def test_what_was_written_before_the_end_is_read(self, pair: Pair) -> None:
        octets = token_bytes(4 * PIECE)

        async def write(stream: ByteStream) -> None:
            await stream.send(octets)
            await stream.aclose()

        for closing, left in ((0, 1), (1, 0)):
            async with _stream(pair) as ends, anyio.create_task_group() as tasks:
                tasks.start_soon(write, ends[closing])
                assert_octets(await receive_exactly(ends[left], len(octets)), octets)
                with anyio.fail_after(PATIENCE), pytest.raises(EndOfStream):
                    await ends[left].receive()

    async def test_writing_to_whoever_is_gone_is_said_so(self, pair: Pair) -> None:
        for closing, left in ((0, 1), (1, 0)):
            async with _stream(pair) as ends:
                await ends[closing].aclose()
                with anyio.fail_after(PATIENCE), pytest.raises((EndOfStream, BrokenResourceError)):
                    await ends[left].receive()
                with anyio.fail_after(PATIENCE), pytest.raises(BrokenResourceError):
                    await self._write(ends[left], MOST_HELD)

    async def test_no_more_octets_come_than_are_asked_for(self, pair: Pair) -> None:
        async with _stream(pair) as (ours, theirs):
            for sender, receiver in ((ours, theirs), (theirs, ours)):
                await sender.send(bytes(range(100)))
                got = b""
                with anyio.fail_after(PATIENCE):
                    while len(got) < 100:  # noqa: PLR2004  # all of them
                        piece = await receiver.receive(7)
                        assert 0 < len(piece) <= 7  # noqa: PLR2004  # as asked for
                        got += piece
                assert got == bytes(range(100))

    async def test_waiting_for_a_stream_can_be_given_up(self, pair: Pair) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pair.service.accept)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        async with _stream(pair) as (ours, theirs):
            await ours.send(b"hello")
            assert await receive_exactly(theirs, 5) == b"hello"

    async def test_waiting_for_octets_can_be_given_up(self, pair: Pair) -> None:
        async with _stream(pair) as (ours, theirs):
            for sender, receiver in ((ours, theirs), (theirs, ours)):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(receiver.receive)
                    await anyio.wait_all_tasks_blocked()
                    tasks.cancel_scope.cancel()
                await sender.send(b"hello")
                assert await receive_exactly(receiver, 5) == b"hello"

    async def test_octets_that_come_while_waiting_is_given_up_are_not_lost(self, pair: Pair) -> None:
        async with _stream(pair) as (ours, theirs):
            for sender, receiver in ((ours, theirs), (theirs, ours)):
                got, sent = bytearray(), bytearray()
                for number in range(GIVE_UPS):
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._read_on, receiver, got)
                        await anyio.wait_all_tasks_blocked()
                        await sender.send(bytes([number]))
                        sent.append(number)
                        await turns(number % MOST_TURNS)
                        tasks.cancel_scope.cancel()
                got += await receive_exactly(receiver, len(sent) - len(got))
                assert got == sent

    @staticmethod
    async def _read_on(stream: ByteStream, got: bytearray) -> None:
        while True:
            got += await stream.receive()

    @staticmethod
    async def _expect_reading_ends(stream: ByteStream) -> None:
        with anyio.fail_after(PATIENCE), pytest.raises(ClosedResourceError):
            await stream.receive()

    @staticmethod
    async def _write(stream: ByteStream, size: int) -> None:
        for _ in range(size // PIECE):
            await stream.send(bytes(PIECE))

    @staticmethod
    async def _fill(stream: ByteStream, written: list[int]) -> None:
        with suppress(BrokenResourceError):
            while sum(written) < MOST_HELD:
                await stream.send(bytes(PIECE))
                written.append(PIECE)


@asynccontextmanager
async def _stream(pair: Pair) -> AsyncGenerator[tuple[ByteStream, ByteStream]]:
    """Open a stream from Alice to Bob, and close both ends, also where a test fails: another one comes after it."""
    ours, theirs = await pair.connected()
    async with ours, theirs:
        yield ours, theirs
