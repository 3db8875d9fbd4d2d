"""What transports report of a delivery, and contacts say of a message, takes it further, once, and never back."""

from __future__ import annotations

import pytest

from balchat_host.api.events import MessageChanged
from balchat_host.api.transport import Latency, Outcome
from balchat_host.api.views import ContactState, MessageState
from balchat_host.core import contacts, event_log
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.messages import reading
from tests.support.devices import device_of

MINUTE = 60


def states_told(pair, *, after: int) -> list[MessageState]:
    events, _ = pair.alice.read(lambda tx: event_log.read(tx, after=after, limit=100, now=0))
    return [event.message.state for event in events if isinstance(event, MessageChanged)]


@pytest.mark.parametrize(
    ("outcomes", "reached", "stays"),
    [
        ([Outcome.SENT], MessageState.SENT, True),
        ([Outcome.STORED], MessageState.RELAYED, True),
        ([Outcome.SENT, Outcome.LOST], MessageState.SENT, True),
        ([Outcome.STORED, Outcome.SENT], MessageState.RELAYED, True),
        ([Outcome.SENT, Outcome.DELIVERED], MessageState.DELIVERED, False),
        ([Outcome.DELIVERED, Outcome.SENT], MessageState.DELIVERED, False),
        ([Outcome.LOST], MessageState.QUEUED, True),
    ],
)
def test_reports_take_a_message_further_and_never_back(pair, outcomes, reached, stays) -> None:
    (message,) = pair.write("hello")
    (ticket,) = pair.tickets()
    for outcome in outcomes:
        pair.report(ticket, outcome)
    assert pair.state(message) == (reached, None)
    assert (pair.tickets() == [ticket]) == stays


def test_each_change_is_told_once(pair) -> None:
    pair.write("hello")
    (ticket,) = pair.tickets()
    before = pair.alice.read(event_log.newest)
    for outcome in (Outcome.SENT, Outcome.SENT, Outcome.STORED, Outcome.SENT, Outcome.DELIVERED, Outcome.DELIVERED):
        pair.report(ticket, outcome)
    assert states_told(pair, after=before) == [MessageState.SENT, MessageState.RELAYED, MessageState.DELIVERED]


def test_a_refusal_for_now_waits_as_long_as_the_peer_says(pair) -> None:
    (message,) = pair.write("hello")
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.REFUSED, reason="storage-full", retry_after=60.0)
    assert pair.tickets() == []
    assert pair.pending().look_again == pair.now + MINUTE * 1000
    assert pair.state(message) == (MessageState.QUEUED, None)
    pair.world.pass_time(MINUTE)
    assert pair.tickets() == [ticket]


def test_what_is_refused_for_no_time_at_all_leaves_again_after_a_second(pair) -> None:
    pair.write("again and again")
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.REFUSED, reason="storage-full", retry_after=0.0)
    assert pair.pending() == outgoing.Pending(outgoing=[], look_again=pair.now + 1000)


def test_a_refusal_for_good_fails_with_its_reason_and_what_follows_leaves(pair) -> None:
    first, second = pair.write("one", "two")
    refused, left = pair.tickets()
    pair.report(refused, Outcome.REFUSED, reason="malformed-envelope")
    assert pair.state(first) == (MessageState.FAILED, "malformed-envelope")
    assert pair.state(second) == (MessageState.QUEUED, None)
    assert pair.tickets() == [left]
    pair.report(refused, Outcome.DELIVERED)
    assert pair.state(first) == (MessageState.FAILED, "malformed-envelope"), "what has failed stays so"


def test_what_those_who_store_refuse_shows_why_and_still_waits(pair) -> None:
    (message,) = pair.write("hello")
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.REFUSED, reason="storage-full", latency=Latency.STORE_AND_FORWARD)
    assert pair.state(message) == (MessageState.QUEUED, "storage-full")
    assert pair.tickets() == [ticket]
    pair.report(ticket, Outcome.STORED, latency=Latency.STORE_AND_FORWARD)
    assert pair.state(message) == (MessageState.RELAYED, None), "it was taken after all"


