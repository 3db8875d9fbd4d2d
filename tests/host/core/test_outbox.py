"""What waits to leave: in order, not before its time, once; and what a report makes of it."""

from __future__ import annotations

import pytest

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.views import ContactState, MessageState
from balchat_host.core import contacts, handshake, housekeeping, messages, outbox, progress
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.unit_of_work import SendPending
from balchat_host.testing.app_kit import nobody

BOB = nobody()
MINUTE = 60


@pytest.fixture
def bob(bench):
    """Give Bob, who is an active contact."""
    bench.settle()
    return bench.run(lambda unit: contacts.create(unit, BOB, name="Bob", state=ContactState.ACTIVE))


def queue(bench, bob, payload: bytes, *, kind: Kind = Kind.MLS_MESSAGE, **more) -> None:
    bench.run(lambda unit: outbox.queue(unit, bob, kind, payload=payload, **more))


def pending(bench, *, after: int = 0, limit: int = 100) -> outbox.Pending:
    return bench.run(lambda unit: outbox.pending(unit.tx, BOB, after=after, now=unit.now, limit=limit))


def payloads(bench, **more) -> list[bytes]:
    return [Envelope.decode(each.envelope).payload for each in pending(bench, **more).outgoing]


def tickets(bench) -> list[int]:
    return [each.ticket for each in pending(bench).outgoing]


def report(bench, ticket: int, outcome: Outcome, **more) -> None:
    told = SendReport(ticket=ticket, outcome=outcome, **more)
    bench.run(lambda unit: progress.apply_reports(unit, [(told, Latency.INTERACTIVE)]))


def write(bench, bob, text: str) -> str:
    """Write a message that waits for a group; stand in for its encryption. Give its id."""
    message = bench.run(lambda unit: messages.compose(unit, "Bob", text, reply_to=None))
    envelope = Envelope(kind=Kind.MLS_MESSAGE, payload=text.encode()).encode()
    bench.run(lambda unit: unit.tx.execute("UPDATE outbox SET envelope = ? WHERE envelope IS NULL", (envelope,)))
    return message.id


def state(bench, message_id: str) -> tuple[MessageState, str | None]:
    message = bench.run(lambda unit: messages.show(unit.tx, message_id))
    return message.state, message.reason


def test_what_can_leave_wakes_the_worker(bench, bob) -> None:
    queue(bench, bob, b"one")
    assert SendPending(peer=BOB) in bench.effects


def test_what_has_no_group_to_be_encrypted_in_waits_unseen_by_the_worker(bench, bob) -> None:
    bench.run(lambda unit: messages.compose(unit, "Bob", "early", reply_to=None))
    assert SendPending(peer=BOB) not in bench.effects
    assert pending(bench) == outbox.Pending(outgoing=[], look_again=None)
    assert bench.run(lambda unit: outbox.view(unit.tx)).waiting == 1


def test_it_leaves_in_order_and_by_pages(bench, bob) -> None:
    for payload in (b"one", b"two", b"three"):
        queue(bench, bob, payload)
    assert payloads(bench) == [b"one", b"two", b"three"]
    assert payloads(bench, limit=2) == [b"one", b"two"]
    assert payloads(bench, after=tickets(bench)[1]) == [b"three"]


def test_nothing_overtakes_what_must_wait(bench, bob) -> None:
    queue(bench, bob, b"one")
    queue(bench, bob, b"two", not_before=bench.now + MINUTE * 1000)
    queue(bench, bob, b"three")
    assert payloads(bench) == [b"one"]
    assert pending(bench).look_again == bench.now + MINUTE * 1000
    bench.pass_time(seconds=MINUTE)
    assert payloads(bench) == [b"one", b"two", b"three"]
    assert pending(bench).look_again is None


def test_nothing_leaves_for_somebody_who_is_blocked(bench, bob) -> None:
    queue(bench, bob, b"one")
    bench.run(lambda unit: contacts.block(unit, "Bob"))
    assert payloads(bench) == []
    bench.run(lambda unit: handshake.unblock(unit, "Bob"))
    assert SendPending(peer=BOB) in bench.effects
    assert payloads(bench) == [b"one"]


def test_a_ticket_is_never_given_out_twice(bench, bob) -> None:
    queue(bench, bob, b"one")
    (first,) = tickets(bench)
    report(bench, first, Outcome.DELIVERED)
    queue(bench, bob, b"two")
    assert tickets(bench) > [first]


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
def test_reports_take_a_message_further_and_never_back(bench, bob, outcomes, reached, stays) -> None:
    message = write(bench, bob, "hello")
    (ticket,) = tickets(bench)
    for outcome in outcomes:
        report(bench, ticket, outcome)
    assert state(bench, message) == (reached, None)
    assert (tickets(bench) == [ticket]) == stays


def test_a_refusal_for_now_waits_as_long_as_the_peer_says(bench, bob) -> None:
    message = write(bench, bob, "hello")
    (ticket,) = tickets(bench)
    report(bench, ticket, Outcome.REFUSED, reason="storage-full", retry_after=60.0)
    assert tickets(bench) == []
    assert pending(bench).look_again == bench.now + MINUTE * 1000
    assert state(bench, message) == (MessageState.QUEUED, None)
    bench.pass_time(seconds=MINUTE)
    assert tickets(bench) == [ticket]


