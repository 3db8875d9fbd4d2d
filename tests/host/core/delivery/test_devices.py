"""Each device of a contact's gets what is for the contact; it is theirs once one of them has it."""

from __future__ import annotations

import pytest

from balchat_host.api.errors import MalformedContent
from balchat_host.api.transport import Outcome
from balchat_host.api.types import Route
from balchat_host.api.views import MessageState
from balchat_host.core import peers, routes
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import outgoing, queue, reports
from balchat_host.core.unit_of_work import SendPending

PHONE = b"the second phone"


@pytest.fixture
def devices(pair) -> tuple[bytes, bytes]:
    """The ids of Bob's two devices."""
    pair.with_bob(
        lambda unit, bob: unit.tx.execute("INSERT INTO device (peer, device_id) VALUES (?, ?)", (bob.id, PHONE))
    )
    first, second = pair.alice.read(lambda tx: peers.device_ids(tx, pair.bob.peer))
    return first, second


def tickets_to(pair, device_id: bytes) -> list[int]:
    found = pair.alice.read(
        lambda tx: outgoing.pending(tx, pair.bob.peer, device_id=device_id, after=0, now=pair.now, limit=100)
    )
    return [each.ticket for each in found.outgoing]


def test_a_message_leaves_for_each_device(pair, devices) -> None:
    pair.write("one")
    (first,), (second,) = (tickets_to(pair, device_id) for device_id in devices)
    assert first != second
    assert pair.tickets() == [first, second]
    assert pair.count("payload") == 1


def test_a_worker_is_woken_for_each_device(pair, devices) -> None:
    pair.with_bob(lambda unit, bob: queue.wake(unit, bob.peer))
    assert pair.effects == [SendPending(peer=pair.bob.peer, device_id=device_id) for device_id in devices]


def test_it_is_delivered_when_one_device_has_it_and_still_leaves_for_the_other(pair, devices) -> None:
    (message,) = pair.write("one")
    (first,), (second,) = (tickets_to(pair, device_id) for device_id in devices)
    pair.report(second, Outcome.DELIVERED)
    assert pair.state(message) == (MessageState.DELIVERED, None)
    assert pair.tickets() == [first]
    pair.report(first, Outcome.SENT)
    assert pair.state(message) == (MessageState.DELIVERED, None)
    pair.report(first, Outcome.DELIVERED)
    assert pair.tickets() == []
    assert pair.count("payload") == 0


def test_what_is_for_no_device_leaves_with_what_is_for_the_first(pair, devices) -> None:
    pair.with_bob(lambda unit, bob: queue.queue_key_package_request(unit, bob, not_before=0))
    first, second = devices
    assert len(tickets_to(pair, first)) == 1
    assert tickets_to(pair, second) == []


def test_nothing_leaves_for_a_device_that_is_not_theirs(pair, devices) -> None:
    pair.write("one")
    assert tickets_to(pair, b"nobody's device ") == []


def test_what_one_device_says_ends_its_own_delivery_only(pair, devices) -> None:
    (message,) = pair.write("one")
    (first,), (second,) = (tickets_to(pair, device_id) for device_id in devices)
    said = [(bytes.fromhex(message), MessageStatus.DELIVERED)]
    pair.with_bob(lambda unit, bob: reports.apply_statuses(unit, bob, said, device_id=devices[1]))
    assert pair.state(message) == (MessageState.DELIVERED, None)
    assert pair.tickets() == [first]
    assert second != first


def test_what_a_device_says_whose_place_another_one_took_ends_no_delivery(pair, devices) -> None:
    (message,) = pair.write("one")
    waiting = pair.tickets()
    said = [(bytes.fromhex(message), MessageStatus.DELIVERED)]
    pair.with_bob(lambda unit, bob: reports.apply_statuses(unit, bob, said, device_id=b"a former device."))
    assert pair.tickets() == waiting


def test_routes_of_one_device_leave_those_of_the_other_alone(pair, devices) -> None:
    for device_id in devices:
        way = Route(transport="x", address=device_id, device_id=device_id)
        pair.with_bob(lambda unit, bob, way=way: routes.learn(unit, bob, routes.encode([way]), device_id=way.device_id))
    for device_id in devices:
        (way,) = pair.alice.read(lambda tx, each=device_id: routes.known(tx, pair.bob.peer, now=0, device_id=each))
        assert (way.address, way.device_id) == (device_id, device_id)
    pair.with_bob(lambda unit, bob: routes.learn(unit, bob, routes.encode([]), device_id=PHONE))
    assert len(pair.alice.read(lambda tx: routes.known(tx, pair.bob.peer, now=0))) == 1


def test_a_device_names_no_routes_of_another_one(pair, devices) -> None:
    body = routes.encode([Route(transport="x", address=b"x", device_id=devices[0])])
    with pytest.raises(MalformedContent, match="another device"):
        pair.with_bob(lambda unit, bob: routes.learn(unit, bob, body, device_id=PHONE))
