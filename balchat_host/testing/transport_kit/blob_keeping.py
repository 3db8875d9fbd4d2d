"""Blobs: how long parts are there, what a power failure and a full disk leave of them, and what their keeper learns."""

import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import anyio
import pytest

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import BlobOutcome
from balchat_host.testing.octets import assert_octets
from balchat_host.testing.spellings import stands_in
from balchat_host.testing.transport_kit.bench import TransportBench, accounts, needs
from balchat_host.testing.transport_kit.blobs_base import NAMED, BlobBase, Met, meet, met, part, windows
from balchat_host.testing.transport_kit.storing import octets_in
from balchat_host.testing.transport_kit.storing_base import SWOLLEN, again, files_in, swell

_CODE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_KEPT: Final = 2
"""Parts that are kept when the power fails, while others are on their way."""
_LARGE: Final = 100_000
_MOST_HELD: Final = SWOLLEN // 2
"""Octets that getting a small part may take in memory, whatever lies there."""

Harm: TypeAlias = Callable[[Sequence[Path]], None]


@pytest.mark.anyio
class BlobKeepingTests(BlobBase):
    """How parts are kept."""

    async def test_a_part_that_is_kept_outlives_a_power_failure(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("power", kept=bench.capabilities.power)
        parts = {index: part(index, 70_000) for index in range(4)}
        kept: list[int] = []
        async with bench.power() as power:
            async with met(bench) as m:

                async def put(index: int) -> None:
                    with suppress(BalchatError):
                        report = await m.put(index, parts[index])
                        if report.outcome is BlobOutcome.KEPT and len(kept) < _KEPT:
                            kept.append(index)
                            if len(kept) == _KEPT:
                                power.off()

                async with anyio.create_task_group() as tasks:
                    for index in parts:
                        tasks.start_soon(put, index)
                assert len(kept) == _KEPT, "too few were kept"
            await power.on()
            async with again(bench, m.other, m.one) as other:
                for index in kept:
                    got = await other.transport.get_blob(m.one.peer, m.container.offer, index, 70_000)
                    assert_octets(got, parts[index], why="KEPT means that it is on the disk")

    async def test_a_renewal_outlives_a_power_failure(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("power", kept=bench.capabilities.power)
        needs("ages", kept=bench.capabilities.ages)
        octets = part(1, 1000)
        async with bench.power() as power:
            async with met(bench) as m:
                bench.let_pass((await m.keep(1, octets)).kept * 0.9)
                report = await m.renew()
                power.off()
            await power.on()
            bench.let_pass(report.kept * 0.9)
            async with again(bench, m.other, m.one) as other:
                assert await other.transport.get_blob(m.one.peer, m.container.offer, 1, 1000) == octets

    async def test_a_part_that_finds_no_room_is_not_kept(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("fills_up", kept=bench.capabilities.fills_up)
        async with bench.power() as power, met(bench) as m:
            there, new = part(1, 1000), part(2, _LARGE)
            await m.keep(1, there)
            power.fill(full=True)
            with suppress(PeerUnreachable, NetworkUnavailable):
                report = await m.put(2, new)
                assert report.outcome is BlobOutcome.FULL
                assert {*(report.reason or "")} <= _CODE, "the reason is a code"
                assert report.retry_after is not None, "there will be room again"
            assert_octets(await m.get(2, _LARGE), None)
            assert await m.get(1, 1000) == there, "what is there stays"
            power.fill(full=False)
            await m.keep(2, new)
            assert_octets(await m.get(2, _LARGE), new)

    async def test_parts_are_there_while_whoever_put_them_is_away(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        parts = {index: part(index, 1000) for index in range(4)}
        async with accounts(bench, 1) as (other,):
            async with accounts(bench, 1) as (one,):
                m = await meet(bench, one, other)
                for index in (0, 1):
                    await m.keep(index, parts[index])
            assert await m.get(0, 1000) == parts[0]
            async with again(bench, one, other) as restarted:
                later = Met(bench=bench, one=restarted, other=other, container=m.container, second=m.second)
                assert (await later.renew()).outcome is BlobOutcome.KEPT
                await later.keep(2, parts[2])
                await later.keep(3, parts[3], m.second)
                await later.delete(1)
        async with again(bench, other, one) as restarted:
            last = Met(bench=bench, one=one, other=restarted, container=m.container, second=m.second)
            assert [await last.get(index, 1000) for index in range(3)] == [parts[0], None, parts[2]]
            assert await last.get(3, 1000, m.second) == parts[3]

    async def test_parts_are_kept_for_as_long_as_was_told(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("ages", kept=bench.capabilities.ages)
        parts = {index: part(index, 1000) for index in (1, 2)}
        async with met(bench) as m:

            async def got() -> list[bytes | None]:
                return [await m.get(index, 1000) for index in parts]

            bench.let_pass((await m.keep(1, parts[1])).kept * 0.9)
            report = await m.keep(2, parts[2])
            bench.let_pass(report.kept * 0.9)
            assert await got() == [*parts.values()], "a put moves the time of all that is in the container"
            report = await m.renew()
            assert report.outcome is BlobOutcome.KEPT
            bench.let_pass(report.kept * 0.9)
            assert await got() == [*parts.values()], "it was renewed"
            await m.keep(1, parts[1], m.second)
            bench.let_pass(report.kept * 0.2)
            assert await got() == [None, None], "nobody has renewed it"
            assert (await m.renew()).outcome is BlobOutcome.GONE, "nothing is there any more that could be kept"
            assert await got() == [None, None]
            assert await m.get(1, 1000, m.second) == parts[1], "each container has its own time"

    # -- who keeps them

    async def test_who_keeps_parts_reads_neither_them_nor_their_keys(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("folders", kept=bool(bench.folders()))
        async with met(bench) as m:
            octets = part(1, _LARGE)
            await m.keep(1, octets)
            seen = await anyio.to_thread.run_sync(_contents, bench.folders())
            private = [octets[:NAMED], octets[-NAMED:], m.container.offer, m.second.offer]
            private += windows(m.container.key, m.container.offer, m.second.key)
            private += windows(m.second.key, m.second.offer, m.container.key)
            assert not [each for each in private if stands_in(each, seen)]
            before = await anyio.to_thread.run_sync(_files, bench.folders())
            await m.keep(1, octets, m.second)
            after = await anyio.to_thread.run_sync(_files, bench.folders())
            there = b"".join(before.values())
            new = b"".join(after[path] for path in sorted(after.keys() - before.keys()))
            pieces = [new[start : start + NAMED] for start in range(0, len(new) - NAMED, NAMED)]
            alike = [each for each in pieces if each in there]
            assert len(alike) <= len(pieces) // 2, (
                "a part looks alike in two containers: whoever keeps both can tell that it is of the same file"
            )

    async def test_parts_that_were_deleted_leave_no_files(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("folders", kept=bool(bench.folders()))
        async with met(bench) as m:
            before = await anyio.to_thread.run_sync(octets_in, bench.folders())
            for _ in range(2):
                for index in range(4):
                    await m.keep(index, part(index, _LARGE))
                await m.delete(*range(4))
                after = await anyio.to_thread.run_sync(octets_in, bench.folders())
                assert after < before + _LARGE

    async def test_what_was_changed_where_parts_are_kept_is_not_given(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("folders", kept=bool(bench.folders()))
        for harm in _HARMS:
            async with met(bench) as m:
                kept = [
                    (index, container, part(number, 1000))
                    for number, (index, container) in enumerate(((1, m.container), (2, m.container), (1, m.second)))
                ]
                for index, container, octets in kept:
                    await m.keep(index, octets, container)
                await anyio.to_thread.run_sync(harm, bench.folders())
                for index, container, octets in kept:
                    with suppress(PartRefused, ProtocolViolation, PeerUnreachable):
                        assert await m.get(index, 1000, container) in (None, octets), harm.__name__

    async def test_however_much_lies_there_getting_a_part_takes_no_more_memory(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        needs("folders", kept=bool(bench.folders()))
        async with met(bench) as m:
            await m.keep(1, part(1, 1000))
            await anyio.to_thread.run_sync(swell, bench.folders())
            tracemalloc.start()
            try:
                with suppress(PartRefused, ProtocolViolation, PeerUnreachable):
                    assert await m.get(1, 1000) is None
                assert tracemalloc.get_traced_memory()[1] < _MOST_HELD
            finally:
                tracemalloc.stop()


def _files(folders: Sequence[Path]) -> dict[Path, bytes]:
    """Return what is in files, some of which may go meanwhile."""
    found: dict[Path, bytes] = {}
    for path in files_in(folders):
        with suppress(FileNotFoundError):
            found[path] = path.read_bytes()
    return found


def _rewrite(folders: Sequence[Path], change: Callable[[bytes], bytes]) -> None:
    """Change what is in each file."""
    for path, octets in _files(folders).items():
        path.write_bytes(change(octets))


def _contents(folders: Sequence[Path]) -> bytes:
    """Return all that is in files, and their names."""
    return b"\n".join(part for path, octets in _files(folders).items() for part in (str(path).encode(), octets))


def _change(folders: Sequence[Path]) -> None:
    def change(octets: bytes) -> bytes:
        middle = len(octets) // 2
        return octets[:middle] + bytes(each ^ 1 for each in octets[middle : middle + 1]) + octets[middle + 1 :]

    _rewrite(folders, change)


def _cut(folders: Sequence[Path]) -> None:
    _rewrite(folders, lambda octets: octets[:-1])


def _empty(folders: Sequence[Path]) -> None:
    _rewrite(folders, lambda _: b"")


def _lengthen(folders: Sequence[Path]) -> None:
    _rewrite(folders, lambda octets: octets + b"?")


def _mix_up(folders: Sequence[Path]) -> None:
    """Give each file what is in the next one of the same size."""
    by_size: dict[int, list[tuple[Path, bytes]]] = {}
    for path, octets in _files(folders).items():
        by_size.setdefault(len(octets), []).append((path, octets))
    for those in by_size.values():
        for (path, _), (_, octets) in zip(those, [*those[1:], those[0]], strict=True):
            path.write_bytes(octets)


def _copy_over(folders: Sequence[Path]) -> None:
    """Give all files what is in the largest one."""
    largest = max(_files(folders).values(), key=len)
    _rewrite(folders, lambda _: largest)


_HARMS: Final[Sequence[Harm]] = (_change, _cut, _empty, _lengthen, _mix_up, _copy_over)
