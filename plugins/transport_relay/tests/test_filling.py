"""Nobody can fill an inbox or a queue whose owner reads it: what comes out is delivered, or deleted, or bounded.

Each test puts what its sender could put, while the owner is up; afterwards there is room, and an honest word arrives.
"""

from __future__ import annotations

from itertools import cycle, pairwise
from os import urandom
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from balchat_relay_proto.capabilities import envelope_id, inbox_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.frames import Subscribe, Subscribed
from balchat_relay_proto.parts import PART_CONTENT, Part, split
from balchat_relay_proto.replies import QueueStatus
from balchat_relay_proto.requests import GetStatus, Put
from balchat_relay_proto.sealing import OpeningKey, SealingKey, seal
from balchat_transport_relay import queue_receiver, reassembly, sources
from balchat_transport_relay.address import Destination
from balchat_transport_relay.queue_receiver import RETRIES
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import StorageFull
from balchat_host.api.transport import Disposition, Outcome, Verdict
from balchat_host.testing.fake_transport_context import FakeTransportContext, commit_all
from balchat_host.testing.virtual_network import VirtualNetwork

if TYPE_CHECKING:
    from balchat_transport_relay.testing.boxes import Box

    from conftest import Account

pytestmark = pytest.mark.anyio
HOUR = 3600.0
INBOX_QUOTA = 64
"""Envelopes that a relay takes into an inbox, by default."""


@pytest.fixture
def anyio_backend(virtual_time):
    return virtual_time


class Queue:
    """A queue of somebody's, for whoever may put into it."""

    def __init__(self, relay, queue: bytes, key: SealingKey) -> None:
        self.relay = relay
        self.id = queue
        self.key = key

    @property
    def box(self) -> Box:
        return self.relay.boxes[self.id]

    def put(self, content: bytes) -> None:
        """Put something, sealed as it should be."""
        self.relay.put(self.id, seal(content, self.key, queue=self.id))

    def put_whole(self, whole: bytes) -> None:
        """Put an envelope of the host's that fits into one."""
        (part,) = split(whole)
        self.put(part.to_octets())

    async def empties(self, left: int = 0) -> None:
        """Wait until no more than so many lie there."""
        await self.relay.until(lambda: len(self.box.stored) <= left)


def inbox_of(relay, account: Account) -> Queue:
    key = account.transport._relay_state.inbox_key.sealing_key
    return Queue(relay, inbox_id(account.peer.octets), key)


async def queue_of(relay, account: Account, contact: Account) -> Queue:
    (route,) = await account.transport.allocate_routes(contact.peer)
    await account.online()
    destination = Destination.of(route)
    return Queue(relay, destination.address.queue, destination.sealing_key)


def half() -> bytes:
    """Make the first of two parts of which the other never comes."""
    return Part(whole_id=urandom(32), index=0, count=2, content=bytes(PART_CONTENT)).to_octets()


def small_half() -> bytes:
    return Part(whole_id=urandom(32), index=1, count=2, content=b"x").to_octets()


def contradiction() -> bytes:
    return Part(whole_id=b"w" * 32, index=1, count=2, content=urandom(8)).to_octets()


def forged() -> bytes:
    return Part(whole_id=urandom(32), index=0, count=1, content=b"not what it says").to_octets()


