"""What to put at relays, and what to delete there, as a recipient says what they have."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from balchat_host.api.transport import BlobContainer
from balchat_host.core import contacts
from balchat_host.core.files import containers, receipts, recipient_notices, relay_recipients, relaying
from balchat_host.core.files.part_notices import ProgressNotice
from balchat_host.core.files.shape import Bitmap
from balchat_host.core.rows import Purpose
from balchat_host.testing.app_kit.files import made_up, write
from balchat_host.testing.memory_account import MemoryAccount

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


KIB, MIB = 2**10, 2**20
KEPT = 14 * 24 * 3600 * 1000


class Offered:
    """A file of Alice's of 16 parts and a little, which Bob is offered by relay."""

    def __init__(self, alice: MemoryAccount, peer, root: bytes) -> None:
        self.alice = alice
        self.peer = peer
        self.root = root

    @classmethod
    async def make(cls) -> Offered:
        alice = MemoryAccount("Alice")
        bob = alice.befriend("Bob")
        file = await write(alice.app, "harbour.bin", made_up(MIB))
        await alice.app.messages.send("Bob", "Look.", files=[file.id])
        ((root,),) = alice.read(lambda tx: tx.query("SELECT root FROM file"))
        alice.pass_time(120)
        alice.change(lambda unit: relay_recipients.begin(unit, delay=60_000))
        return cls(alice, bob.core.peer, root)

    def work(self, *, window: int = 64 * MIB, limit: int = 100, full: tuple[int, ...] = ()) -> relaying.Work:
        return self.alice.change(lambda unit: relaying.work(unit, self.peer, window=window, limit=limit, full=full))

    def allocate(self) -> None:
        (file,) = self.work().allocate
        container = BlobContainer(offer=b"offer", key=b"key")
        self.alice.change(lambda unit: containers.allocated(unit, file, self.peer, [("relay", container)]))

    def put(self, *, window: int = 64 * MIB, limit: int = 100) -> list[int]:
        work = self.work(window=window, limit=limit)
        for each in work.put:
            self.alice.change(lambda unit, each=each: relaying.put(unit, each, kept=KEPT))
        return [each.index for each in work.put]

    def says(self, *parts: int, absent: tuple[int, ...] = (), wanted: bool = True) -> None:
        here = Bitmap(18)
        for each in parts:
            here.add(each)
        said = ProgressNotice(root=self.root, here=here.encode(), absent=absent, wanted=wanted)

        def hear(unit) -> None:
            contact = contacts.by_peer(unit.tx, self.peer)
            assert contact is not None
            relay_recipients.on_progress(unit, contact, said)

        self.alice.change(hear)


def tell(unit, peer) -> None:
    contact = contacts.by_peer(unit.tx, peer)
    assert contact is not None
    recipient_notices.tell(unit, contact)


def notices(alice: MemoryAccount) -> int:
    ((count,),) = alice.read(lambda tx: tx.query("SELECT count(*) FROM payload WHERE purpose = ?", (Purpose.CONTROL,)))
    return count


async def test_the_manifest_comes_first_and_then_the_parts_in_order() -> None:
    offered = await Offered.make()
    offered.allocate()
    assert offered.put(limit=3) == [17, 0, 1]
    assert offered.put() == list(range(2, 17))
    assert offered.put() == []


async def test_no_more_lies_there_than_the_window_and_what_is_confirmed_makes_room() -> None:
    offered = await Offered.make()
    offered.allocate()
    window = 4 * 64 * KIB
    assert offered.put(window=window) == [17, 0, 1, 2]
    work = offered.work(window=window)
    assert (list(work.put), work.full) == ([], True)
    offered.says(0, 1)
    ((container, gone),) = offered.work(window=window, limit=0).delete
    assert list(gone) == [0, 1, 17], "who has a part has the manifest"
    offered.alice.change(lambda unit: containers.deleted(unit, container.number, gone))
    assert offered.put(window=window) == [3, 4, 5]


