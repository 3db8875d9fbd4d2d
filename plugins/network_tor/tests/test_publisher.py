"""How many onions tor is told of at once, in virtual time, with a tor that only takes notes."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import anyio
import pytest
from balchat_network_tor.control import Control, ControlFailure, DescriptorAction, DescriptorChanged
from balchat_network_tor.keys import expanded_key
from balchat_network_tor.onion import PublishedOnion
from balchat_network_tor.publisher import MOST_AT_ONCE, Publisher
from trio.testing import MockClock

from balchat_host.api.types import ONLINE, Phase, Secret
from balchat_host.testing.virtual_network import ignore_state

pytestmark = pytest.mark.anyio

NAMES = [f"onion{number}" for number in range(MOST_AT_ONCE + 3)]
A_MINUTE = 61.0


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


@pytest.fixture
def anyio_backend(clock: MockClock) -> tuple[str, dict[str, object]]:
    return "trio", {"clock": clock}


class ScriptedTor:
    """What the publisher asks of a control connection. An onion is known by its first port."""

    def __init__(self) -> None:
        self.told: list[tuple[int, ...]] = []
        self.removed: list[str] = []
        self.refuses = False

    def add_onion(self, key_blob: Secret, targets: Mapping[int, str]) -> None:
        del key_blob
        if self.refuses:
            raise ControlFailure("ADD_ONION", "no")
        self.told.append(tuple(targets))

    def remove_onion(self, service: str) -> None:
        self.removed.append(service)


@asynccontextmanager
async def scene() -> AsyncGenerator[tuple[Publisher, ScriptedTor, list[PublishedOnion]]]:
    """A publisher that has been told of all `NAMES`, each on a port of its own."""
    publisher, tor, onions = Publisher(), ScriptedTor(), list[PublishedOnion]()
    await publisher.use(cast("Control", tor))
    for number, name in enumerate(NAMES):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        onions.append(onion(publisher, listener.listeners[0], name, number))
        onions[-1].network_changed(ONLINE)
        await publisher.add(onions[-1])
    try:
        yield publisher, tor, onions
    finally:
        for each in onions:
            await each.close_streams()


def onion(publisher: Publisher, listener: object, name: str, port: int) -> PublishedOnion:
    return PublishedOnion(
        service=name,
        key_blob=expanded_key(Secret(bytes(32))),
        port=port,
        listener=cast("anyio.abc.SocketListener", listener),
        target="",
        max_incoming=1,
        on_state=ignore_state,
        withdraw=publisher.withdraw,
    )


async def sends(publisher: Publisher, name: str, *descriptors: str) -> None:
    """Have tor make descriptors of a service, and send each to a directory of the same name."""
    for descriptor in descriptors:
        made = DescriptorChanged(action=DescriptorAction.CREATED, service=name, descriptor=descriptor)
        await publisher.descriptor_changed(made)
    for descriptor in descriptors:
        sent = DescriptorChanged(
            action=DescriptorAction.UPLOAD, service=name, descriptor=descriptor, directory=descriptor
        )
        await publisher.descriptor_changed(sent)


async def answers(publisher: Publisher, name: str, directory: str, *, accepted: bool = True) -> None:
    action = DescriptorAction.UPLOADED if accepted else DescriptorAction.FAILED
    await publisher.descriptor_changed(DescriptorChanged(action=action, service=name, directory=directory))


async def test_a_service_can_be_found_once_both_its_descriptors_are_at_a_directory() -> None:
    async with scene() as (publisher, _, onions):
        await publisher.introduced(NAMES, online=True)
        await sends(publisher, NAMES[0], "of today", "of tomorrow")
        await answers(publisher, NAMES[0], "of tomorrow")
        assert onions[0].state.phase is Phase.STARTING, "who looks for that of today does not find it"
        await answers(publisher, NAMES[0], "of today", accepted=False)
        assert onions[0].state.phase is Phase.STARTING
        await sends(publisher, NAMES[0], "of today")
        await answers(publisher, NAMES[0], "of today")
        assert onions[0].state == ONLINE


async def test_a_directory_that_gets_both_descriptors_answers_for_each() -> None:
    async with scene() as (publisher, _, onions):
        await publisher.introduced(NAMES, online=True)
        for descriptor in ("of today", "of tomorrow"):
            sent = DescriptorChanged(
                action=DescriptorAction.UPLOAD, service=NAMES[0], descriptor=descriptor, directory="D"
            )
            await publisher.descriptor_changed(sent)
        await answers(publisher, NAMES[0], "D")
        assert onions[0].state.phase is Phase.STARTING
        await answers(publisher, NAMES[0], "D")
        assert onions[0].state == ONLINE


async def test_what_no_directory_takes_is_degraded_and_stays_online_once_it_was() -> None:
    async with scene() as (publisher, _, onions):
        await publisher.introduced(NAMES, online=True)
        await sends(publisher, NAMES[0], "of today")
        await answers(publisher, NAMES[0], "of today", accepted=False)
        assert onions[0].state.phase is Phase.DEGRADED
        await sends(publisher, NAMES[0], "of today")
        await answers(publisher, NAMES[0], "of today")
        await sends(publisher, NAMES[0], "of the day after")
        await answers(publisher, NAMES[0], "of the day after", accepted=False)
        assert onions[0].state == ONLINE


async def test_no_more_than_a_few_are_in_flight() -> None:
    async with scene() as (publisher, tor, onions):
        assert tor.told == [(number,) for number in range(MOST_AT_ONCE)]
        assert onions[-1].state.phase is Phase.STARTING
        for number, name in enumerate(NAMES):
            assert len(tor.told) <= MOST_AT_ONCE + number
            await sends(publisher, name, "of today")
            await answers(publisher, name, "of today")
        assert tor.told == [(number,) for number in range(len(NAMES))]


async def test_a_descriptor_that_a_directory_refuses_is_still_in_flight() -> None:
    async with scene() as (publisher, tor, _):
        await sends(publisher, NAMES[0], "of today")
        await answers(publisher, NAMES[0], "of today", accepted=False)
        assert len(tor.told) == MOST_AT_ONCE


async def test_what_is_never_taken_makes_room(clock: MockClock) -> None:
    async with scene() as (publisher, tor, _):
        clock.jump(A_MINUTE)
        await publisher.introduced((), online=True)
        assert len(tor.told) == len(NAMES)


async def test_an_outage_makes_no_burst(clock: MockClock) -> None:
    async with scene() as (publisher, tor, _):
        for _ in range(10):
            clock.jump(A_MINUTE)
            await publisher.introduced((), online=False)
        assert len(tor.told) == MOST_AT_ONCE


async def test_what_is_taken_back_does_not_wait_for_its_turn() -> None:
    async with scene() as (publisher, tor, onions):
        await publisher.withdraw(onions[0])
        assert tor.removed == [NAMES[0]]
        assert len(tor.told) == MOST_AT_ONCE + 1
        await publisher.withdraw(onions[-1])
        assert tor.removed == [NAMES[0]]


async def test_the_next_tor_is_told_everything_a_few_at_a_time() -> None:
    async with scene() as (publisher, tor, _):
        publisher.lose()
        tor.told.clear()
        await publisher.use(cast("Control", tor))
        assert tor.told == [(number,) for number in range(MOST_AT_ONCE)]


async def test_what_tor_refuses_keeps_nobody_waiting() -> None:
    async with scene() as (publisher, tor, onions):
        tor.refuses = True
        await sends(publisher, NAMES[0], "of today")
        await answers(publisher, NAMES[0], "of today")
        assert [each.state.phase for each in onions[MOST_AT_ONCE:]] == [Phase.DEGRADED] * 3
