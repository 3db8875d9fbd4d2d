"""The owner of what is known of queues: its readers change nothing, and a queue is in one state at a time."""

from __future__ import annotations

from typing import Final

import anyio
import pytest
import trio
from balchat_relay_proto.capabilities import Capability
from balchat_relay_proto.errors import Code
from balchat_relay_proto.sealing import OpeningKey
from balchat_transport_relay.errors import RelayMisbehaved
from balchat_transport_relay.health import Health
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.rows import QueueRow
from balchat_transport_relay.sources import Queue
from balchat_transport_relay.subscriptions import Subscriptions
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from balchat_host.api.types import PeerId

KEY: Final = OpeningKey.generate()
QUEUES: Final = [
    Queue(
        QueueRow(
            relay=bytes(32),
            peer=bytes(32),
            send=Capability(bytes([number]) * 32),
            receive=Capability(bytes(32)),
            key=KEY.octets,
            made_at=0,
        )
    )
    for number in range(3)
]
ENVELOPES: Final = [bytes([number]) * 32 for number in range(3)]
PATIENCE: Final = 120.0

queues = st.sampled_from(QUEUES)
numbers = st.integers(1, 4)
commands = st.one_of(
    st.tuples(st.just("listen_to"), st.lists(queues, unique=True)),
    st.tuples(st.sampled_from(["connect", "disconnect", "subscribe", "unsubscribe"])),
    st.tuples(st.just("confirmed"), numbers),
    st.tuples(st.just("ended"), numbers, st.sampled_from(Code), st.none() | st.integers(0, 10_000)),
    st.tuples(st.just("arrived"), numbers, st.integers(0, 9), st.sampled_from(ENVELOPES)),
    st.tuples(st.just("refused"), queues, st.sampled_from(Code), st.none() | st.integers(0, 10_000)),
    st.tuples(st.sampled_from(["recreated", "begin_offer"]), queues),
    st.tuples(st.just("offer_in"), queues, st.integers(0, 10_000)),
    st.tuples(st.just("deleted"), queues, st.lists(st.sampled_from(ENVELOPES))),
    st.tuples(st.just("sleep"), st.integers(1, 4000)),
)


def new() -> Subscriptions:
    health = Health(lambda: None, lambda: 0.0)
    relay = PeerId(bytes(32))
    return Subscriptions(None, relay, Reassembly(), health=health, poll=300.0, on_lost=lambda: None)


def obey(owner: Subscriptions, name: str, *arguments) -> None:
    """Do a command as `Listener` and `PushSession` would, or raise RelayMisbehaved."""
    match name:
        case "subscribe":
            if owner.connected and owner.to_subscribe:
                owner.subscribe(owner.to_subscribe[0].id, answer_within=PATIENCE)
        case "unsubscribe":
            if owner.to_unsubscribe:
                owner.unsubscribe(owner.to_unsubscribe[0])
        case "connect":
            if not owner.connected:
                owner.connect()
        case _:
            getattr(owner, name)(*(each.id if isinstance(each, Queue) else each for each in arguments))


def ids(sources) -> list[bytes]:
    return [source.id for source in sources]


def read(owner: Subscriptions) -> list[object]:
    """Return what every reader says."""
    said: list[object] = [owner.lost, owner.idle, owner.to_unsubscribe, owner.connected]
    said += [ids(each) for each in (owner.to_subscribe, owner.to_poll, owner.to_offer, owner.pushed)]
    said += [owner.next_offer, owner.next_subscription, owner.answer_by]
    for queue in QUEUES:
        said += [owner.paused(queue.id), owner.progress(queue.id, ENVELOPES)]
    for number in range(1, 5):
        try:
            said.append(owner.queue_of(number))
        except RelayMisbehaved:
            said.append("no such number")
    return said


def check(owner: Subscriptions) -> None:
    paused = {queue.id for queue in QUEUES if owner.paused(queue.id)}
    pushed, polled, subscribable = (set(ids(each)) for each in (owner.pushed, owner.to_poll, owner.to_subscribe))
    assert not pushed & polled
    assert not paused & (polled | subscribable)
    assert subscribable <= polled
    if not owner.connected:
        assert not pushed
    for queue in QUEUES:
        assert (owner.progress(queue.id, ENVELOPES) is not None) == (queue.id in pushed)


@pytest.mark.fuzz
@given(st.lists(commands, max_size=40))
def test_reading_changes_nothing_and_a_queue_is_in_one_state(given_commands: list[tuple]) -> None:
    async def run() -> None:
        left_alone, watched = new(), new()
        beginning = [("listen_to", QUEUES), ("connect",), *[("subscribe",)] * len(QUEUES), ("confirmed", 1)]
        for name, *arguments in [*beginning, *given_commands]:
            if name == "sleep":
                await anyio.sleep(*arguments)
                continue
            outcomes: list[bool] = []
            for owner in (left_alone, watched):
                try:
                    obey(owner, name, *arguments)
                except RelayMisbehaved:
                    outcomes.append(False)
                else:
                    outcomes.append(True)
            assert outcomes[0] == outcomes[1]
            if name == "ended":
                assert arguments[0] not in watched.to_unsubscribe
            if name == "refused":
                assert arguments[0].id not in ids(watched.pushed)
            read(watched)
            check(watched)
        assert read(left_alone) == read(watched)

    trio.run(run, clock=MockClock(autojump_threshold=0))