async def test_what_was_tried_is_deleted_although_nobody_knows_whether_it_was_put() -> None:
    offered = await Offered.make()
    offered.allocate()
    tried = [each.index for each in offered.work(limit=3).put]
    assert [each.index for each in offered.work(limit=3).put] == tried, "it is put again after a death"
    offered.says(wanted=False)
    offered.alice.world.pass_time(3600)
    ((_, gone),) = offered.work().delete
    assert sorted(gone) == sorted(tried)


async def test_where_nothing_can_be_put_what_is_confirmed_is_deleted_all_the_same() -> None:
    offered = await Offered.make()
    offered.allocate()
    offered.put(limit=4)
    ((container, _),) = [(each.container, each) for each in offered.work(limit=1).put]
    offered.says(0)
    work = offered.work(full=(container.number,))
    assert not work.put
    assert work.delete


async def test_parts_that_are_missed_are_put_again_each_of_them_once_an_hour() -> None:
    offered = await Offered.make()
    offered.allocate()
    offered.put()
    offered.says(0, absent=(3, 4, 99))
    assert offered.put() == [], "they were put just now"
    offered.alice.world.pass_time(3600)
    assert offered.put() == [3, 4], "it need not be said again"
    offered.says(0, absent=(5,))
    assert offered.put() == [5], "what is missed a moment later is not forgotten"
    offered.says(0, absent=(3, 4))
    assert offered.put() == []
    offered.alice.world.pass_time(3600)
    assert offered.put() == [3, 4]


async def test_a_part_that_was_put_late_in_an_hour_is_not_put_again_early_in_the_next() -> None:
    offered = await Offered.make()
    offered.allocate()
    assert offered.put(limit=2) == [17, 0]
    offered.alice.world.pass_time(3540)
    assert offered.put(limit=1) == [1]
    offered.alice.world.pass_time(120)
    offered.says(absent=(1,))
    assert 1 not in offered.put()
    offered.alice.world.pass_time(3600)
    offered.says(absent=(1,))
    assert offered.put() == [1]


async def test_whoever_wants_it_and_does_not_in_turn_has_nothing_put_again() -> None:
    offered = await Offered.make()
    offered.allocate()
    assert len(offered.put()) == 18
    for _ in range(100):
        offered.says(wanted=False)
        work = offered.work()
        assert work.is_empty, "it stays for a while: they may want it again"
        offered.says(wanted=True)
        assert offered.work().is_empty
    offered.says(wanted=False)
    offered.alice.world.pass_time(3600)
    ((container, gone),) = offered.work().delete
    assert len(gone) == 18
    offered.alice.change(lambda unit: containers.deleted(unit, container.number, gone))
    offered.says(wanted=True)
    assert len(offered.put()) == 18


async def test_who_has_all_of_it_ends_it_and_begins_it_again_only_with_nothing() -> None:
    offered = await Offered.make()
    offered.allocate()
    offered.put()
    contact = offered.alice.read(lambda tx: contacts.by_peer(tx, offered.peer))
    assert contact is not None
    offered.alice.change(lambda unit: receipts.received(unit, contact, [offered.root]))
    ((container, gone),) = offered.work().delete
    assert len(gone) == 18
    offered.alice.change(lambda unit: containers.deleted(unit, container.number, gone))
    offered.says(0, 1)
    assert offered.work().is_empty, "it was said before, and came late"
    offered.alice.world.pass_time(3600)
    offered.says()
    offered.allocate()
    assert len(offered.put()) == 18, "they have deleted it and want it again"


async def test_what_lies_at_a_relay_that_never_answers_again_is_asked_to_be_deleted_for_a_month_at_most() -> None:
    offered = await Offered.make()
    offered.allocate()
    assert offered.work(limit=3).put, "nobody knows whether it was put"
    offered.says(wanted=False)
    offered.alice.world.pass_time(29 * 24 * 3600)
    assert offered.work().delete
    offered.alice.world.pass_time(2 * 24 * 3600)
    assert offered.work().is_empty
    assert offered.alice.read(lambda tx: tx.query("SELECT 1 FROM file_container")) == []


