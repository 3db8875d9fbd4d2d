"""How far a message has come in a conversation of several: n of m people have it, and all must have read it."""

from __future__ import annotations

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.types import PeerId
from balchat_host.api.views import ConversationKind, MessageState
from balchat_host.core import contacts, membership, peers, rows
from balchat_host.core.content import TEXT, MessageStatus, MimiContent, SinglePart
from balchat_host.core.delivery import queue, reports
from balchat_host.core.delivery.progress import MAX_RECEIPTS, Progress
from balchat_host.core.first_contact import answering
from balchat_host.core.messages.adding import add_new
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import ConversationRow
from tests.support.devices import device_of
from tests.support.simulator import World

OTHERS = 3


class Group:
    """A message of Alice's in a conversation with others, made by hand: nothing makes one yet. It is on its way."""

    def __init__(self, others: int) -> None:
        self.alice = World(1, MlsEngine()).account("Alice")
        self.peers = [PeerId(bytes([number]) * 32) for number in range(1, others + 1)]
        self.message_id = b"\x01" + bytes(31)
        self.alice.change(self._make)

    def _make(self, unit) -> None:
        for each in self.peers:
            answering.add_contact(unit, each.onion, name=None, introduction="")
        unit.tx.execute("DELETE FROM payload")  # nobody is asked here
        numbers = [peers.know(unit, each) for each in (self.alice.peer, *self.peers)]
        for number in numbers[1:]:
            peers.know_device(unit, number, bytes([number]) * 16)
        made = membership.begin(unit, ConversationKind.GROUP, bytes(16), numbers)
        conversation = ConversationRow(
            id=made,
            us=self.alice.peer,
            our_number=numbers[0],
            conversation_id=bytes(16),
            kind=ConversationKind.GROUP,
            contact=None,
            open=False,  # no era, so nothing is encrypted by itself
        )
        mimi = MimiContent(salt=bytes(16), part=SinglePart(content_type=TEXT, content=b"hello"), sent_at=unit.now)
        encoded = mimi.encode()
        said = Said(conversation=conversation, author=numbers[0], id=self.message_id, mimi=mimi, encoded=encoded)
        self.seq = add_new(unit, said)
        queue.queue_message(unit, conversation, self.seq, encoded, None)
        unit.tx.execute("UPDATE payload SET ciphertext = x'00'")
        unit.tx.execute(
            "INSERT INTO delivery (payload, peer, device, queued_at)"
            " SELECT payload.id, device.peer, device.id, ? FROM payload, device"
            " WHERE device.peer <> ?",
            (unit.now, numbers[0]),
        )

    def progress(self) -> Progress:
        (found,) = self.alice.read(lambda tx: rows.messages_where(tx, "message.seq = ?", (self.seq,)))
        return found.progress

    def seen(self) -> tuple[MessageState, str | None, int, int]:
        found = self.progress()
        return found.state, found.reason, found.delivered_to, found.recipients

    def report(self, who: int, outcome: Outcome, reason: str | None = None) -> None:
        peer = self.peers[who].octets
        find = "SELECT ticket FROM delivery JOIN peer ON peer.id = delivery.peer WHERE account_key = ?"
        ((ticket,),) = self.alice.read(lambda tx: tx.query(find, (peer,)))
        told = SendReport(ticket=ticket, outcome=outcome, reason=reason)
        self.alice.change(lambda unit: reports.apply_reports(unit, [(told, Latency.INTERACTIVE)]))

    def count(self, table: str) -> int:
        return self.alice.read(lambda tx: tx.query(f"SELECT count(*) FROM {table}"))[0][0]


@pytest.fixture
def group() -> Group:
    return Group(OTHERS)


def test_while_it_waits_it_is_as_far_as_its_furthest_delivery(group: Group) -> None:
    assert group.seen() == (MessageState.QUEUED, None, 0, OTHERS)
    group.report(1, Outcome.SENT)
    assert group.seen() == (MessageState.SENT, None, 0, OTHERS)
    group.report(0, Outcome.STORED)
    assert group.seen() == (MessageState.RELAYED, None, 0, OTHERS)


def test_it_is_queued_only_until_the_first_has_left(group: Group) -> None:
    group.report(0, Outcome.SENT)
    group.report(0, Outcome.DELIVERED)
    assert group.seen() == (MessageState.SENT, None, 1, OTHERS)


def test_n_of_m_people_have_it_and_it_is_delivered_when_all_do(group: Group) -> None:
    group.report(2, Outcome.SENT)
    for who, state in ((0, MessageState.SENT), (1, MessageState.SENT), (2, MessageState.DELIVERED)):
        group.report(who, Outcome.DELIVERED)
        assert group.seen() == (state, None, who + 1, OTHERS)
    assert group.count("payload") == group.count("delivery") == 0
    assert group.count("receipt") == OTHERS


def test_one_who_cannot_have_it_does_not_make_it_fail_for_the_others(group: Group) -> None:
    group.report(0, Outcome.REFUSED, "malformed-envelope")
    group.report(1, Outcome.DELIVERED)
    group.report(2, Outcome.DELIVERED)
    assert group.seen() == (MessageState.DELIVERED, None, 2, OTHERS)


def test_it_has_failed_when_nobody_can_have_it(group: Group) -> None:
    for who in range(OTHERS):
        assert group.seen()[0] is MessageState.QUEUED
        group.report(who, Outcome.REFUSED, "malformed-envelope")
    assert group.seen() == (MessageState.FAILED, "malformed-envelope", 0, OTHERS)


def note_read(group: Group, who: int) -> None:
    """Have somebody say that they have read it, as `reports` notes what is said in a conversation of two."""

    def say(unit) -> None:
        contact = contacts.by_peer(unit.tx, group.peers[who])
        assert contact is not None
        ours = unit.tx.query("SELECT conversation FROM message WHERE seq = ?", (group.seq,))[0][0]
        # Statuses name messages of the conversation of two that they come in, until groups are spoken in.
        unit.tx.execute("UPDATE message SET conversation = ? WHERE seq = ?", (contact.conversation.id, group.seq))
        said = [(group.message_id, MessageStatus.READ)]
        reports.apply_statuses(unit, contact, said, device_id=device_of(unit.tx, contact))
        unit.tx.execute("UPDATE message SET conversation = ? WHERE seq = ?", (ours, group.seq))

    group.alice.change(say)


def test_it_is_read_when_all_who_have_it_have_read_it(group: Group) -> None:
    for who in range(OTHERS):
        group.report(who, Outcome.DELIVERED)
    for who, state in ((2, MessageState.DELIVERED), (0, MessageState.DELIVERED), (1, MessageState.READ)):
        note_read(group, who)
        assert group.seen() == (state, None, OTHERS, OTHERS)


@pytest.mark.parametrize(("others", "receipts"), [(MAX_RECEIPTS, MAX_RECEIPTS), (MAX_RECEIPTS + 1, 0)])
def test_of_many_people_no_receipts_are_kept(others: int, receipts: int) -> None:
    group = Group(others)
    for who in range(others):
        assert group.progress().state is not MessageState.DELIVERED
        group.report(who, Outcome.DELIVERED)
    assert group.seen() == (MessageState.DELIVERED, None, receipts, others)
    assert group.count("receipt") == receipts
    assert group.count("payload") == group.count("delivery") == 0
