"""Parts come over, whatever happens on the way: a puller and a server with streams in memory between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.errors import StorageFailed, StorageFull
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files import puller, relay_puller
from balchat_host.runtime.files.peer_puller import FAULT_PAUSE
from balchat_host.runtime.files.pull_stream import LINGER, STALL_TIMEOUT
from balchat_host.runtime.files.relay_puller import DISK_BACKOFF
from tests.host.runtime.files.conftest import ALICE, BOB, CAROL, LAST_RETRY
from tests.support.memory_parts import MemoryFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import ByteStream

    from balchat_host.api.types import DeviceIdentity
    from tests.host.runtime.files.conftest import Between
    from tests.support.memory_parts import Wish

    Begin = Callable[[], AbstractAsyncContextManager[Between]]

pytestmark = pytest.mark.anyio

KIB, MIB = 2**10, 2**20
SIZES = (0, 1, 65_535, 65_536, 65_537, MIB, MIB + 1, 16 * MIB, 16 * MIB + 1)


def reasons(wish: Wish) -> list[str]:
    return [reason for reason in wish.hindered if reason is not None]


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_comes_whole(between: Begin, size: int) -> None:
    file = MemoryFile("a file", size)
    async with between() as between_us:
        wish = between_us.wish(file)
        async with between_us.pulling():
            await between_us.ours.until(lambda: wish.whole)
        assert wish.sealed == file.sealed
        assert set(wish.fetched.values()) == {1}
        assert reasons(wish) == []


async def test_who_serves_hears_how_far_it_is_and_that_it_is_whole(between: Begin) -> None:
    file = MemoryFile("a file", 20 * MIB)
    async with between() as us:
        wish, them = us.wish(file), us.theirs[BOB]
        us.delay = 0.3
        async with us.pulling():
            await them.until(lambda: bool(them.confirmed) and them.confirmed[-1][2] == file.shape.parts)
        assert wish.whole
        parts = [parts for _, _, parts in them.confirmed]
        assert parts == sorted(set(parts))
        assert len(parts) > 3
        assert {(root, device.peer) for root, device, _ in them.confirmed} == {(file.root, ALICE)}


async def test_many_files_come_over_one_stream_and_take_turns(between: Begin) -> None:
    large = MemoryFile("large", 40 * MIB)
    small = [MemoryFile(f"small {number}", 100) for number in range(100)]
    order: list[int] = []
    async with between() as us:
        first = us.wish(large)
        wishes = [us.wish(file) for file in small]
        us.ours.before_store = lambda wish, _index: order.append(wish.number)
        us.delay = 0.05
        async with us.pulling():
            await us.ours.until(lambda: first.whole and all(wish.whole for wish in wishes))
        assert len(us.opened) == 1
        last_small = max(place for place, number in enumerate(order) if number != first.number)
        assert order[last_small:].count(first.number) > 5, "the large one does not come first"


async def test_a_thousand_small_files_in_a_row_come_each_once(between: Begin) -> None:
    files = [MemoryFile(f"file {number}", number % 200) for number in range(1_000)]
    async with between() as us:
        wishes = [us.wish(file) for file in files]
        async with us.pulling():
            await us.ours.until(lambda: wishes[-1].whole and all(wish.whole for wish in wishes))
        assert all(wish.sealed == file.sealed for wish, file in zip(wishes, files, strict=True))
        assert all(list(wish.fetched.values()) == [1] for wish in wishes)
        assert len(us.opened) == 1


async def test_what_is_wanted_soon_after_comes_over_the_same_stream(between: Begin) -> None:
    async with between() as us, us.pulling():
        for number in range(5):
            wish = us.wish(MemoryFile(f"file {number}", 1000))
            await us.ours.until(lambda wish=wish: wish.whole)
            await anyio.sleep(LINGER / 2)
        assert len(us.opened) == 1
        await anyio.sleep(2 * LINGER)
        wish = us.wish(MemoryFile("the last", 1000))
        await us.ours.until(lambda: wish.whole)
        assert len(us.opened) == 2


async def test_nothing_is_opened_while_nothing_is_wanted(between: Begin) -> None:
    async with between() as us, us.pulling():
        for _ in range(10):
            us.ours.changed.ring()
            await anyio.sleep(1000)
        assert us.opened == []


async def test_from_two_people_at_once(between: Begin) -> None:
    async with between() as us:
        us.delay = 0.1
        one, other = us.wish(MemoryFile("one", 5 * MIB), BOB), us.wish(MemoryFile("other", 5 * MIB), CAROL)
        async with us.pulling():
            await us.ours.until(lambda: 3 < len(one.parts) < 20 and 3 < len(other.parts) < 20)
            await us.ours.until(lambda: one.whole and other.whole)


async def test_one_who_is_away_keeps_nobody_else_waiting(between: Begin) -> None:
    async with between() as us:
        us.away.add(BOB)
        lost, other = us.wish(MemoryFile("one", MIB), BOB), us.wish(MemoryFile("other", MIB), CAROL)
        async with us.pulling() as puller:
            await us.ours.until(lambda: other.whole)
            await anyio.sleep(7 * 24 * 3600)
            assert set(reasons(lost)) == {"unreachable"}
            tries = [at for at, peer in us.opened if peer == BOB]
            assert max(after - before for before, after in pairwise(tries)) <= LAST_RETRY + 1
            assert len(tries) < 7 * 24 * 3600 / LAST_RETRY + 20
            us.away.clear()
            before = anyio.current_time()
            puller.reach(BOB)
            await us.ours.until(lambda: lost.whole)
            assert anyio.current_time() - before < 10


async def test_after_a_stream_broke_only_what_is_missing_comes(between: Begin) -> None:
    file = MemoryFile("a file", 30 * MIB)
    async with between() as us:
        wish = us.wish(file)
        us.delay = 0.05
        async with us.pulling():
            for count in (5, 12, 20):
                await us.ours.until(lambda count=count: len(wish.parts) >= count)
                us.streams[-1][0].tear()
            await us.ours.until(lambda: wish.whole)
        assert wish.sealed == file.sealed
        assert set(wish.fetched.values()) == {1}
        assert len(us.opened) == 4


async def test_after_a_death_of_who_fetches_no_more_comes_again_than_was_on_its_way(between: Begin) -> None:
    file = MemoryFile("a file", 30 * MIB)
    async with between() as us:
        wish, read = us.wish(file), list[int]()
        us.theirs[BOB].before_read = lambda _root, index: read.append(index)
        us.delay = 0.05
        async with us.pulling():
            await us.ours.until(lambda: len(wish.parts) >= 10)
        async with us.pulling():
            await us.ours.until(lambda: wish.whole)
        assert wish.sealed == file.sealed
        assert set(wish.fetched.values()) == {1}
        # What was read twice was on its way: a stream here holds 64 KiB, and the server one part.
        again = [index for index in set(read) if read.count(index) > 1 and index >= 0]
        assert len(again) <= 2


async def test_several_streams_share_the_work(between: Begin) -> None:
    file = MemoryFile("a file", 100 * MIB)
    async with between() as us:
        wish = us.wish(file)
        us.delay = 0.05
        async with us.pulling(streams=4):
            await us.ours.until(lambda: wish.whole)
        assert len(us.opened) == 4
        assert wish.sealed == file.sealed
        assert set(wish.fetched.values()) == {1}


async def test_a_small_file_needs_no_second_stream(between: Begin) -> None:
    async with between() as us:
        wish = us.wish(MemoryFile("a file", 10 * MIB))
        async with us.pulling(streams=4):
            await us.ours.until(lambda: wish.whole)
        assert len(us.opened) == 1


async def test_where_one_of_several_streams_breaks_the_others_go_on(between: Begin) -> None:
    file = MemoryFile("a file", 100 * MIB)
    async with between() as us:
        wish = us.wish(file)
        us.delay = 0.05
        async with us.pulling(streams=3):
            await us.ours.until(lambda: len(wish.parts) > 20 and len(us.streams) == 3)
            us.streams[2][1].tear()
            await us.ours.until(lambda: wish.whole)
        assert wish.sealed == file.sealed
        assert len(us.opened) == 3
        assert reasons(wish) == []


# -- wishes that change


async def test_what_is_paused_stops_and_goes_on_a_week_later(between: Begin) -> None:
    file = MemoryFile("a file", 30 * MIB)
    async with between() as us:
        wish = us.wish(file)
        us.delay = 0.05
        async with us.pulling():
            await us.ours.until(lambda: len(wish.parts) >= 5)
            wish.paused = True
            us.ours.changed.ring()
            await anyio.sleep(60)
            had = len(wish.parts)
            assert had < 12
            await anyio.sleep(7 * 24 * 3600)
            assert len(wish.parts) == had
            wish.paused = False
            us.ours.changed.ring()
            await us.ours.until(lambda: wish.whole)
        assert wish.sealed == file.sealed
        assert set(wish.fetched.values()) == {1}


async def test_a_new_wish_is_tried_at_once_although_the_peer_was_away(between: Begin) -> None:
    async with between() as us:
        us.away.add(BOB)
        first = us.wish(MemoryFile("first", 1000))
        async with us.pulling():
            await anyio.sleep(24 * 3600)
            us.away.clear()
            before = anyio.current_time()
            second = us.wish(MemoryFile("second", 1000))
            await us.ours.until(lambda: second.whole and first.whole)
            assert anyio.current_time() - before < 10


# -- what the other side does wrong


async def test_what_is_not_offered_is_not_wanted_any_more(between: Begin) -> None:
    async with between() as us:
        gone, other = MemoryFile("gone", MIB), us.wish(MemoryFile("other", MIB))
        wish = us.ours.want(gone, BOB)
        async with us.pulling():
            await us.ours.until(lambda: wish.refused and other.whole)
        assert wish.parts == {}


async def test_what_is_taken_back_in_the_middle_is_not_wanted_any_more(between: Begin) -> None:
    async with between() as us:
        wish = us.wish(MemoryFile("a file", 30 * MIB))
        us.delay = 0.05
        async with us.pulling():
            await us.ours.until(lambda: len(wish.parts) > 5)
            us.theirs[BOB].offers.clear()
            await us.ours.until(lambda: wish.refused)
        assert not wish.whole


async def test_a_lie_costs_one_part_and_a_pause_and_is_said(between: Begin) -> None:
    file = MemoryFile("a file", 5 * MIB)
    async with between() as us:
        wish = us.wish(file)
        honest = file.sealed
        file.sealed = honest[: 3 * MIB] + b"!" + honest[3 * MIB + 1 :]
        async with us.pulling():
            await us.ours.until(lambda: "wrong-octets" in reasons(wish))
            opened = len(us.opened)
            await anyio.sleep(FAULT_PAUSE - 1)
            assert len(us.opened) == opened
            file.sealed = honest
            await us.ours.until(lambda: wish.whole)
        assert wish.sealed == honest
        assert set(wish.fetched.values()) == {1}


async def test_a_manifest_that_is_not_the_files_is_a_lie(between: Begin) -> None:
    file = MemoryFile("a file", MIB)
    async with between() as us:
        wish, other = us.wish(file), us.wish(MemoryFile("from carol", MIB), CAROL)
        file.manifest = bytes(len(file.manifest))
        async with us.pulling():
            await us.ours.until(lambda: "wrong-octets" in reasons(wish) and other.whole)
        assert wish.manifest is None
        assert wish.parts == {}


BREACHES = {
    "octets of nothing": b"\xff" * 100,
    "what was not asked for": b"\x12" + (4 + 65_536).to_bytes(3) + bytes(4),
    "a request": b"\x01\x00\x00\x20" + bytes(32),
    "a part without end": b"\x12\xff\xff\xff" + bytes(1000),
}


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES)
async def test_who_breaks_the_protocol_is_left_for_a_while_and_others_are_not(between: Begin, breach: bytes) -> None:
    async def misbehave(device: DeviceIdentity, stream: ByteStream) -> None:
        del device
        await stream.receive()
        await stream.send(breach)
        await anyio.sleep_forever()

    async with between() as us:
        us.serve[BOB] = misbehave
        wish, other = us.wish(MemoryFile("a file", MIB)), us.wish(MemoryFile("another", MIB), CAROL)
        async with us.pulling():
            await us.ours.until(lambda: bool(reasons(wish)) and other.whole)
            opened = [peer for _, peer in us.opened].count(BOB)
            await anyio.sleep(FAULT_PAUSE - 1)
            assert [peer for _, peer in us.opened].count(BOB) == opened
            assert reasons(wish) == ["protocol-violation"]
            us.serve[BOB] = us.servers[BOB].serve
            await us.ours.until(lambda: wish.whole)


async def test_who_sends_more_than_was_asked_for_loses_the_stream(between: Begin) -> None:
    file = MemoryFile("a file", 100)

    async def oversend(device: DeviceIdentity, stream: ByteStream) -> None:
        del device
        await stream.receive()
        part = file.part(0)
        answer = b"\x11\x00\x00\x20" + file.manifest + b"\x12" + (4 + len(part)).to_bytes(3) + bytes(4) + part
        await stream.send(answer + answer)
        await anyio.sleep_forever()

    async with between() as us:
        us.serve[BOB] = oversend
        wish = us.wish(file)
        async with us.pulling():
            await us.ours.until(lambda: wish.whole)
            await anyio.sleep(1)
            assert us.streams[0][0].closed
        assert wish.sealed == file.sealed


@pytest.mark.parametrize("answered", [0, 5])
async def test_who_stalls_is_given_up_and_tried_again(between: Begin, answered: int) -> None:
    file = MemoryFile("a file", 20 * MIB)
    async with between() as us:
        wish = us.wish(file)
        us.delay = 0.01
        async with us.pulling():
            await us.ours.until(lambda: len(wish.parts) >= answered and bool(us.streams))
            us.streams[-1][0].hush(silent=True)
            before = anyio.current_time()
            await us.ours.until(lambda: reasons(wish) == ["stalled"])
            assert STALL_TIMEOUT - 1 <= anyio.current_time() - before < STALL_TIMEOUT + 5
            await us.ours.until(lambda: wish.whole)
        assert set(wish.fetched.values()) == {1}


async def test_one_that_trickles_is_given_up(between: Begin) -> None:
    async def trickle(device: DeviceIdentity, stream: ByteStream) -> None:
        del device
        await stream.receive()
        await stream.send(b"\x11" + Shape(2**32).manifest_size.to_bytes(3))
        while True:
            await anyio.sleep(STALL_TIMEOUT / 2)
            await stream.send(b"\x00")

    async with between() as us:
        us.serve[BOB] = trickle
        file = MemoryFile("a file", 0)
        file.size = 2**32
        wish = us.ours.want(file, BOB)
        async with us.pulling():
            await us.ours.until(lambda: reasons(wish) == ["stalled"])
            assert anyio.current_time() < 700


async def test_who_is_busy_is_left_alone_for_as_long_as_they_say(between: Begin) -> None:
    async def busy(device: DeviceIdentity, stream: ByteStream) -> None:
        del device
        await stream.receive()
        await stream.send(b"\x14\x00\x00\x04" + (120_000).to_bytes(4))
        await anyio.sleep_forever()

    async with between() as us:
        us.serve[BOB] = busy
        wish = us.wish(MemoryFile("a file", MIB))
        async with us.pulling():
            await us.ours.until(lambda: reasons(wish) == ["busy"])
            us.serve[BOB] = us.servers[BOB].serve
            await us.ours.until(lambda: wish.whole)
        assert us.opened[1][0] - us.opened[0][0] >= 120


# -- our own trouble


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageFull(), "storage-full"), (StorageFailed(problem="it is gone"), "storage-failed")],
)
async def test_where_our_disk_fails_it_goes_on_later(between: Begin, error: Exception, code: str) -> None:
    def fail(wish: Wish, index: int) -> None:
        if index == 3 and "storage" not in "".join(reasons(wish)):
            raise error

    file = MemoryFile("a file", 5 * MIB)
    async with between() as us:
        wish = us.wish(file)
        us.ours.before_store = fail
        async with us.pulling():
            await us.ours.until(lambda: reasons(wish) == [code])
            opened = len(us.opened)
            await anyio.sleep(DISK_BACKOFF.first - 1)
            assert len(us.opened) == opened
            await us.ours.until(lambda: wish.whole)
        assert wish.sealed == file.sealed


async def test_what_nobody_foresaw_ends_one_stream_and_is_tried_again(between: Begin) -> None:
    def fail(wish: Wish, index: int) -> None:
        if wish.peer == BOB and not reasons(wish):
            raise ZeroDivisionError(index)

    async with between() as us:
        wish, other = us.wish(MemoryFile("a file", 5 * MIB)), us.wish(MemoryFile("another", MIB), CAROL)
        us.ours.before_store = fail
        async with us.pulling():
            await us.ours.until(lambda: other.whole and reasons(wish) == ["failed"])
            await us.ours.until(lambda: wish.whole)


async def test_one_whose_relay_is_slow_keeps_nobody_elses_file_waiting(
    between: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(puller, "MAX_HELD", 6 * MIB)  # the parts that are fetched at once from one contact
    monkeypatch.setattr(relay_puller, "MAX_OF_ONE", 4 * MIB)
    async with between() as us:
        us.away = {BOB, CAROL}
        us.blob_time[BOB] = 600
        slow = us.wish_by_relay(MemoryFile("slow", 20 * MIB), BOB)
        async with us.pulling():
            await us.ours.until(lambda: slow.manifest is not None)
            await anyio.sleep(10)
            swift, began = us.wish_by_relay(MemoryFile("swift", 20 * MIB), CAROL), anyio.current_time()
            await us.ours.until(lambda: swift.whole)
            assert anyio.current_time() - began < 100
            assert not slow.whole
            await us.ours.until(lambda: slow.whole)