async def test_of_many_small_files_only_those_in_the_window_are_looked_at_and_few_notices_tell_of_them() -> None:
    offered = await Offered.make()
    alice, count = offered.alice, 64
    for begin in range(0, count, 32):
        files = [await write(alice.app, "note.txt", b"%d" % number) for number in range(begin, begin + 32)]
        await alice.app.messages.send("Bob", "", files=[file.id for file in files])
    alice.pass_time(120)
    while alice.read(lambda tx: relay_recipients.to_begin(tx, now=alice.world.now, delay=0)):
        alice.change(lambda unit: relay_recipients.begin(unit, delay=0))
    before = notices(alice)
    window = 40 * 64 * KIB
    seen = 0
    while (work := offered.work(window=window, limit=32)).allocate or work.put:
        for file in work.allocate:
            container = [("relay", BlobContainer(offer=b"%d" % file, key=b"%d" % file))]
            alice.change(
                lambda unit, file=file, container=container: containers.allocated(unit, file, offered.peer, container)
            )
        for each in work.put:
            alice.change(lambda unit, each=each: relaying.put(unit, each, kept=KEPT))
        alice.change(lambda unit: tell(unit, offered.peer))
        seen = max(seen, len(work.there))
    assert work.full
    ((held,),) = alice.read(lambda tx: tx.query("SELECT count(*) FROM file_container"))
    assert 20 < held < 60 < count, "those that wait have no containers yet"
    assert seen <= 32
    told = notices(alice) - before
    assert 0 < told <= 4, "for twenty files and more"
    alice.change(lambda unit: tell(unit, offered.peer))
    assert notices(alice) - before == told, "they know"
    alice.world.pass_time(2 * 24 * 3600)
    for container in alice.read(lambda tx: containers.of_peer(tx, offered.peer)):
        alice.change(lambda unit, number=container.number: containers.renewed(unit, number, kept=KEPT))
    alice.change(lambda unit: tell(unit, offered.peer))
    assert notices(alice) - before - told == 1, "all of it is kept for longer"


async def test_where_one_relay_is_full_another_one_takes_the_next_parts_and_both_are_told() -> None:
    offered = await Offered.make()
    (file,) = offered.work().allocate
    both = [("relay", BlobContainer(offer=octets, key=octets)) for octets in (b"one", b"two", b"three", b"four")]
    offered.alice.change(lambda unit: containers.allocated(unit, file, offered.peer, both))
    first = offered.work(limit=3).put
    assert [each.container.key for each in first] == [b"one"] * 3
    for each in first:
        offered.alice.change(lambda unit, each=each: relaying.put(unit, each, kept=KEPT))
    full = (first[0].container.number,)
    then = offered.work(limit=3, full=full).put
    assert [(each.container.key, each.index) for each in then] == [(b"two", 2), (b"two", 3), (b"two", 4)]
    for each in then:
        offered.alice.change(lambda unit, each=each: relaying.put(unit, each, kept=KEPT))
    offered.says(*range(17))
    deleted = {container.key: list(parts) for container, parts in offered.work().delete}
    assert deleted == {b"one": [0, 1, 17], b"two": [2, 3, 4]}


async def test_whoever_has_lost_parts_gets_them_again_once_an_hour() -> None:
    offered = await Offered.make()
    offered.allocate()
    offered.put()
    offered.says(*range(8))
    ((container, gone),) = offered.work().delete
    offered.alice.change(lambda unit: containers.deleted(unit, container.number, gone))
    offered.says(*range(8))
    assert offered.work().is_empty, "who has a part has the manifest"
    offered.alice.world.pass_time(3600)
    offered.says(0, 1)
    assert offered.put() == [2, 3, 4, 5, 6, 7]
    offered.says(*range(8))
    ((container, gone),) = offered.work().delete
    offered.alice.change(lambda unit: containers.deleted(unit, container.number, gone))
    offered.says(0, 1)
    assert offered.put() == [], "nobody has us put without end"
    offered.alice.world.pass_time(3600)
    offered.says(0, 1)
    assert offered.put() == [2, 3, 4, 5, 6, 7]


