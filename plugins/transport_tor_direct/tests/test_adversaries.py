"""Strangers that mean harm: what they can send, how much of it, and what they learn."""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameType
from balchat_transport_tor_direct.publishing import PORT
from balchat_transport_tor_direct.settings import DirectSettings

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, Verdict
from balchat_host.api.types import PeerId, Secret
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from balchat_host.testing.virtual_network import VirtualNetwork
    from conftest import Account, Stranger

    Start = Callable[..., AbstractAsyncContextManager[Account]]

pytestmark = pytest.mark.anyio
GARBAGE = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    bytes(1000),
    b"\xff" * 1000,
    Frame(FrameType.ENVELOPE, 0, b"no greeting").encode(),
    b"\x01\xff\xff\xff" + bytes(1_000_000),
]


async def assert_alive(account: Account, world: VirtualNetwork, stranger: type[Stranger]) -> None:
    """Somebody with manners is served as ever."""
    guest = await stranger.enter(world, account.peer)
    await guest.say(FrameType.ENVELOPE, 0, b"hello")
    answer = await guest.next_of(FrameType.ACK, FrameType.REFUSE, FrameType.CLOSE)
    assert answer == Frame(FrameType.ACK, 0, b"\0\0\0\1")
    await guest.leave()


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: repr(garbage[:8]))
async def test_garbage_instead_of_a_handshake(
    account: Start, stranger: type[Stranger], world: VirtualNetwork, garbage: bytes
) -> None:
    async with account(world) as alice:
        rude = await stranger.knock(world, alice.peer)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rude.flood_octets, garbage)
            await rude.is_closed(CloseReason.VIOLATION)
        assert alice.host.received.all == []
        await assert_alive(alice, world, stranger)


@pytest.mark.parametrize("garbage", [garbage for garbage in GARBAGE if garbage[0] != FrameType.ENVELOPE], ids=len)
async def test_garbage_on_a_link(
    account: Start, stranger: type[Stranger], world: VirtualNetwork, garbage: bytes
) -> None:
    async with account(world) as alice:
        rude = await stranger.enter(world, alice.peer)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rude.flood_octets, garbage)
            await rude.is_closed(CloseReason.VIOLATION)
        await alice.host.sees(rude.peer, reachable=False)
        assert alice.host.received.all == []
        await assert_alive(alice, world, stranger)


