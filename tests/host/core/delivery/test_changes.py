"""How far an edit, a deletion or a reaction of ours has come, and by which way things went."""

from __future__ import annotations

import pytest

from balchat_host.api.events import MessageChanged
from balchat_host.api.transport import Latency, Outcome
from balchat_host.api.types import OnionKey
from balchat_host.api.views import ChangeKind, MessageState, WayView
from balchat_host.core import event_log, inbox
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.messages import changing, history, info, retrying
from tests.support.devices import device_of

DIRECT = WayView(transport="direct", direct=True)
RELAY = OnionKey(bytes(32))
RELAYED = WayView(transport="stores", direct=False, relay=RELAY.onion)


def view(pair, message: str):
    return pair.alice.read(lambda tx: history.show(tx, message))


def known(pair, message: str, who: str = "alice"):
    return getattr(pair, who).read(lambda tx: info.info(tx, message))


def waiting_at_bob(pair):
    return pair.bob.read(lambda tx: outgoing.pending(tx, pair.alice.peer, after=0, now=pair.now, limit=100)).outgoing


def deliver(pair) -> None:
    for ticket in pair.tickets():
        pair.report(ticket, Outcome.DELIVERED, transport="direct")


@pytest.fixture
def delivered(pair) -> str:
    (message,) = pair.write("first")
    deliver(pair)
    assert view(pair, message).state is MessageState.DELIVERED
    return message


def edit(pair, message: str, text: str = "second") -> None:
    pair.run(lambda unit: changing.edit(unit, message, text))


def test_an_edit_that_has_not_arrived_does_not_look_delivered(pair, delivered) -> None:
    edit(pair, delivered)
    assert view(pair, delivered).state is MessageState.QUEUED
    assert view(pair, delivered).delivered_to == 0
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.SENT, transport="direct")
    assert view(pair, delivered).state is MessageState.SENT
    pair.report(ticket, Outcome.DELIVERED, transport="direct")
    assert view(pair, delivered).state is MessageState.DELIVERED
    (change,) = known(pair, delivered).changes
    assert change.kind is ChangeKind.EDIT
    assert [(each.name, each.state, each.way) for each in change.receipts] == [("Bob", MessageState.DELIVERED, DIRECT)]


def test_front_ends_hear_how_far_an_edit_comes(pair, delivered) -> None:
    before = pair.alice.read(event_log.newest)
    edit(pair, delivered)
    deliver(pair)
    events, _ = pair.alice.read(lambda tx: event_log.read(tx, after=before, limit=100, now=0))
    told = [each for each in events if isinstance(each, MessageChanged) and "state" in each.changed]
    assert [each.message.state for each in told] == [MessageState.QUEUED, MessageState.DELIVERED]


def test_a_message_is_read_as_it_is_shown_by_who_reads_it_after_the_edit(pair, delivered) -> None:
    read(pair, delivered)
    assert view(pair, delivered).state is MessageState.READ
    edit(pair, delivered)
    pair.world.pass_time(1)
    deliver(pair)
    assert view(pair, delivered).state is MessageState.DELIVERED, "nobody says to have read this version"
    (another,) = pair.write("first")
    edit(pair, another)
    deliver(pair)
    pair.world.pass_time(1)
    read(pair, another)
    assert view(pair, another).state is MessageState.READ


def say(pair, message: str, status: MessageStatus) -> None:
    statuses = [(bytes.fromhex(message), status)]
    pair.with_bob(lambda unit, bob: reports.apply_statuses(unit, bob, statuses, device_id=device_of(unit.tx, bob)))


def read(pair, message: str) -> None:
    say(pair, message, MessageStatus.READ)


def test_what_is_deleted_while_it_is_queued_does_not_look_delivered(pair) -> None:
    (message,) = pair.write("never")
    pair.run(lambda unit: changing.delete(unit, message, for_me=False))
    assert (view(pair, message).deleted, view(pair, message).state) == (True, MessageState.QUEUED)
    deliver(pair)
    assert view(pair, message).state is MessageState.DELIVERED
    assert [each.kind for each in known(pair, message).changes] == [ChangeKind.DELETE]


@pytest.mark.parametrize("delete", [False, True], ids=["edit", "deletion"])
def test_what_was_refused_says_so_and_can_be_sent_once_more(pair, delivered, delete) -> None:
    if delete:
        pair.run(lambda unit: changing.delete(unit, delivered, for_me=False))
    else:
        edit(pair, delivered)
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.REFUSED, reason="malformed-envelope")
    assert (view(pair, delivered).state, view(pair, delivered).reason) == (MessageState.FAILED, "malformed-envelope")
    pair.run(lambda unit: retrying.retry(unit, delivered))
    assert view(pair, delivered).state is MessageState.QUEUED
    deliver(pair)
    assert view(pair, delivered).state is MessageState.DELIVERED