def say(unit, contact, said) -> None:
    reports.apply_statuses(unit, contact, said, device_id=device_of(unit.tx, contact))


def test_what_a_contact_says_of_a_message_ends_its_delivery(pair) -> None:
    (message,) = pair.write("hello")
    (ticket,) = pair.tickets()
    for status, reached in (
        (MessageStatus.DELIVERED, MessageState.DELIVERED),
        (MessageStatus.READ, MessageState.READ),
        (MessageStatus.DELIVERED, MessageState.READ),
    ):
        said = [(bytes.fromhex(message), status)]
        pair.with_bob(lambda unit, bob, said=said: say(unit, bob, said))
        assert pair.state(message) == (reached, None)
        assert pair.tickets() == []
    pair.report(ticket, Outcome.REFUSED, reason="malformed-envelope")
    assert pair.state(message) == (MessageState.READ, None)


def test_nobody_confirms_what_they_wrote_themselves_or_what_goes_to_others(pair) -> None:
    (message,) = pair.write("hello")
    theirs = pair.bob.write(pair.alice, "mine")
    pair.world.connect(pair.bob, pair.alice)
    pair.world.deliver(pair.bob, pair.alice)
    carol = pair.world.account("Carol")
    pair.alice.add(carol)
    said = [(bytes.fromhex(each), MessageStatus.READ) for each in (message, theirs.id)]
    pair.run(lambda unit: say(unit, contacts.find(unit.tx, "Carol"), said))
    pair.with_bob(lambda unit, bob: say(unit, bob, said[1:]))
    assert pair.state(message) == (MessageState.QUEUED, None)
    assert pair.state(theirs.id) == (MessageState.RECEIVED, None)
    assert pair.count("receipt") == 0


def test_a_key_package_request_stands_until_the_key_package_is_here(strangers) -> None:
    strangers.alice.add(strangers.bob)
    (ticket,) = strangers.tickets()
    strangers.report(ticket, Outcome.DELIVERED)
    assert strangers.tickets() == [ticket]
    strangers.world.connect(strangers.alice, strangers.bob)
    strangers.world.deliver(strangers.alice, strangers.bob)
    (request,) = strangers.pending().outgoing
    assert Envelope.decode(request.envelope).kind is Kind.CONTACT_REQUEST


def asked(strangers) -> int:
    """Have Alice ask Bob, as far as her contact request; return its ticket."""
    strangers.alice.add(strangers.bob)
    strangers.world.connect(strangers.alice, strangers.bob)
    strangers.world.deliver(strangers.alice, strangers.bob)
    (ticket,) = strangers.tickets()
    return ticket


def test_a_delivered_contact_request_takes_the_contact_further(strangers) -> None:
    strangers.report(asked(strangers), Outcome.DELIVERED)
    assert strangers.alice.read(lambda tx: contacts.find(tx, "Bob")).state is ContactState.REQUESTED
    assert strangers.count("payload") == 0


def test_first_contact_that_was_refused_for_good_begins_again_but_not_at_once(strangers) -> None:
    strangers.report(asked(strangers), Outcome.REFUSED, reason="crypto-rejected")
    assert strangers.tickets() == []
    assert strangers.pending().look_again == strangers.now + MINUTE * 1000
    assert strangers.count("era") == 0
    strangers.world.pass_time(MINUTE)
    (again,) = strangers.pending().outgoing
    assert Envelope.decode(again.envelope).kind is Kind.KEY_PACKAGE_REQUEST


def test_a_report_on_what_is_gone_changes_nothing(pair) -> None:
    pair.write("hello")
    (ticket,) = pair.tickets()
    pair.run(lambda unit: contacts.remove(unit, "Bob"))
    for outcome in Outcome:
        pair.report(ticket, outcome)
        assert pair.effects == []


def test_a_receipt_ends_when_it_is_stored_since_nothing_confirms_it(pair) -> None:
    said = [bytes(32)]
    pair.with_bob(lambda unit, bob: reading.send_receipts(unit, bob, said, MessageStatus.DELIVERED))
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.STORED, latency=Latency.STORE_AND_FORWARD)
    assert pair.count("payload") == pair.count("delivery") == 0
