"""What is kept of relays and queues: two tasks that change one row at once both get what they want."""

from __future__ import annotations

import anyio
import pytest
from balchat_relay_proto.address import RelayAddress
from balchat_transport_relay.relay_state import RelayState

from balchat_host.api.types import PeerId
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.virtual_network import VirtualNetwork

pytestmark = pytest.mark.anyio

RELAY, BOB = RelayAddress(relay_key=bytes(32), permit=None), PeerId(bytes([1]) * 32)
NOW = 1_800_000_000


def now() -> float:
    return NOW


@pytest.fixture
def context() -> FakeTransportContext:
    return FakeTransportContext(VirtualNetwork().node())


@pytest.fixture
async def state(context: FakeTransportContext) -> RelayState:
    state = RelayState(context, now)
    await state.open()
    await state.use_relay(RELAY)
    return state


async def at_once(*calls) -> None:
    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(call)


async def test_a_relay_stays_left_while_its_cards_are_noted(context: FakeTransportContext, state: RelayState) -> None:
    (row,) = state.used
    await at_once(lambda: state.leave_relay(row), lambda: state.set_cards_until(row.key, NOW + 1))
    reopened = RelayState(context, now)
    await reopened.open()
    for each in (state, reopened):
        assert not each.used
        assert [each.cards_until(kept) for kept in each.relays] == [NOW + 1]


async def test_a_queue_is_deleted_at_its_relay_though_it_was_created_when_its_contact_was_forgotten(
    context: FakeTransportContext, state: RelayState
) -> None:
    (queue,) = await state.allocate_queues(BOB)
    await at_once(lambda: state.set_created(queue.id, created=True), lambda: state.forget(BOB))
    reopened = RelayState(context, now)
    await reopened.open()
    for each in (state, reopened):
        assert [(kept.created, kept.retired_at) for kept in each.queues(peer=BOB)] == [(True, 0)]