def test_a_reaction_says_how_far_it_is_until_it_is_taken_back(pair, delivered) -> None:
    pair.run(lambda unit: changing.react(unit, delivered, "👍"))
    (reaction,) = view(pair, delivered).reactions
    assert (reaction.state, view(pair, delivered).state) == (MessageState.QUEUED, MessageState.DELIVERED)
    deliver(pair)
    assert view(pair, delivered).reactions[0].state is MessageState.DELIVERED
    for remove in (True, False, True):
        pair.run(lambda unit, remove=remove: changing.react(unit, delivered, "👍", remove=remove))
    assert view(pair, delivered).reactions == ()
    (change,) = known(pair, delivered).changes
    assert (change.kind, change.emoji) == (ChangeKind.TAKE_BACK, "👍"), "only the last counts"
    assert [each.state for each in change.receipts] == [MessageState.QUEUED]


def test_a_reaction_to_an_earlier_version_says_so(pair, delivered) -> None:
    pair.run(lambda unit: changing.react(unit, delivered, "👍"))
    edit(pair, delivered, "I hate flowers")
    pair.run(lambda unit: changing.react(unit, delivered, "🎉"))
    assert {each.emoji: each.edited for each in known(pair, delivered).reactions} == {"👍": True, "🎉": False}


def test_what_lay_at_a_relay_says_at_which_one(pair) -> None:
    (message,) = pair.write("hello")
    (ticket,) = pair.tickets()
    pair.report(ticket, Outcome.SENT, transport="direct")
    assert known(pair, message).receipts[0].way == DIRECT
    pair.report(ticket, Outcome.STORED, latency=Latency.STORE_AND_FORWARD, transport="stores", relay=RELAY)
    for reached in (MessageState.RELAYED, MessageState.DELIVERED):
        (receipt,) = known(pair, message).receipts
        assert (receipt.state, receipt.way) == (reached, RELAYED)
        say(pair, message, MessageStatus.DELIVERED)


def test_somebody_may_say_that_they_have_it_before_the_transport_says_how_it_went(pair, delivered) -> None:
    edit(pair, delivered)
    (message,) = pair.write("hello")
    changed, written = pair.tickets()
    (change,) = known(pair, delivered).changes
    for said in (change.id, message):
        say(pair, said, MessageStatus.DELIVERED)

    def receipts():
        (change,) = known(pair, delivered).changes
        return [(each.state, each.way) for each in (*change.receipts, *known(pair, message).receipts)]

    assert receipts() == [(MessageState.DELIVERED, None)] * 2
    to_some_relay = WayView(transport="stores", direct=False)
    for outcome, relay, way in ((Outcome.SENT, None, to_some_relay), (Outcome.STORED, RELAY, RELAYED)):
        for ticket in (changed, written):
            pair.report(ticket, outcome, latency=Latency.STORE_AND_FORWARD, transport="stores", relay=relay)
        assert receipts() == [(MessageState.DELIVERED, way)] * 2
    for ticket in (changed, written):
        pair.report(ticket, Outcome.DELIVERED, transport="direct")
    assert receipts() == [(MessageState.DELIVERED, RELAYED)] * 2, "that it came again by another way is no news"


def test_the_reader_sees_by_which_way_a_message_came(pair) -> None:
    (message,) = pair.write("hello")
    envelopes = [each.envelope for each in pair.pending().outgoing]
    for way in (RELAYED, DIRECT):
        pair.bob.change(lambda unit, way=way: inbox.receive(unit, pair.alice.peer, envelopes, way))
    assert known(pair, message, "bob").way == RELAYED, "that it came again by another way is no news"
    assert known(pair, message).way is None


def test_an_author_hears_that_it_was_received_where_it_was_stored_by_whoever_proves_who_sent_it(pair) -> None:
    (message,) = pair.write("hello")
    (stored,) = pair.pending().outgoing
    pair.report(stored.ticket, Outcome.STORED, latency=Latency.STORE_AND_FORWARD, transport="stores")
    pair.bob.change(lambda unit: inbox.receive(unit, pair.alice.peer, [stored.envelope], RELAYED))
    (confirmation,) = waiting_at_bob(pair)
    pair.alice.change(lambda unit: inbox.receive(unit, pair.bob.peer, [confirmation.envelope], RELAYED))
    assert view(pair, message).state is MessageState.DELIVERED


def test_nobody_is_told_twice_that_it_was_received(pair) -> None:
    pair.write("hello")
    envelopes = [each.envelope for each in pair.pending().outgoing]
    pair.bob.change(lambda unit: inbox.receive(unit, pair.alice.peer, envelopes, DIRECT))
    assert not waiting_at_bob(pair)
