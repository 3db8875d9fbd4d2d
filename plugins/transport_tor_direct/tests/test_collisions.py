"""Two accounts on a network with any delays and faults: one stream, nothing lost, nothing reported twice."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import anyio
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import Outcome
from balchat_host.testing.virtual_network import VirtualNetwork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from conftest import Account

    Start = Callable[..., AbstractAsyncContextManager[Account]]


def run(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), slowest=st.sampled_from([0.0, 0.1, 1.0, 4.0]), apart=st.floats(0, 3))
def test_dialling_each_other_at_once(account: Start, seed: int, slowest: float, apart: float) -> None:
    random = Random(seed)

    async def main() -> None:
        world = VirtualNetwork(delay=lambda: random.random() * slowest)
        async with account(world) as alice, account(world) as bob:

            async def converse(one: Account, other: Account, wait: float) -> None:
                await anyio.sleep(wait)
                sent = await one.send(other.peer, b"one", b"two")
                sent += await one.send(other.peer, b"three")
                assert set(await one.host.finals(sent, patience=1000)) == {Outcome.DELIVERED}

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(converse, alice, bob, 0.0)
                tasks.start_soon(converse, bob, alice, apart)
            for each in (alice, bob):
                await each.host.receives(b"one", b"two", b"three")
                assert [news.reachable for news in each.host.nearness.all] == [True]
            await anyio.sleep(1000)
            assert world.streams_between(alice.node, bob.node) == 1

    run(main)


async def insist(random: Random, one: Account, other: Account, envelope: bytes) -> None:
    """Send an envelope again and again, as an outbox does, until it is delivered."""
    for _ in range(100):
        try:
            (sent,) = await one.send(other.peer, envelope)
        except (PeerUnreachable, NetworkUnavailable):
            await anyio.sleep(1 + random.random())
            continue
        if (await one.host.final(sent, patience=1000)).outcome is Outcome.DELIVERED:
            return
    raise AssertionError("it was never delivered")


async def disturb(random: Random, world: VirtualNetwork, one: Account, other: Account) -> None:
    """Do everything to them that a network does."""
    for _ in range(10):
        await anyio.sleep(random.random() * 5)
        match random.randrange(4):
            case 0:
                world.break_streams(one.node, other.node)
            case 1:
                world.cut(one.node, other.node)
                await anyio.sleep(random.random() * 100)
                world.heal(one.node, other.node)
            case 2:
                one.node.go_offline()
                await anyio.sleep(random.random() * 10)
                one.node.come_online()
            case _:
                await other.transport.disconnect(one.peer)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), slowest=st.sampled_from([0.1, 1.0]))
def test_what_is_sent_until_it_is_delivered_arrives_whatever_breaks(account: Start, seed: int, slowest: float) -> None:
    random = Random(seed)

    async def main() -> None:
        world = VirtualNetwork(delay=lambda: random.random() * slowest)
        async with account(world) as alice, account(world) as bob:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(disturb, random, world, alice, bob)
                for number in range(20):
                    tasks.start_soon(insist, random, alice, bob, b"to bob %d" % number)
                    tasks.start_soon(insist, random, bob, alice, b"to alice %d" % number)
            for each, name in ((alice, b"alice"), (bob, b"bob")):
                got = {received.envelope for received in each.host.received.all}
                assert got == {b"to %s %d" % (name, number) for number in range(20)}
            await anyio.sleep(1000)
            assert world.streams_between(alice.node, bob.node) <= 1
            assert alice.transport.reachable(bob.peer) == bob.transport.reachable(alice.peer)

    run(main)
