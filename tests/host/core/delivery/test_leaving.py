"""What leaves: in order, not before its time, and not for everybody."""

from __future__ import annotations

from balchat_host.api.transport import Latency, Outcome
from balchat_host.core import contacts
from balchat_host.core.delivery import outgoing
from balchat_host.core.first_contact import answering

MINUTE = 60
DAY = 24 * 3600


def test_it_leaves_in_order_and_by_pages(pair) -> None:
    pair.write("one", "two", "three")
    assert pair.texts(pair.tickets()) == ["one", "two", "three"]
    assert pair.texts(pair.tickets(limit=2)) == ["one", "two"]
    assert pair.texts(pair.tickets(after=pair.tickets()[1])) == ["three"]


def test_nothing_overtakes_what_must_wait(pair) -> None:
    pair.write("one", "two", "three")
    refused = pair.tickets()[1]
    pair.report(refused, Outcome.REFUSED, reason="storage-full", retry_after=float(MINUTE))
    assert pair.texts(pair.tickets()) == ["one"]
    assert pair.pending().look_again == pair.now + MINUTE * 1000
    pair.world.pass_time(MINUTE)
    assert pair.texts(pair.tickets()) == ["one", "two", "three"]
    assert pair.pending().look_again is None


def test_nothing_leaves_for_somebody_who_is_blocked(pair) -> None:
    pair.write("one")
    pair.run(lambda unit: contacts.block(unit, "Bob"))
    assert pair.tickets() == []
    assert pair.to_store().outgoing == []
    pair.run(lambda unit: answering.unblock(unit, "Bob"))
    assert pair.bob.peer in pair.woken
    assert pair.texts(pair.tickets()) == ["one"]


def test_what_was_queued_a_moment_ago_is_not_stored_yet(pair) -> None:
    pair.write("one")
    found = pair.to_store(queued_until=pair.now - 8000)
    assert (found.outgoing, found.look_again) == ([], pair.now + 8000)


def test_what_was_queued_by_a_clock_that_was_ahead_is_stored_all_the_same(pair) -> None:
    pair.world.pass_time(365 * DAY)
    pair.write("one")
    pair.world.pass_time(-365 * DAY)
    found = pair.to_store(queued_until=pair.now - 8000)
    assert pair.texts(each.ticket for each in found.outgoing) == ["one"]


def test_what_was_stored_can_still_be_sent_and_is_stored_again_after_a_day(pair) -> None:
    pair.write("one")
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.STORED, latency=Latency.STORE_AND_FORWARD)
    assert pair.tickets() == [ticket]
    pair.world.pass_time(DAY)
    pair.run(outgoing.redeposit)
    assert pair.to_store().outgoing == []
    pair.world.pass_time(1)
    pair.run(outgoing.redeposit)
    assert pair.woken == {pair.bob.peer}
    assert [each.ticket for each in pair.to_store().outgoing] == [ticket]


def test_how_much_waits_and_since_when(pair) -> None:
    assert pair.alice.read(outgoing.view).oldest is None
    began = pair.now
    pair.write("one")
    pair.world.pass_time(5)
    pair.write("two")
    view = pair.alice.read(outgoing.view)
    assert (view.waiting, view.in_flight, view.relayed, view.oldest) == (2, 0, 0, began)
    pair.report(pair.tickets()[0], Outcome.STORED, latency=Latency.STORE_AND_FORWARD)
    view = pair.alice.read(outgoing.view)
    assert (view.waiting, view.relayed, view.oldest) == (1, 1, began + 5000)
