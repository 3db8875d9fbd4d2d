"""What the host sees of the direct transport beyond the kit: errors in words, a full disk, a host that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameType
from balchat_transport_tor_direct.handshake import Dialler
from balchat_transport_tor_direct.publishing import PORT
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_transport_tor_direct.transport import DirectTransport
from trio.testing import MockClock

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable, StorageFull
from balchat_host.api.transport import Disposition, Outcome, Verdict
from balchat_host.api.types import OnionKey, OwnOnion, PeerId, Phase, Secret
from balchat_host.testing.fake_transport_context import COMMITTED, FakeTransportContext, peer_of
from balchat_host.testing.virtual_network import VirtualNetwork, ignore_state
from balchat_host.testing.waiting import running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from balchat_host.api.network import PublishedService
    from balchat_host.api.types import ServiceState
    from conftest import Account, Stranger

    Start = Callable[..., AbstractAsyncContextManager[Account]]

pytestmark = pytest.mark.anyio
OTHER = Secret(bytes([9]) * 32)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


class FullDisk(FakeTransportContext):
    """A host whose disk is full until `mended`."""

    mended = False

    async def receive(
        self, source: PeerId | None, envelopes: Sequence[bytes], *, relay: OnionKey | None = None
    ) -> Sequence[Disposition]:
        if not self.mended:
            raise StorageFull
        return await FakeTransportContext.receive(self, source, envelopes, relay=relay)


async def test_a_host_that_cannot_take_envelopes_loses_none(account: Start, world: VirtualNetwork) -> None:
    node = world.node()
    host = FullDisk(node)
    async with account(world) as alice, running(node), running(DirectTransport(host, DirectSettings())):
        await host.states.reach(Phase.ONLINE)
        sent = await alice.send(host.identity, b"one", b"two")
        assert await alice.host.finals(sent) == [Outcome.LOST, Outcome.LOST]
        host.mended = True
        sent = await alice.send(host.identity, b"one", b"two")
        assert await alice.host.finals(sent) == [Outcome.DELIVERED, Outcome.DELIVERED]
        await host.receives(b"one", b"two")


class LateNetwork(FakeTransportContext):
    """A host that cannot publish the device onion at once."""

    refusals = 3

    async def publish(
        self, onion: OwnOnion, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> PublishedService:
        if self.refusals and onion is OwnOnion.DEVICE:
            self.refusals -= 1
            raise NetworkUnavailable(problem="tor is not there", remedy="Wait.")
        return await FakeTransportContext.publish(self, onion, port, on_state=on_state)


async def test_publishing_is_tried_until_it_works(world: VirtualNetwork) -> None:
    node = world.node()
    host = LateNetwork(node)
    async with running(node), running(DirectTransport(host, DirectSettings())):
        assert "tor is not there" in ((await host.states.reach(Phase.DEGRADED)).reason or "")
        await host.states.reach(Phase.ONLINE)
    assert host.refusals == 0


async def test_starting_is_told_with_its_percentage(world: VirtualNetwork) -> None:
    node = world.node(online=False)
    host = FakeTransportContext(node)
    async with running(node), running(DirectTransport(host, DirectSettings())):
        await host.states.until(lambda states: any(state.percent is not None for state in states))
        assert host.states.all[-1].phase is Phase.STARTING
        node.come_online()
        await host.states.reach(Phase.ONLINE)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (CloseReason.GOING_AWAY, "does not want to talk now"),
        (CloseReason.REPLACED, "another connection"),
        (CloseReason.VIOLATION, "newest version"),
        (CloseReason.UNSUPPORTED_VERSION, "no version"),
        (CloseReason.OVERLOADED, "too much to do"),
        (99, "does not want to talk now"),
    ],
)
async def test_a_refused_dial_says_why(account: Start, world: VirtualNetwork, reason: int, words: str) -> None:
    await fail_to_dial(account, world, Frame(FrameType.CLOSE, reason).encode(), words)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(b"SSH-2.0-OpenSSH_9.2\r\n", "broke the protocol"), (b"", "connection broke")],
)
async def test_somebody_else_answering_is_said_so(
    account: Start, world: VirtualNetwork, answer: bytes, words: str
) -> None:
    await fail_to_dial(account, world, answer, words)


async def fail_to_dial(account: Start, world: VirtualNetwork, answer: bytes, words: str) -> None:
    node = world.node()
    async with account(world) as alice, running(node):
        service = await node.publish(OTHER, PORT, on_state=ignore_state)

        async def reply() -> None:
            async with await service.accept() as stream:
                await stream.receive()
                if answer:
                    await stream.send(answer)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reply)
            with pytest.raises(PeerUnreachable, match=words):
                await alice.send(PeerId(service.address.octets), b"hello")
        assert not alice.transport.reachable(PeerId(service.address.octets))


async def test_a_dialler_of_another_version_is_told_so(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        newer = await stranger.knock(world, alice.peer)
        newer.machine = Dialler(
            us=newer.device,
            peer=alice.peer,
            device_id=None,
            onion=alice.peer.identity_onion,
            nonce=bytes(32),
            versions=(9, 8),
        )
        await newer.stream.send(newer.machine.start())
        await newer.is_closed(CloseReason.UNSUPPORTED_VERSION)


async def test_a_dialler_that_leaves_in_the_handshake_is_forgotten(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        for goes in ("silently", "politely", "after its proof"):
            guest = await stranger.knock(world, alice.peer)
            if goes == "after its proof":
                await guest.prove(and_then=Frame(FrameType.CLOSE, CloseReason.GOING_AWAY).encode())
            elif goes == "politely":
                await guest.say(FrameType.CLOSE, CloseReason.GOING_AWAY)
            await guest.leave()
        await anyio.sleep(100)
        assert alice.host.nearness.all == []
        assert world.streams_between(alice.node, alice.node) == 0


async def test_sending_to_oneself_is_refused(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice:
        with pytest.raises(PeerUnreachable, match="itself"):
            await alice.send(alice.peer, b"hello")
        assert not world.dials


async def test_a_delivery_whose_replies_were_not_committed_is_lost_when_the_host_ends(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world) as bob:
        bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.COMMITTED, replies=(b"reply",))
        async with account(world) as alice:
            alice.host.close_vault()
            (sent,) = await alice.send(bob.peer, b"question")
            await alice.host.batches.until(lambda batches: batches == [1])
            await anyio.sleep(1)
        # It asks again in its next life, and gets the reply again.
        assert alice.host.outcomes(sent) == [Outcome.SENT, Outcome.LOST]


async def test_a_peer_that_asks_and_takes_no_replies_is_not_answered_without_end(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        large = Disposition(verdict=Verdict.COMMITTED, replies=(bytes(200_000),))
        alice.host.answer = lambda source, envelope: COMMITTED if envelope == b"first" else large
        greedy = await stranger.enter(world, alice.peer)
        await greedy.say(FrameType.ENVELOPE, 0, b"first")
        await greedy.next_of(FrameType.ACK)
        for number in range(1, 500):
            await greedy.say(FrameType.ENVELOPE, number, b"more")
        await anyio.sleep(5)
        # The replies that wait are bounded, and no more questions are put to the host meanwhile.
        assert len(alice.host.received.all) <= 2 + 2 * DirectSettings().batch_envelopes
        # A peer that goes on taking nothing is given up.
        await alice.host.sees(greedy.peer, reachable=False, patience=1000)


async def test_a_sender_that_is_cancelled_leaves_every_envelope_with_an_outcome(
    account: Start, world: VirtualNetwork
) -> None:
    settings = DirectSettings(send_envelopes=4)
    async with account(world, settings) as alice, account(world) as bob:
        await alice.host.finals(await alice.send(bob.peer, b"first"))
        bob.host.close_vault()
        outgoing = alice.host.outgoing(*(b"%d" % number for number in range(10)))
        routes = alice.transport.first_routes(bob.peer)
        assert routes
        with anyio.move_on_after(5) as scope:
            await alice.transport.send(bob.peer, routes, outgoing)
        assert scope.cancelled_caught
        bob.host.open_vault()
        assert await alice.host.finals(outgoing) == [Outcome.DELIVERED] * 4 + [Outcome.LOST] * 6
        # The next sender has its turn, on the same stream.
        assert await alice.host.finals(await alice.send(bob.peer, b"next")) == [Outcome.DELIVERED]
        assert len(world.dials) == 1


async def test_a_sender_that_waits_is_told_when_the_peer_is_disconnected(account: Start, world: VirtualNetwork) -> None:
    node = world.node()
    async with account(world) as alice, running(node):
        service = await node.publish(OTHER, PORT, on_state=ignore_state)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expect_unreachable, alice, PeerId(service.address.octets))
            await service.accept()
            await alice.transport.disconnect(PeerId(service.address.octets))


async def test_a_sender_that_waits_is_told_when_the_transport_ends(account: Start, world: VirtualNetwork) -> None:
    node = world.node()
    async with running(node), anyio.create_task_group() as tasks:
        service = await node.publish(OTHER, PORT, on_state=ignore_state)
        async with account(world) as alice:
            tasks.start_soon(expect_unreachable, alice, PeerId(service.address.octets))
            tasks.start_soon(expect_unreachable, alice, PeerId(service.address.octets))
            await service.accept()


async def expect_unreachable(account: Account, peer: PeerId) -> None:
    with pytest.raises((PeerUnreachable, NetworkUnavailable)):
        await account.send(peer, b"hello?")


async def test_who_sends_later_comes_later_however_long_the_first_must_wait(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(send_envelopes=4)) as alice, account(world) as bob:
        bob.host.close_vault()
        first = [b"first %d" % number for number in range(20)]
        async with anyio.create_task_group() as tasks:
            for envelopes in (first, [b"second"], [b"third"]):
                tasks.start_soon(alice.send, bob.peer, *envelopes)
                await anyio.sleep(1)
            bob.host.open_vault()
        await bob.host.receives(*first, b"second", b"third")


async def test_what_waited_for_a_stream_that_was_replaced_does_not_overtake_what_was_lost_with_it(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(send_envelopes=4)) as alice:
        old = await stranger.enter(world, alice.peer)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(alice.send, old.peer, *(b"%d" % number for number in range(6)))
            await anyio.sleep(1)
            tasks.start_soon(expect_unreachable, alice, old.peer)
            await anyio.sleep(1)
            await stranger.enter(world, alice.peer, old.key)


async def test_an_account_that_ends_says_good_bye(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        guest = await stranger.enter(world, alice.peer)
        # One that is in the middle of something large, and stuck: nothing may follow half a frame.
        stuck = await stranger.enter(world, alice.peer)
        await alice.send(stuck.peer, *(bytes(16_384) for _ in range(3)))
        await stuck.say(FrameType.WINDOW, 10_000_000)
        await alice.send(stuck.peer, bytes(1_000_000))
        await anyio.sleep(1)
    await guest.is_closed(CloseReason.GOING_AWAY)
    await stuck.is_closed()


async def test_what_a_disconnected_peer_sent_and_nobody_took_yet_is_dropped(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.close_vault()
        guest = await stranger.enter(world, alice.peer)
        await guest.say(FrameType.ENVELOPE, 0, b"being committed")
        await alice.host.batches.until(bool)
        await guest.say(FrameType.ENVELOPE, 1, b"waiting")
        await anyio.sleep(1)
        await alice.transport.disconnect(guest.peer)
        alice.host.open_vault()
        await anyio.sleep(100)
        await alice.host.receives(b"being committed")


async def test_what_came_on_a_stream_that_was_replaced_is_handed_on(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.close_vault()
        old = await stranger.enter(world, alice.peer)
        await old.say(FrameType.ENVELOPE, 0, b"one")
        await alice.host.batches.until(bool)
        await old.say(FrameType.ENVELOPE, 1, b"two")
        await anyio.sleep(1)
        await stranger.enter(world, alice.peer, old.key)
        await old.is_closed(CloseReason.REPLACED)
        alice.host.open_vault()
        await alice.host.received.until(lambda received: len(received) == 2)


async def test_a_peer_that_reads_nothing_cannot_keep_its_stream_when_it_is_disconnected(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        deaf = await stranger.enter(world, alice.peer)
        await deaf.say(FrameType.WINDOW, 10_000_000)
        await anyio.sleep(1)
        await alice.send(deaf.peer, bytes(1_000_000))
        await anyio.sleep(1)
        await alice.transport.disconnect(deaf.peer)
        await anyio.sleep(5)
        with pytest.raises(anyio.BrokenResourceError):
            await deaf.say(FrameType.PING, 1)


class ChangesItsMind(FakeTransportContext):
    """A host that lets go of the peer while it signs for it, and signs all the same."""

    transport: DirectTransport

    async def sign(self, *, domain: str, message: bytes, signer: OwnOnion = OwnOnion.IDENTITY) -> bytes:
        with anyio.CancelScope(shield=True):
            await self.transport.disconnect(peer_of(OTHER))
            return await FakeTransportContext.sign(self, domain=domain, message=message, signer=signer)


async def test_a_dial_that_was_given_up_while_it_signed_sends_no_proof(account: Start, world: VirtualNetwork) -> None:
    node = world.node()
    host = ChangesItsMind(node)
    host.transport = DirectTransport(host, DirectSettings())
    async with account(world, key=OTHER) as other, running(node), running(host.transport):
        routes = host.transport.first_routes(other.peer)
        assert routes
        with pytest.raises(PeerUnreachable):
            await host.transport.send(other.peer, routes, host.outgoing(b"hello"))
        await anyio.sleep(100)
        assert other.host.nearness.all == []
