"""Bulk streams: a circuit each, contacts only, at the device onion only, and no more than the limits."""

from __future__ import annotations

from dataclasses import replace
from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from balchat_transport_tor_direct.device_route import own_route
from balchat_transport_tor_direct.frames import CloseReason, FrameType
from balchat_transport_tor_direct.handshake import Dialler, Purpose
from balchat_transport_tor_direct.settings import DirectSettings

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.types import OnionKey, Route, Secret
from balchat_host.testing.fake_transport_context import peer_of
from balchat_host.testing.virtual_network import VirtualNetwork, onion_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import ByteStream

    from balchat_host.api.types import DeviceIdentity
    from conftest import Account, Stranger

    Start = Callable[..., AbstractAsyncContextManager[Account]]

pytestmark = pytest.mark.anyio

GUEST, CONTACT = Secret(b"a guest's key, of 32 octets, yes."[:32]), Secret(b"a contact's key, of 32 octets, 1"[:32])


def device_onion(account: Account) -> OnionKey:
    return onion_of(account.host.device_onion)


async def device_route(account: Account) -> Route:
    return replace(await own_route(account.host), device_id=account.host.device_id)


def for_bulk(stranger: Stranger) -> Stranger:
    """Have them ask for a bulk stream."""
    peer, onion = stranger.dialled
    stranger.machine = Dialler(
        us=stranger.device, peer=peer, device_id=None, onion=onion, nonce=urandom(32), purpose=Purpose.BULK
    )
    return stranger


async def test_each_bulk_stream_has_a_circuit_of_its_own(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        route = await device_route(bob)
        await alice.transport.send(bob.peer, [route], [])
        async with (
            await alice.transport.open_bulk(bob.peer, [route]),
            await alice.transport.open_bulk(bob.peer, [route]),
        ):
            pass
        assert len({dial.isolation for dial in world.dials}) == 3
        assert {dial.address for dial in world.dials} == {device_onion(bob)}


async def test_a_bulk_stream_is_no_link(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        async with await alice.transport.open_bulk(bob.peer, [await device_route(bob)]):
            await bob.host.bulk.until(bool)
            assert not alice.transport.reachable(bob.peer)
            assert not bob.transport.reachable(alice.peer)
        assert alice.host.nearness.all == bob.host.nearness.all == []


async def test_a_bulk_stream_goes_to_no_identity_onion(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        with pytest.raises(PeerUnreachable, match="no route to its device"):
            await alice.transport.open_bulk(bob.peer, alice.transport.first_routes(bob.peer))
        assert not world.dials


async def test_at_the_identity_onion_a_bulk_stream_is_a_violation(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        contact = for_bulk(await stranger.knock(world, alice.peer, CONTACT))
        await contact.stream.send(contact.machine.start())
        await contact.is_closed(CloseReason.VIOLATION)
        assert alice.host.bulk.all == []


@pytest.mark.parametrize("purpose", Purpose)
async def test_who_is_no_contact_is_told_the_same_whatever_they_want(
    account: Start, stranger: type[Stranger], world: VirtualNetwork, purpose: Purpose
) -> None:
    async with account(world) as alice:
        alice.host.contacts = {peer_of(CONTACT)}
        guest = await stranger.knock(world, alice.peer, GUEST, onion=device_onion(alice))
        if purpose is Purpose.BULK:
            for_bulk(guest)
        await guest.prove()
        await guest.is_closed(CloseReason.GOING_AWAY)
        assert alice.host.bulk.all == []


async def test_octets_behind_the_handshake_are_the_hosts(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        contact = for_bulk(await stranger.knock(world, alice.peer, CONTACT, onion=device_onion(alice)))
        await contact.prove()
        assert (await contact.next()).type is FrameType.READY
        await contact.stream.send(b"\x12\x34 no frame of ours")
        assert await contact.stream.receive() == b"\x12\x34 no frame of ours"


async def test_what_comes_right_behind_ready_is_not_lost(account: Start, world: VirtualNetwork) -> None:
    async def speak_first(source: DeviceIdentity, stream: ByteStream) -> None:
        del source
        await stream.send(bytes(range(200)))
        await stream.receive()

    world.delay = lambda: 0.01  # READY and what follows it arrive as one piece
    async with account(world) as alice, account(world) as bob:
        bob.host.serve_bulk = speak_first
        async with await alice.transport.open_bulk(bob.peer, [await device_route(bob)]) as stream:
            octets = b""
            with anyio.fail_after(60):
                while len(octets) < 200:
                    octets += await stream.receive(7)
        assert octets == bytes(range(200))


async def test_when_contacts_have_too_many_the_new_one_is_turned_away(account: Start, world: VirtualNetwork) -> None:
    async with (
        account(world) as alice,
        account(world) as carol,
        account(world, DirectSettings(max_bulk_streams=2)) as bob,
    ):
        route = await device_route(bob)
        async with (
            await alice.transport.open_bulk(bob.peer, [route]) as one,
            await alice.transport.open_bulk(bob.peer, [route]),
        ):
            with pytest.raises(PeerUnreachable, match="too much to do"):
                await carol.transport.open_bulk(bob.peer, [route])
            await one.send(b"!")
            assert await one.receive() == b"!"
        await bob.host.bulk_ended.until(lambda ended: len(ended) == 2)
        async with await carol.transport.open_bulk(bob.peer, [route]):
            pass


async def test_a_stream_that_breaks_in_the_handshake_says_so(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        route = await device_route(bob)
        alice.host.signing.close()

        async def break_it() -> None:
            await alice.host.signing.reached.until(bool)
            world.break_streams(alice.node, bob.node)
            alice.host.signing.open()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(break_it)
            with pytest.raises(PeerUnreachable, match="broke during the handshake"):
                await alice.transport.open_bulk(bob.peer, [route])


async def test_opening_one_ends_where_the_peer_is_disconnected(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        route = await device_route(bob)
        alice.host.dialling.close()

        async def disconnect() -> None:
            await alice.host.dialling.reached.until(bool)
            await alice.transport.disconnect(bob.peer)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(disconnect)
            with pytest.raises(PeerUnreachable, match="disconnected"):
                await alice.transport.open_bulk(bob.peer, [route])


async def test_what_was_ended_is_broken_and_not_closed(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        stream = await alice.transport.open_bulk(bob.peer, [await device_route(bob)])
        await alice.transport.disconnect(bob.peer)
        with pytest.raises(BrokenResourceError):
            await stream.receive()
        with pytest.raises(BrokenResourceError):
            await stream.send(b"!")
        await bob.host.bulk_ended.until(bool)


async def test_half_of_a_bulk_stream_can_be_closed(account: Start, world: VirtualNetwork) -> None:
    async with (
        account(world) as alice,
        account(world) as bob,
        await alice.transport.open_bulk(bob.peer, [await device_route(bob)]) as stream,
    ):
        await stream.send(b"all of it")
        await stream.send_eof()
        assert await stream.receive() == b"all of it"
        with pytest.raises(EndOfStream):
            await stream.receive()