async def test_an_answer_to_nothing_ends_the_link_and_loses_what_waits(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        liar = await stranger.enter(world, alice.peer)
        (sent,) = await alice.send(liar.peer, b"hello")
        await liar.next_of(FrameType.ENVELOPE)
        await liar.say(FrameType.ACK, 1, b"\0\0\0\1")
        await liar.is_closed(CloseReason.VIOLATION)
        assert (await alice.host.final(sent)).outcome is Outcome.LOST


async def test_a_proof_by_another_key_is_refused_before_any_envelope_moves(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        liar = await stranger.knock(world, alice.peer)
        liar.key = Secret(urandom(32))
        await liar.prove()
        await liar.say(FrameType.ENVELOPE, 0, b"I am somebody else")
        await liar.is_closed(CloseReason.VIOLATION)
        assert alice.host.received.all == []
        assert alice.host.nearness.all == []


async def test_a_recorded_proof_is_worth_nothing(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        bob = await stranger.knock(world, alice.peer)
        proof = await bob.prove()
        assert (await bob.next()).type is FrameType.READY
        await bob.leave()
        await alice.host.sees(bob.peer, reachable=False)
        # The recorder says the very octets that Bob said.
        recorder = await stranger.knock(world, alice.peer, bob.key)
        recorder.machine = bob.machine
        await recorder.stream.send(bob.hello)
        await recorder.next_of(FrameType.CHALLENGE)
        await recorder.stream.send(proof)
        await recorder.is_closed(CloseReason.VIOLATION)
        assert not alice.transport.reachable(bob.peer)


HELLO_ONION = 12 + 8 + 32 + 16
"""Where HELLO has the onion that was dialled: behind its header, the magic, and who dials."""


async def test_a_proof_for_one_acceptor_cannot_be_passed_on_to_another(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    """Mallory is dialled by Bob, and tries to be Bob to Alice with what Bob sends."""
    mallory = world.node()
    async with account(world) as alice, account(world) as bob, running(mallory):
        service = await mallory.publish(Secret(urandom(32)), PORT, on_state=ignore_state)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(assert_unreachable, bob, PeerId(service.address.octets))
            from_bob = await service.accept()
            to_alice = await stranger.knock(world, alice.peer)
            hello = await from_bob.receive()
            await to_alice.stream.send(hello)
            # Alice sees that it was not her onion that Bob dialled.
            await to_alice.is_closed(CloseReason.VIOLATION)
            to_alice = await stranger.knock(world, alice.peer)
            at = slice(HELLO_ONION, HELLO_ONION + 32)
            await to_alice.stream.send(hello[: at.start] + alice.peer.octets + hello[at.stop :])
            await from_bob.send((await to_alice.next_of(FrameType.CHALLENGE)).encode())
            # Bob sees that the challenge is not from whom he dialled, and signs nothing.
            assert await from_bob.receive() == Frame(FrameType.CLOSE, CloseReason.VIOLATION).encode()
        assert bob.host.signatures == 0
        assert alice.host.nearness.all == []


async def assert_unreachable(account: Account, peer: PeerId) -> None:
    with pytest.raises(PeerUnreachable):
        await account.send(peer, b"hello")


async def test_nobody_can_hold_the_door(account: Start, stranger: type[Stranger], world: VirtualNetwork) -> None:
    async with account(world, DirectSettings(max_handshakes=16)) as alice:
        crowd = [await stranger.knock(world, alice.peer) for _ in range(15)]
        for _ in range(10):
            crowd += [await stranger.knock(world, alice.peer) for _ in range(10)]
            await anyio.wait_all_tasks_blocked()
            await assert_alive(alice, world, stranger)
        for early in crowd[:50]:
            await early.is_closed()


async def test_an_account_has_one_stream_however_often_it_dials(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    key = Secret(urandom(32))
    async with account(world) as alice:
        streams = [await stranger.enter(world, alice.peer, key) for _ in range(20)]
        for old in streams[:-1]:
            await old.is_closed(CloseReason.REPLACED)
        await streams[-1].say(FrameType.ENVELOPE, 0, b"hello")
        assert (await streams[-1].next_of(FrameType.ACK)).number == 0
        assert {news.reachable for news in alice.host.nearness.all} == {True}


async def test_strangers_make_room_for_each_other_and_never_push_out_a_contact(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(max_streams=5)) as alice:
        contact = await stranger.enter(world, alice.peer)
        await contact.say(FrameType.ENVELOPE, 0, b"hello")
        await contact.next_of(FrameType.ACK)
        strangers = [await stranger.enter(world, alice.peer) for _ in range(12)]
        for pushed_out in strangers[:8]:
            await pushed_out.is_closed(CloseReason.OVERLOADED)
        assert alice.transport.reachable(contact.peer)
        assert alice.transport.reachable(strangers[-1].peer)


async def test_strangers_cannot_hold_all_streams_with_what_anybody_may_send(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(max_streams=3)) as alice:
        alice.host.answer = lambda source, envelope: Disposition(verdict=Verdict.COMMITTED, stranger=True)
        strangers = [await stranger.enter(world, alice.peer) for _ in range(3)]
        for each in strangers:
            await each.say(FrameType.ENVELOPE, 0, b"give me a key package")
            await each.next_of(FrameType.ACK)
        late = await stranger.enter(world, alice.peer)
        await strangers[0].is_closed(CloseReason.OVERLOADED)
        assert alice.transport.reachable(late.peer)


async def test_where_only_contacts_are_a_stranger_is_turned_away(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(max_streams=2)) as alice:
        for _ in range(2):
            contact = await stranger.enter(world, alice.peer)
            await contact.say(FrameType.ENVELOPE, 0, b"hello")
            await contact.next_of(FrameType.ACK)
        late = await stranger.knock(world, alice.peer)
        await late.prove()
        await late.is_closed(CloseReason.OVERLOADED)


async def test_what_all_together_make_us_hold_is_bounded_and_a_contact_stays(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(memory=4 * MAX_ENVELOPE_SIZE)) as alice:
        contact = await stranger.enter(world, alice.peer)
        await contact.say(FrameType.ENVELOPE, 0, b"hello")
        await contact.next_of(FrameType.ACK)
        hoarders = [await stranger.enter(world, alice.peer) for _ in range(10)]
        for hoarder in hoarders:
            await hoarder.begin_large_envelope()
        await contact.say(FrameType.ENVELOPE, 1, b"still here")
        await contact.next_of(FrameType.ACK)
        reachable = [hoarder for hoarder in hoarders if alice.transport.reachable(hoarder.peer)]
        assert len(reachable) <= 4
        assert alice.transport.reachable(contact.peer)


async def test_a_blocked_account_sees_what_any_stranger_sees(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        friend = await stranger.enter(world, alice.peer)
        await friend.say(FrameType.ENVELOPE, 0, b"hello")
        await friend.next_of(FrameType.ACK)
        # What the host does for a blocked contact: the same as for anybody whom it does not know.
        alice.host.answer = lambda source, envelope: Disposition(verdict=Verdict.IGNORED)
        await alice.transport.disconnect(friend.peer)
        await friend.is_closed(CloseReason.GOING_AWAY)
        seen: list[list[Frame]] = []
        for key in (friend.key, Secret(urandom(32))):
            guest = await stranger.enter(world, alice.peer, key)
            await guest.say(FrameType.ENVELOPE, 0, b"hello again")
            await guest.say(FrameType.PING, 1)
            frames = [await guest.next(), await guest.next()]
            await guest.say(FrameType.PING, 2)
            seen.append([*frames, await guest.next()])
        assert seen[0] == seen[1]
        assert {frame.type for frame in seen[0]} == {FrameType.WINDOW, FrameType.PONG}


async def test_half_a_frame_and_then_nothing_more(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        guest = await stranger.enter(world, alice.peer)
        await guest.say(FrameType.ENVELOPE, 0, b"whole")
        await guest.stream.send(Frame(FrameType.ENVELOPE, 1, b"never whole").encode()[:-3])
        await guest.leave()
        await alice.host.receives(b"whole")
        await alice.host.sees(guest.peer, reachable=False)


async def test_what_arrived_whole_before_the_end_is_handed_on(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.close_vault()
        guest = await stranger.enter(world, alice.peer)
        for number in range(10):
            await guest.say(FrameType.ENVELOPE, number, b"%d" % number)
        await guest.say(FrameType.CLOSE, CloseReason.GOING_AWAY)
        await guest.leave()
        await alice.host.sees(guest.peer, reachable=False)
        alice.host.open_vault()
        await alice.host.receives(*(b"%d" % number for number in range(10)))


async def test_nothing_is_kept_of_strangers_that_have_left(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        for _ in range(20):
            guest = await stranger.enter(world, alice.peer)
            await guest.say(FrameType.ENVELOPE, 0, b"hello")
            await guest.leave()
            await alice.host.sees(guest.peer, reachable=False)
        await anyio.wait_all_tasks_blocked()
        transport = alice.transport
        assert not list(transport._states)
        assert not transport._connections
        assert transport._memory._held == {}