async def test_whatever_a_recipient_says_no_part_is_put_twice_in_an_hour_and_all_of_it_is_deleted_in_the_end() -> None:
    offered, random = await Offered.make(), Random(17)
    put_at: dict[int, list[int]] = {}
    for _ in range(100):
        here = random.sample(range(18), random.choice((0, 0, 1, 5, 18)))
        absent = tuple(random.choices(range(2**32), k=2) + random.choices(range(18), k=random.randrange(9)))
        offered.says(*here, absent=absent, wanted=random.random() < 0.8)
        work = offered.work(window=random.choice((MIB, 64 * MIB)), limit=random.choice((0, 4, 100)))
        for file in work.allocate:
            container = [("relay", BlobContainer(offer=b"offer", key=b"key"))]
            offered.alice.change(
                lambda unit, file=file, container=container: containers.allocated(unit, file, offered.peer, container)
            )
        for container, parts in work.delete:
            offered.alice.change(
                lambda unit, container=container, parts=parts: containers.deleted(unit, container.number, parts)
            )
        for each in work.put:
            put_at.setdefault(each.index, []).append(offered.alice.world.now)
            offered.alice.change(lambda unit, each=each: relaying.put(unit, each, kept=KEPT))
        offered.alice.world.pass_time(random.choice((1, 60, 600)))
    times = [later - earlier for all_ in put_at.values() for earlier, later in pairwise(all_)]
    assert len(times) > 20, "parts were put again and again"
    assert min(times) >= 3_600_000
    offered.says(wanted=False)
    offered.alice.world.pass_time(3600)
    for container, parts in offered.work().delete:
        offered.alice.change(
            lambda unit, container=container, parts=parts: containers.deleted(unit, container.number, parts)
        )
    assert offered.work().is_empty
    assert offered.alice.read(lambda tx: tx.query("SELECT 1 FROM file_container")) == []


async def test_what_somebody_says_of_a_file_that_is_not_theirs_means_nothing() -> None:
    offered = await Offered.make()
    stranger = offered.alice.befriend("Carol")
    offered.allocate()
    offered.put()
    offered.peer, bob = stranger.core.peer, offered.peer
    offered.says(*range(17))
    offered.peer = bob
    assert not offered.work().delete


async def test_a_bitmap_of_another_size_means_nothing() -> None:
    offered = await Offered.make()
    offered.allocate()
    offered.put()
    said = ProgressNotice(root=offered.root, here=b"\xff" * 4, absent=(), wanted=True)

    def hear(unit) -> None:
        contact = contacts.by_peer(unit.tx, offered.peer)
        assert contact is not None
        relay_recipients.on_progress(unit, contact, said)

    offered.alice.change(hear)
    assert not offered.work().delete


async def test_a_container_is_renewed_when_half_of_its_time_is_over_and_forgotten_after_it() -> None:
    offered = await Offered.make()
    offered.allocate()
    offered.put()
    assert not offered.work().renew
    offered.alice.world.pass_time(8 * 24 * 3600)
    (container,) = offered.work().renew
    offered.alice.change(lambda unit: containers.renewed(unit, container.number, kept=KEPT))
    assert not offered.work().renew
    offered.alice.world.pass_time(15 * 24 * 3600)
    work = offered.work()
    assert not work.renew
    assert len(work.allocate) == 1, "another one takes its place"


async def test_nothing_is_kept_for_ever_for_somebody_who_never_comes() -> None:
    offered = await Offered.make()
    offered.allocate()
    assert len(offered.put()) == 17 + 1
    offered.alice.world.pass_time(13 * 24 * 3600)
    (container,) = offered.work().renew
    offered.alice.change(lambda unit: containers.renewed(unit, container.number, kept=30 * 24 * 3600 * 1000))
    offered.alice.world.pass_time(18 * 24 * 3600)
    ((container, gone),) = offered.work().delete
    assert len(gone) == 18
    offered.alice.change(lambda unit: containers.deleted(unit, container.number, gone))
    assert offered.work().is_empty
    offered.says(0)
    assert len(offered.work().allocate) == 1, "they may come all the same"