def test_a_refusal_for_good_fails_with_its_reason_and_what_follows_leaves(bench, bob) -> None:
    first, second = write(bench, bob, "one"), write(bench, bob, "two")
    refused, left = tickets(bench)
    report(bench, refused, Outcome.REFUSED, reason="malformed-envelope")
    assert state(bench, first) == (MessageState.FAILED, "malformed-envelope")
    assert state(bench, second) == (MessageState.QUEUED, None)
    assert tickets(bench) == [left]
    report(bench, refused, Outcome.DELIVERED)
    assert state(bench, first) == (MessageState.FAILED, "malformed-envelope"), "what has failed stays so"


def test_a_key_package_request_stands_until_the_key_package_is_here(bench, bob) -> None:
    queue(bench, bob, b"", kind=Kind.KEY_PACKAGE_REQUEST)
    (ticket,) = tickets(bench)
    report(bench, ticket, Outcome.DELIVERED)
    assert tickets(bench) == [ticket]
    bench.run(lambda unit: outbox.drop(unit, bob, Kind.KEY_PACKAGE_REQUEST))
    assert tickets(bench) == []


def test_a_delivered_contact_request_takes_the_contact_further(bench) -> None:
    bench.settle()
    bob = bench.run(lambda unit: contacts.create(unit, BOB, name="Bob", state=ContactState.ADDING))
    queue(bench, bob, b"request", kind=Kind.CONTACT_REQUEST)
    report(bench, tickets(bench)[0], Outcome.DELIVERED)
    assert bench.run(lambda unit: contacts.find(unit.tx, "Bob")).state is ContactState.REQUESTED


def test_first_contact_that_was_refused_for_good_begins_anew_but_not_at_once(bench) -> None:
    bench.settle()
    bob = bench.run(lambda unit: contacts.create(unit, BOB, name="Bob", state=ContactState.ADDING))
    queue(bench, bob, b"request", kind=Kind.CONTACT_REQUEST)
    report(bench, tickets(bench)[0], Outcome.REFUSED, reason="crypto-rejected")
    assert tickets(bench) == []
    assert pending(bench).look_again == bench.now + MINUTE * 1000
    bench.pass_time(seconds=MINUTE)
    (again,) = pending(bench).outgoing
    assert Envelope.decode(again.envelope).kind is Kind.KEY_PACKAGE_REQUEST


def test_a_report_on_what_is_gone_changes_nothing(bench, bob) -> None:
    write(bench, bob, "hello")
    (ticket,) = tickets(bench)
    bench.run(lambda unit: unit.tx.execute("DELETE FROM outbox"))
    for outcome in Outcome:
        report(bench, ticket, outcome)
        assert bench.effects == []


def test_how_much_waits_and_since_when(bench, bob) -> None:
    assert bench.run(lambda unit: outbox.view(unit.tx)).oldest is None
    began = bench.now
    queue(bench, bob, b"one")
    bench.pass_time(seconds=5)
    queue(bench, bob, b"two")
    view = bench.run(lambda unit: outbox.view(unit.tx))
    assert (view.waiting, view.in_flight, view.oldest) == (2, 0, began)


def test_a_removed_contact_takes_what_waits_along(bench, bob) -> None:
    queue(bench, bob, b"one")
    bench.run(lambda unit: contacts.remove(unit, "Bob"))
    assert bench.run(lambda unit: outbox.view(unit.tx)).waiting == 0


def test_ids_of_envelopes_are_kept_for_ninety_days(bench) -> None:
    bench.run(lambda unit: unit.tx.execute("INSERT INTO received (envelope_id, at) VALUES (x'01', ?)", (unit.now,)))
    kept = lambda: bench.run(lambda unit: unit.tx.query("SELECT envelope_id FROM received"))  # noqa: E731  # short
    bench.pass_time(seconds=90 * 24 * 3600)
    bench.run(housekeeping.tidy)
    assert kept() == [(b"\x01",)]
    bench.pass_time(seconds=1)
    bench.run(housekeeping.tidy)
    assert kept() == []


def test_what_is_refused_for_no_time_at_all_leaves_again_after_a_second(bench, bob) -> None:
    queue(bench, bob, b"again and again")
    [ticket] = tickets(bench)
    report(bench, ticket, Outcome.REFUSED, reason="storage-full", retry_after=0.0)
    assert pending(bench) == outbox.Pending(outgoing=[], look_again=bench.now + 1000)


def test_what_was_queued_by_a_clock_that_was_ahead_is_stored_all_the_same(bench, bob) -> None:
    queue(bench, bob, b"one")
    bench.run(lambda unit: unit.tx.execute("UPDATE outbox SET queued_at = ?", (unit.now + 365 * 24 * 3600 * 1000,)))
    found = bench.run(lambda unit: outbox.to_store(unit.tx, BOB, queued_until=unit.now - 8000, now=unit.now, limit=100))
    assert [Envelope.decode(each.envelope).payload for each in found.outgoing] == [b"one"]
