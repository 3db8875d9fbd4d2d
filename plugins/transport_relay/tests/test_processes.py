"""With a real relay as a process of its own, which is killed (SIGKILL) while people use it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread
from balchat_transport_relay.rows import RelayRow
from balchat_transport_relay.settings import RelaySettings
from balchat_transport_relay.transport import RelayTransport

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Outcome
from balchat_host.api.types import Phase, Secret
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.waiting import running
from tests.support.loopback_network import LoopbackNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from balchat_relay.testing.program import RelayProgram

    from balchat_host.testing.dict_area import DictArea

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def account(
    own_relay: RelayProgram,
    *,
    add: bool = False,
    key: Secret | None = None,
    area: DictArea | None = None,
    **settings: int,
) -> AsyncGenerator[tuple[FakeTransportContext, RelayTransport]]:
    assert own_relay.socket is not None
    network = LoopbackNetwork(own_relay.socket.parent)
    host = FakeTransportContext(network, key=key, area=area)
    transport = RelayTransport(host, RelaySettings(**settings))
    async with running(network), running(transport):
        if add:
            await transport.relays.add(own_relay.address)
            await host.states.reach(Phase.ONLINE)
        yield host, transport


async def test_whatever_was_stored_is_there_after_a_kill_and_comes_in_order(own_relay) -> None:
    key = Secret(urandom(32))
    async with account(own_relay) as (alice, sending):
        async with account(own_relay, add=True, key=key) as (bob, receiving):
            routes = await receiving.allocate_routes(alice.identity)
            area = bob.area
        stored: list[bytes] = []
        for number in range(5):
            envelopes = [b"%d/%d" % (number, each) for each in range(10)]
            outgoing = alice.outgoing(*envelopes)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send, sending, bob.identity, routes, outgoing)
                await alice.reports.until(lambda _, first=outgoing[0]: bool(alice.outcomes(first)))
                await to_thread.run_sync(own_relay.kill)
            answered = [each for each in outgoing if alice.outcomes(each)[-1] is Outcome.STORED]
            assert answered == outgoing[: len(answered)]
            stored += [each.envelope for each in answered]
            await to_thread.run_sync(own_relay.start)
        # Of what was not answered, one of each round may be there all the same.
        async with account(own_relay, key=key, area=area) as (again, _):
            last = alice.outgoing(b"last")
            await sending.send(bob.identity, routes, last)
            got = await again.received.until(lambda received: received[-1:] and received[-1].envelope == b"last")
        envelopes = [each.envelope for each in got]
        assert len(set(envelopes)) == len(envelopes)
        assert [each for each in envelopes if each in stored] == stored
        assert len(envelopes) <= len(stored) + 5 + 1


async def test_a_relay_whose_disk_is_full_says_so_and_takes_more_once_it_was_fetched_from(small_relay) -> None:
    key = Secret(urandom(32))
    async with account(small_relay) as (alice, sending):
        async with account(small_relay, add=True, key=key) as (bob, receiving):
            routes = await receiving.allocate_routes(alice.identity)
            area = bob.area
        outgoing = alice.outgoing(*[b"%d" % number for number in range(100)])
        await sending.send(bob.identity, routes, outgoing)
        reports = [await alice.final(each) for each in outgoing]
        stored = [report.outcome for report in reports].index(Outcome.REFUSED)
        assert stored > 10
        assert (reports[stored].reason, reports[stored].retry_after is not None) == ("relay-full", True)
        assert {report.outcome for report in reports[stored + 1 :]} == {Outcome.LOST}
        # It gives what it has, and by that makes room for what was refused.
        async with account(small_relay, key=key, area=area) as (again, _):
            await again.receives(*[each.envelope for each in outgoing[:stored]])
            await again.states.reach(Phase.ONLINE)
            with anyio.fail_after(60):
                for each in outgoing[stored:]:
                    outcome = Outcome.LOST
                    while outcome is not Outcome.STORED:
                        again_outgoing = alice.outgoing(each.envelope)
                        await sending.send(bob.identity, routes, again_outgoing)
                        (outcome,) = await alice.finals(again_outgoing)
            await again.receives(*[each.envelope for each in outgoing])


async def send(transport, peer, routes, outgoing) -> None:
    await transport.send(peer, routes, outgoing)


async def test_a_relay_that_comes_back_is_listened_to_again(own_relay) -> None:
    async with account(own_relay) as (alice, sending), account(own_relay, add=True) as (bob, receiving):
        routes = await receiving.allocate_routes(alice.identity)
        await to_thread.run_sync(own_relay.kill)
        await bob.states.reach(Phase.DEGRADED)
        with pytest.raises(PeerUnreachable):
            await sending.send(bob.identity, routes, alice.outgoing(b"too early"))
        await to_thread.run_sync(own_relay.start)
        await sending.send(bob.identity, routes, alice.outgoing(b"in time"))
        await bob.receives(b"in time")
        await bob.states.reach(Phase.ONLINE)


async def test_old_cards_are_taken_out_and_new_ones_put_in(own_relay) -> None:
    key = Secret(urandom(32))
    async with account(own_relay) as (_, asking):
        async with account(own_relay, add=True, key=key, key_packages=4) as (bob, _):
            area = bob.area
        # For all that the account knows, what it has published is out of date.
        for name, octets in area.rows.items():
            if name.startswith(b"relay/"):
                row = RelayRow.from_octets(octets)
                assert row.cards_until == 2**40
                area.rows[name] = replace(row, cards_until=1).to_octets()
        async with account(own_relay, key=key, area=area, key_packages=4) as (again, _):
            again._key_packages = 100
            await again.states.reach(Phase.ONLINE)
            made = await asking.claim_key_package(bob.identity, [own_relay.peer.onion])
            assert made is not None
            assert made.startswith(b"key package 10")