JUNK = {
    "halves": small_half,
    "large halves": half,
    "parts that contradict each other": contradiction,
    "a part of none": lambda: Part(whole_id=urandom(32), index=0, count=0, content=b"").to_octets(),
    "a part of very many": lambda: Part(
        whole_id=urandom(32), index=5, count=64, content=bytes(PART_CONTENT)
    ).to_octets(),
    "a part beyond the last": lambda: Part(whole_id=urandom(32), index=5, count=2, content=b"x").to_octets(),
    "a part too large for its place": lambda: Part(
        whole_id=urandom(32), index=1, count=2, content=urandom(2000)
    ).to_octets(),
    "what is not what it says": forged,
    "no CBOR": lambda: urandom(100),
    "an empty envelope": split(b"")[0].to_octets,
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
async def test_junk_does_not_fill_an_inbox(world, junk) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob:
            inbox = inbox_of(relay, bob)
            for _ in range(INBOX_QUOTA):
                inbox.put(junk())
            await inbox.empties()
            inbox.put_whole(b"an honest request")
            await bob.has(b"an honest request")
            await inbox.empties()


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
async def test_junk_does_not_fill_a_conversations_queue(world, junk) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            for _ in range(40):
                queue.put(junk())
            await queue.empties(8)  # the newest halves, whose other halves may still come
            queue.put_whole(b"an honest message")
            await bob.has(b"an honest message")


async def test_halves_of_which_nothing_more_comes_are_given_up_in_the_end(world, monkeypatch) -> None:
    monkeypatch.setattr(reassembly, "_KEPT_FOR", 2 * HOUR)
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            queue.put(half())
            await anyio.sleep(2.5 * HOUR)
            assert len(queue.box.stored) == 1
            queue.put_whole(b"hello")
            await queue.empties()


async def test_what_is_not_sealed_to_us_does_not_fill_an_inbox(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob:
            inbox = inbox_of(relay, bob)
            for _ in range(5):
                for _ in range(INBOX_QUOTA):
                    relay.put(inbox.id, urandom(16_384))
                await inbox.empties()
            inbox.put_whole(b"an honest request")
            await bob.has(b"an honest request")


async def test_much_that_cannot_be_opened_has_that_queue_left_alone_and_no_other(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue, inbox = await queue_of(relay, bob, alice), inbox_of(relay, bob)
            for _ in range(600):
                relay.put(inbox.id, urandom(16_384))
            await bob.degraded("too much that cannot be opened")
            queue.put_whole(b"meanwhile")
            await bob.has(b"meanwhile")
            await inbox.empties()
            assert [each.queue for each in relay.asked_for(Subscribe)].count(queue.id) == 1
            await bob.online()


async def test_an_envelope_in_two_parts_arrives_in_a_conversation(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            whole = urandom(1024 * 1024)
            first, second = split(whole)
            queue.put(second.to_octets())
            queue.put(first.to_octets())
            queue.put(first.to_octets())
            await bob.has(whole)
            await queue.empties(1)  # the copy, which begins another whole


async def test_an_envelope_in_two_parts_is_not_put_into_an_inbox(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            for size in (1024 * 1024, 64 * 1024):
                (sent,) = await alice.send(bob, bytes(size), routes=alice.transport.first_routes(bob.peer))
                report = await alice.host.final(sent)
                assert (report.outcome, report.reason, report.retry_after) == (Outcome.REFUSED, "too-large", None)
            await alice.send(bob, bytes(32 * 1024), routes=alice.transport.first_routes(bob.peer))
            await bob.has(bytes(32 * 1024))


async def test_memory_for_parts_is_taken_from_who_uses_most(world, monkeypatch) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            monkeypatch.setattr(bob.transport._reassembly, "_most", 4 * 1024 * 1024)
            hers, his = await queue_of(relay, bob, alice), await queue_of(relay, bob, carol)
            whole = urandom(1024 * 1024)
            first, second = split(whole)
            hers.put(first.to_octets())
            for _ in range(20):
                his.put(half())
            await his.empties(8)
            hers.put(second.to_octets())
            await bob.has(whole)
            await hers.empties()


# -- what the host does not take


async def test_requests_that_the_host_never_has_room_for_leave_room_in_the_inbox(world) -> None:
    """A hundred requests wait for their owner, who does not decide: the host turns away each further one, for now."""
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob:
            full = Disposition(verdict=Verdict.REFUSED, reason="requests-full", retry_after=3600.0, stranger=True)
            bob.host.answer = lambda source, envelope: full
            inbox = inbox_of(relay, bob)
            for number in range(3 * INBOX_QUOTA):
                inbox.put_whole(b"request %d" % number)
            await inbox.empties(16)
            await anyio.sleep(3 * HOUR)
            bob.host.answer = commit_all
            await inbox.empties()
            assert {each.envelope for each in bob.host.received.all[-16:]} == {
                b"request %d" % number for number in range(2 * INBOX_QUOTA + 48, 3 * INBOX_QUOTA)
            }


async def test_a_full_disk_of_ours_has_nothing_deleted(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            inbox, queue = inbox_of(relay, bob), await queue_of(relay, bob, alice)
            full = Disposition(verdict=Verdict.REFUSED, reason=StorageFull.code, retry_after=60.0)
            bob.host.answer = lambda source, envelope: full
            for number in range(INBOX_QUOTA):
                inbox.put_whole(b"request %d" % number)
            for number in range(300):
                queue.put_whole(b"message %d" % number)
            await anyio.sleep(HOUR / 2)
            assert (len(inbox.box.stored), len(queue.box.stored)) == (INBOX_QUOTA, 300)
            bob.host.answer = commit_all
            await inbox.empties()
            await queue.empties()


async def test_what_the_host_ignores_for_ever_does_not_fill_a_queue(world) -> None:
    """As messages of a group that we have lost are."""
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            ignored = Disposition(verdict=Verdict.IGNORED)
            bob.host.answer = lambda source, envelope: commit_all(source, envelope) if envelope == b"hi" else ignored
            for number in range(600):
                queue.put_whole(b"of a lost group %d" % number)
            await queue.empties(256)
            queue.put_whole(b"hi")
            await relay.until(lambda: b"hi" in [each.envelope for each in bob.host.received.all])
            await queue.empties(256)


async def test_the_same_envelope_stored_again_and_again_takes_one_place(world) -> None:
    """A sender stores once a day what nobody confirms, and each time in another sealed envelope."""
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.IGNORED)
            for _ in range(10):
                queue.put_whole(b"unconfirmed")
                await anyio.sleep(HOUR)
            assert len(queue.box.stored) == 1
            bob.host.answer = commit_all
            relay.hang_up()
            await queue.empties()


async def test_what_the_host_refuses_for_a_time_does_not_keep_the_others_waiting(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            later = Disposition(verdict=Verdict.REFUSED, reason="later", retry_after=3600.0)
            bob.host.answer = lambda source, envelope: later if envelope == b"1" else commit_all(source, envelope)
            began = anyio.current_time()
            queue.put_whole(b"1")
            queue.put_whole(b"2")
            await queue.empties(1)
            queue.put_whole(b"3")
            await queue.empties(1)
            assert anyio.current_time() - began < 60
            bob.host.answer = commit_all
            await queue.empties()
            assert 3600 <= anyio.current_time() - began < 3700
            await bob.has(b"1", b"2", b"3", b"1")
            assert [each.queue for each in relay.asked_for(Subscribe)].count(queue.id) == 1


async def test_one_contacts_full_queue_keeps_no_other_contact_waiting(world) -> None:
    """As simplexmq's pull request 260: a quota that was exceeded held up all queues of that server."""
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob, w.account(relay) as carol:
            full = await queue_of(relay, bob, alice)
            await queue_of(relay, carol, alice)

            def refuse(request):
                if isinstance(request, Put) and request.queue == full.id:
                    raise Refused(Code.QUEUE_FULL, "", retry_after=600)

            relay.script = refuse
            began = anyio.current_time()
            (refused,) = await alice.send(bob, b"for Bob")
            await alice.send(carol, b"for Carol")
            await carol.has(b"for Carol")
            assert anyio.current_time() - began < 60
            report = await alice.host.final(refused)
            assert (report.outcome, report.reason, report.retry_after) == (Outcome.REFUSED, "queue-full", 600)
            relay.script = lambda request: None
            await alice.send(bob, b"for Bob")
            await bob.has(b"for Bob")


async def test_a_subscription_that_is_never_answered_is_asked_for_again_though_nothing_else_happens(world) -> None:
    """As simplexmq's issue 1834: after an unclean end a subscription stayed pending until other traffic came."""
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            relay.frames = lambda frame: () if isinstance(frame, Subscribed) else (frame,)
            relay.hang_up()
            await relay.until(lambda: [each.queue for each in relay.asked_for(Subscribe)].count(queue.id) == 2)
            asked_at = anyio.current_time()
            relay.frames = lambda frame: (frame,)
            await relay.until(lambda: [each.queue for each in relay.asked_for(Subscribe)].count(queue.id) == 3)
            assert anyio.current_time() - asked_at < 300
            await bob.online()


async def test_after_days_without_a_network_everything_comes_at_once(world) -> None:
    """As ricochet's issues 245 and 505: it never came back, or only when it was started again."""
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)

            async def gone(stream):
                await anyio.lowlevel.checkpoint()

            relay.instead = gone
            relay.hang_up()
            await anyio.sleep(48 * HOUR)
            queue.put_whole(b"meanwhile")
            relay.instead = None
            back_at = anyio.current_time()
            await bob.has(b"meanwhile")
            assert anyio.current_time() - back_at <= 600
            await bob.online()


# -- the owner's view


async def test_an_inbox_that_was_filled_while_its_owner_was_away_is_empty_when_they_are_back(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob:
            inbox, key, area = inbox_of(relay, bob), bob.host.key, bob.host.area
        for _ in range(INBOX_QUOTA):
            inbox.put(small_half())
        async with w.account(key=key, area=area) as again:
            await inbox.empties()
            await again.online()


async def test_a_relay_that_says_our_inbox_is_full_is_shown_with_these_words(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob:
            full = QueueStatus(envelopes=64, octets=1, max_envelopes=64, max_octets=2, cards=32, last_resort=True)
            relay.script = lambda request: full if isinstance(request, GetStatus) else None
            await bob.transport.relays.check(relay.peer.onion)
            await bob.degraded("our relay: our queue there is full")


async def test_retries_end(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            queue = await queue_of(relay, bob, alice)
            tries: list[float] = []

            def fail(source, envelope):
                if envelope != b"poison":
                    return commit_all(source, envelope)
                tries.append(anyio.current_time())
                raise KeyError(envelope)

            bob.host.answer = fail
            queue.put_whole(b"before")
            queue.put_whole(b"poison")
            queue.put_whole(b"after")
            await queue.empties()
            waits = [later - earlier for earlier, later in pairwise(tries) if later > earlier]
            assert len(waits) == len(RETRIES)
            assert all(wait <= waited < wait + 60 for wait, waited in zip(RETRIES, waits, strict=True))
            assert {each.envelope for each in bob.host.received.all} == {b"before", b"after"}


# -- whatever comes out of a queue

NAMES = [bytes([octet]) * 32 for octet in range(4)]
SMALL = [split(b"whole %d" % number)[0] for number in range(4)]
PARTS = st.builds(
    Part,
    whole_id=st.sampled_from(NAMES),
    index=st.integers(0, 3),
    count=st.integers(0, 3),
    content=st.binary(max_size=3),
)
ANSWERS = st.sampled_from(
    [
        Disposition(verdict=Verdict.COMMITTED),
        Disposition(verdict=Verdict.IGNORED),
        Disposition(verdict=Verdict.REFUSED),
        Disposition(verdict=Verdict.REFUSED, retry_after=60.0),
        None,
    ]
)
CONTENTS = st.one_of(
    PARTS.map(Part.to_octets),
    st.sampled_from(SMALL).map(Part.to_octets),
    st.binary(max_size=60),
)
KEY = OpeningKey.generate()


class AnyQueue:
    """A queue, of either kind, for a receiver."""

    id = bytes(32)
    key = KEY

    def __init__(self, kind: type[sources.Source]) -> None:
        self.anybody, self.max_parts = kind.anybody, kind.max_parts
        self.may_stay, self.octets_may_stay = 3, 1000


@pytest.mark.fuzz
@given(st.lists(CONTENTS, max_size=20), st.lists(ANSWERS, min_size=1, max_size=5), st.booleans(), st.integers(1, 7))
def test_whatever_comes_is_delivered_or_deleted_but_for_a_few(contents, answers, is_inbox, batch) -> None:
    """Of each envelope it is known why it stays, and what stays is bounded."""

    async def run() -> None:
        host = FakeTransportContext(VirtualNetwork().node())
        given = cycle(answers)

        def answer(source, envelope):
            disposition = next(given)
            if disposition is None:
                raise KeyError
            return disposition

        host.answer = answer
        source = AnyQueue(sources.Inbox if is_inbox else sources.Queue)
        into = queue_receiver.QueueReceiver(host, reassembly.Reassembly(), relay=bytes(32), source=source)
        envelopes = [seal(content, KEY.sealing_key, queue=source.id) for content in contents]
        there = {envelope_id(each): each for each in envelopes}
        for start in range(0, len(envelopes), batch):
            for done in (await into.receive(envelopes[start : start + batch])).done:
                there.pop(done, None)
        halves = sum(len(each) for each in into._parts.values())
        ours = sum(each.failures > 0 for each in into._staying.values())
        assert halves == 0 if is_inbox else halves <= 16
        assert len(there) <= halves + ours + sum(not each.counts for each in into._staying.values()) + 3
        # Once the host takes everything, nothing stays but halves of which the other half may still come.
        host.answer = commit_all
        into._staying.clear()
        for done in (await into.receive(list(there.values()))).done:
            there.pop(done, None)
        assert len(there) <= halves

    anyio.run(run, backend="trio")
