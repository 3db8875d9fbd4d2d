"""What the streams of every network keep to, however one end behaves."""

from contextlib import suppress
from typing import Final

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.testing.network_bench import (
    NetworkBench,
    NetworkKitBase,
    connected,
    made,
    published,
    receive_exactly,
    seed,
)
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import PATIENCE, running

PIECE: Final = 65_536
MOST_HELD: Final = 16 * 1024 * 1024
"""Octets that network and sockets may hold of a stream whose other end does not read."""


@pytest.mark.anyio
class StreamsOfNetworkTests(NetworkKitBase):
    """Part of NetworkKit."""

    async def test_where_nobody_reads_no_more_can_be_written(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            ours, theirs = await connected(alice, await published(bob, key), key)
            async with ours, theirs, anyio.create_task_group() as tasks:
                written: list[int] = []
                tasks.start_soon(self._fill, ours, written)
                await anyio.wait_all_tasks_blocked()
                assert sum(written) < MOST_HELD, "it takes what nobody reads"
                enough = sum(written) + 4 * PIECE
                assert len(await receive_exactly(theirs, enough)) == enough
                tasks.cancel_scope.cancel()

    async def test_what_was_written_before_the_end_is_read(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            service = await published(bob, key)
            for closing, left in ((0, 1), (1, 0)):
                ends = await connected(alice, service, key)
                await ends[closing].send(b"last words")
                await ends[closing].aclose()
                assert await receive_exactly(ends[left], 10) == b"last words"
                with anyio.fail_after(PATIENCE), pytest.raises(EndOfStream):
                    await ends[left].receive()
                await ends[left].aclose()

    async def test_writing_to_whoever_is_gone_is_said_so(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            service = await published(bob, key)
            for closing, left in ((0, 1), (1, 0)):
                ends = await connected(alice, service, key)
                await ends[closing].aclose()
                with anyio.fail_after(PATIENCE), pytest.raises(BrokenResourceError):
                    await self._write(ends[left], 2 * MOST_HELD)
                await ends[left].aclose()

    async def test_no_more_octets_come_than_are_asked_for(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            ours, theirs = await connected(alice, await published(bob, key), key)
            async with ours, theirs:
                for sender, receiver in ((ours, theirs), (theirs, ours)):
                    await sender.send(bytes(range(100)))
                    got = b""
                    with anyio.fail_after(PATIENCE):
                        while len(got) < 100:  # noqa: PLR2004  # all of them
                            piece = await receiver.receive(7)
                            assert 0 < len(piece) <= 7  # noqa: PLR2004  # as asked for
                            got += piece
                    assert got == bytes(range(100))

    async def test_waiting_for_a_stream_can_be_given_up(self, bench: NetworkBench) -> None:
        alice, bob, key = made(bench, ignore_state), made(bench, ignore_state), seed()
        async with running(alice, bob):
            service = await published(bob, key)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(service.accept)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            ours, theirs = await connected(alice, service, key)
            async with ours, theirs:
                await ours.send(b"hello")
                assert await receive_exactly(theirs, 5) == b"hello"

    async def test_the_end_of_one_network_ends_no_stream_of_others(self, bench: NetworkBench) -> None:
        alice, bob, carol = (made(bench, ignore_state) for _ in range(3))
        keys = seed(), seed()
        async with running(alice, bob):
            ours, theirs = await connected(alice, await published(bob, keys[0]), keys[0])
            async with ours, theirs:
                async with running(carol):
                    ends = await connected(alice, await published(carol, keys[1]), keys[1])
                for end in ends:
                    await end.aclose()
                await ours.send(b"still here")
                assert await receive_exactly(theirs, 10) == b"still here"

    @staticmethod
    async def _write(stream: ByteStream, size: int) -> None:
        for _ in range(size // PIECE):
            await stream.send(bytes(PIECE))

    @staticmethod
    async def _fill(stream: ByteStream, written: list[int]) -> None:
        with suppress(BrokenResourceError):
            while sum(written) < 2 * MOST_HELD:
                await stream.send(bytes(PIECE))
                written.append(PIECE)
