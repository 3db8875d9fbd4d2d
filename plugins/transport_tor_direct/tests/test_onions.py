"""Two onions: strangers are answered at one, contacts at the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct.device_route import DOMAIN, own_route
from balchat_transport_tor_direct.frames import CloseReason, FrameType
from balchat_transport_tor_direct.publishing import PORT
from balchat_transport_tor_direct.settings import DirectSettings

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Outcome
from balchat_host.api.types import OnionKey, OwnOnion, PeerId, Phase, Route, Secret
from balchat_host.testing.fake_transport_context import FakeTransportContext, peer_of, sign
from balchat_host.testing.virtual_network import VirtualNetwork, onion_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from conftest import Account, Stranger

    Start = Callable[..., AbstractAsyncContextManager[Account]]

STARTING, ONLINE = Phase.STARTING, Phase.ONLINE

pytestmark = pytest.mark.anyio

GUEST, CONTACT = Secret(b"a guest's key, of 32 octets, yes."[:32]), Secret(b"a contact's key, of 32 octets, 1"[:32])


def device_onion(account: Account) -> OnionKey:
    return onion_of(account.host.device_onion)


async def device_route(account: Account) -> Route:
    """The route to an account's device onion, as its contacts get it."""
    return replace(await own_route(account.host), device_id=account.host.device_id)


@pytest.fixture
def world() -> VirtualNetwork:
    return VirtualNetwork()


async def test_a_stranger_at_the_device_onion_is_turned_away_once_it_has_said_who_it_is(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.contacts = {peer_of(CONTACT)}
        guest = await stranger.knock(world, alice.peer, GUEST, onion=device_onion(alice))
        await guest.prove()
        await guest.is_closed(CloseReason.GOING_AWAY)
        assert alice.host.nearness.all == []
        assert alice.host.received.all == []


async def test_a_contact_is_admitted_at_the_device_onion(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.contacts = {peer_of(CONTACT)}
        contact = await stranger.enter(world, alice.peer, CONTACT, onion=device_onion(alice))
        await alice.host.sees(contact.peer, reachable=True)
        assert alice.transport.reachable(contact.peer, contact.device.device_id)
        assert alice.host.lost_routes.all == []


async def test_a_contact_at_the_identity_onion_has_lost_our_routes(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.contacts = {peer_of(CONTACT)}
        await stranger.enter(world, alice.peer, GUEST)
        contact = await stranger.enter(world, alice.peer, CONTACT)
        await alice.host.sees(contact.peer, reachable=True)
        assert alice.host.lost_routes.all == [contact.peer]


async def test_with_requests_off_the_identity_onion_is_gone_and_contacts_go_on(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.contacts = {peer_of(CONTACT)}
        guest = await stranger.enter(world, alice.peer, GUEST)
        contact = await stranger.enter(world, alice.peer, CONTACT, onion=device_onion(alice))
        alice.host.accept_requests(accepted=False)
        await guest.is_closed(CloseReason.GOING_AWAY)
        assert not world.answers_at(alice.peer.identity_onion, PORT)
        assert world.answers_at(device_onion(alice), PORT)
        assert alice.host.states.all[-1].phase is ONLINE
        await contact.say(FrameType.ENVELOPE, 0, b"still here")
        await alice.host.receives(b"still here")
        told = len(alice.host.states.all)
        alice.host.accept_requests(accepted=True)
        await alice.host.states.until(lambda states: [each.phase for each in states[told:]][-2:] == [STARTING, ONLINE])
        await stranger.enter(world, alice.peer, GUEST)


async def test_a_device_route_leads_to_the_device_onion(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        sent = alice.host.outgoing(b"hello")
        await alice.transport.send(bob.peer, [await device_route(bob)], sent)
        assert await alice.host.finals(sent) == [Outcome.DELIVERED]
        assert [dial.address for dial in world.dials] == [device_onion(bob)]
        assert bob.host.lost_routes.all == []


def signed(key: Secret, peer: PeerId, device_id: bytes, *, names: OnionKey | None = None) -> Route:
    """A device route, signed by `key` for this device of this peer; it may name another onion than that of the key."""
    signature = sign(key, domain=DOMAIN, message=peer.octets + device_id)
    address = (names or onion_of(key)).octets + signature
    return Route(transport="transport_tor_direct", address=address, device_id=device_id)


BAD_ROUTES: dict[str, Callable[[Account, Route], Route]] = {
    "another one's onion": lambda bob, _: signed(GUEST, bob.peer, bob.host.device_id, names=onion_of(CONTACT)),
    "signed for another peer": lambda bob, _: signed(GUEST, peer_of(CONTACT), bob.host.device_id),
    "signed for another device": lambda bob, good: replace(
        signed(GUEST, bob.peer, bytes(16)), device_id=good.device_id
    ),
    "signed by the identity key": lambda bob, _: signed(
        bob.host.key, bob.peer, bob.host.device_id, names=onion_of(GUEST)
    ),
    "the identity onion as a device onion": lambda bob, _: signed(bob.host.key, bob.peer, bob.host.device_id),
    "for no device": lambda _, good: replace(good, device_id=None),
    "another one's identity onion": lambda _, good: replace(good, address=peer_of(CONTACT).octets),
    "a sealing key": lambda _, good: replace(good, sealing_key=bytes(32)),
    "a client key, which no network can use": lambda _, good: replace(good, client_key=bytes(32)),
    "an octet short": lambda _, good: replace(good, address=good.address[:-1]),
}


@pytest.mark.parametrize("bad", BAD_ROUTES.values(), ids=BAD_ROUTES)
async def test_a_route_that_is_not_theirs_is_not_dialled(
    account: Start, world: VirtualNetwork, bad: Callable[[Account, Route], Route]
) -> None:
    async with account(world) as alice, account(world) as bob:
        for _ in range(2):
            with pytest.raises(PeerUnreachable):
                await alice.transport.send(bob.peer, [bad(bob, await device_route(bob))], [])
        assert not world.dials


async def test_the_first_route_that_is_theirs_is_used(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        good = await device_route(bob)
        bad = [make(bob, good) for make in BAD_ROUTES.values()]
        await alice.transport.send(bob.peer, [*bad, good], [])
        assert [dial.address for dial in world.dials] == [device_onion(bob)]


async def test_what_is_for_one_device_goes_to_no_other(account: Start, world: VirtualNetwork) -> None:
    """Bob has gone on from a backup, and is another device, while Alice comes by his identity onion."""
    async with account(world) as alice, account(world) as bob:
        (first,) = alice.transport.first_routes(bob.peer)
        for _ in range(2):
            with pytest.raises(PeerUnreachable, match="another device"):
                await alice.transport.send(bob.peer, [replace(first, device_id=bytes(16))], [])
        await alice.transport.send(bob.peer, [first], alice.host.outgoing(b"whoever is there"))
        await bob.host.receives(b"whoever is there")
        with pytest.raises(PeerUnreachable):
            await alice.transport.send(bob.peer, [replace(first, device_id=bytes(16))], [])


async def test_a_dial_for_whoever_answers_and_one_for_the_device_make_one_stream(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world) as alice, account(world) as bob:
        (first,), good = alice.transport.first_routes(bob.peer), await device_route(bob)
        async with anyio.create_task_group() as tasks:
            for number, route in enumerate((first, good, first, good)):
                tasks.start_soon(alice.transport.send, bob.peer, [route], alice.host.outgoing(b"%d" % number))
        await bob.host.received.until(lambda received: len(received) == 4)
        assert world.streams_between(alice.node, bob.node) == 1


async def test_two_devices_of_a_contact_have_a_stream_each(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        one = await stranger.enter(world, alice.peer, CONTACT, onion=device_onion(alice))
        other = await stranger.knock(world, alice.peer, CONTACT, onion=device_onion(alice))
        other.use_device(b"their other one.")
        await other.prove()
        assert (await other.next()).type is FrameType.READY
        for number, each in enumerate((one, other)):
            await each.say(FrameType.ENVELOPE, 0, b"%d" % number)
        await alice.host.received.until(lambda received: len(received) == 2)
        await one.leave()
        await alice.host.nearness.until(lambda news: not news[-1].reachable)
        assert not alice.transport.reachable(one.peer, one.device.device_id)
        assert alice.transport.reachable(one.peer, other.device.device_id)
        assert alice.transport.reachable(one.peer)


async def test_a_flood_at_the_identity_onion_keeps_no_contact_out_of_a_handshake(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world, DirectSettings(max_handshakes=4)) as alice:
        contact = await stranger.knock(world, alice.peer, CONTACT, onion=device_onion(alice))
        for _ in range(20):
            await stranger.knock(world, alice.peer)
            await anyio.wait_all_tasks_blocked()
        await contact.prove()
        assert (await contact.next()).type is FrameType.READY


async def test_what_the_device_onion_signs_is_as_the_specification_says() -> None:
    host = FakeTransportContext(VirtualNetwork().node(), key=GUEST)
    route = await own_route(host)
    onion, signature = OnionKey(route.address[:32]), route.address[32:]
    assert onion == await host.onion_key(OwnOnion.DEVICE)
    host.verify(
        onion,
        domain="balchat-device-onion-v1",
        message=host.identity.octets + host.device_id,
        signature=signature,
    )
