"""How far envelopes and messages have come: what transports report, and what contacts say."""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from balchat_host.api.events import MessageStateChanged
from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.views import ContactState, MessageState
from balchat_host.core import asking, contacts, event_log, outbox, rows
from balchat_host.core.envelope import Kind
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork
from balchat_host.core.views import conversation_id

_PROGRESS: Final = {
    MessageState.QUEUED: 0,
    MessageState.SENT: 1,
    MessageState.RELAYED: 2,
    MessageState.DELIVERED: 3,
    MessageState.READ: 4,
}
"""A message's state only ever goes up in this order."""

_CONFIRMED: Final = _PROGRESS[MessageState.DELIVERED]

_SHORTEST_WAIT: Final = 1000
"""Milliseconds until what a contact refused leaves again, however soon they say they want it."""


def apply_reports(unit: UnitOfWork, reports: Iterable[tuple[SendReport, Latency]]) -> None:
    """Take down what became of envelopes, each by a way of a latency."""
    for each, latency in reports:
        found = unit.tx.query("SELECT contact, kind, message, confirmed_by FROM outbox WHERE id = ?", (each.ticket,))
        if not found:
            continue  # it was delivered by another way, has a new ticket, or its contact is gone
        contact = rows.contacts_where(unit.tx, "id = ?", (found[0][0],))[0]
        kind = Kind(cast("int", found[0][1]))
        message = rows.messages_where(unit.tx, "seq = ?", (found[0][2],)) if found[0][2] is not None else []
        match each.outcome:
            case Outcome.SENT:
                advance(unit, contact, message, MessageState.SENT)
            case Outcome.STORED:
                _stored(unit, contact, each.ticket, kind, message, keep=found[0][3] is not None)
            case Outcome.DELIVERED:
                _delivered(unit, contact, each.ticket, kind, message)
            case Outcome.REFUSED if latency is Latency.STORE_AND_FORWARD:
                _not_stored(unit, contact, each, kind, message)
            case Outcome.REFUSED:
                _refused(unit, contact, each, kind, message, confirmed_by=cast("bytes | None", found[0][3]))
            case Outcome.LOST:
                pass  # the row stands, and leaves again


def advance(
    unit: UnitOfWork,
    contact: rows.ContactRow,
    messages: Sequence[rows.MessageRow],
    state: MessageState,
    reason: str | None = None,
) -> None:
    """Move messages of ours to a state, except those that are further already. What has failed stays so.

    One that comes to the same state again has no reason any more why it was no further.
    """
    for row in messages:
        if not row.ours or row.state is MessageState.FAILED:
            continue
        if state is row.state and reason == row.reason:
            continue
        if state is not MessageState.FAILED and _PROGRESS[state] < _PROGRESS[row.state]:
            continue
        _set_state(unit, contact, row, state, reason)


def _set_state(
    unit: UnitOfWork, contact: rows.ContactRow, row: rows.MessageRow, state: MessageState, reason: str | None
) -> None:
    unit.tx.execute("UPDATE message SET state = ?, reason = ? WHERE seq = ?", (state, reason, row.seq))
    event_log.append(
        unit,
        MessageStateChanged,
        contact=contact.id,
        body={
            "id": row.id.hex(),
            "conversation": conversation_id(contact.us, contact.peer),
            "state": state,
            "reason": reason,
        },
    )


def _explain(
    unit: UnitOfWork, contact: rows.ContactRow, messages: Sequence[rows.MessageRow], reason: str | None
) -> None:
    """Say why messages are no further; they wait on."""
    for row in messages:
        if row.reason != reason and _PROGRESS.get(row.state, _CONFIRMED) < _CONFIRMED:
            _set_state(unit, contact, row, row.state, reason)


def _not_stored(
    unit: UnitOfWork, contact: rows.ContactRow, refusal: SendReport, kind: Kind, message: Sequence[rows.MessageRow]
) -> None:
    # No word of the contact's: another way, or a later day, may do.
    _explain(unit, contact, message, refusal.reason)
    if kind is Kind.CONTACT_REQUEST and refusal.retry_after is None:
        # Where their KeyPackage led to, nothing will ever be taken: they have left it.
        outbox.expire(unit, refusal.ticket)
        asking.on_inbox_gone(unit, contact)


def _stored(
    unit: UnitOfWork,
    contact: rows.ContactRow,
    ticket: int,
    kind: Kind,
    message: Sequence[rows.MessageRow],
    *,
    keep: bool,
) -> None:
    if keep:
        unit.tx.execute("UPDATE outbox SET stored_at = ? WHERE id = ?", (unit.now, ticket))
    else:
        unit.tx.execute("DELETE FROM outbox WHERE id = ?", (ticket,))
    advance(unit, contact, message, MessageState.RELAYED)
    if kind is Kind.CONTACT_REQUEST and contact.state is ContactState.ADDING:
        contacts.set_state(unit, contact, ContactState.REQUESTED)
    unit.effect(ANNOUNCE)


def _delivered(
    unit: UnitOfWork, contact: rows.ContactRow, ticket: int, kind: Kind, message: Sequence[rows.MessageRow]
) -> None:
    if kind is Kind.KEY_PACKAGE_REQUEST:
        return  # the KeyPackage itself is the answer; until it is here, the request stands
    unit.tx.execute("DELETE FROM outbox WHERE id = ?", (ticket,))
    advance(unit, contact, message, MessageState.DELIVERED)
    if kind is Kind.CONTACT_REQUEST:
        outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)  # they have it: another one would say the same
        if contact.state is ContactState.ADDING:
            contacts.set_state(unit, contact, ContactState.REQUESTED)
    unit.effect(ANNOUNCE)


def _refused(
    unit: UnitOfWork,
    contact: rows.ContactRow,
    refusal: SendReport,
    kind: Kind,
    message: Sequence[rows.MessageRow],
    *,
    confirmed_by: bytes | None,
) -> None:
    if refusal.retry_after is not None:
        not_before = unit.now + int(min(max(_SHORTEST_WAIT, refusal.retry_after * 1000), outbox.LONGEST_WAIT))
        unit.tx.execute("UPDATE outbox SET not_before = ? WHERE id = ?", (not_before, refusal.ticket))
        return
    unit.tx.execute("DELETE FROM outbox WHERE id = ?", (refusal.ticket,))
    advance(unit, contact, message, MessageState.FAILED, refusal.reason)
    if kind is not Kind.MLS_MESSAGE:
        asking.restart_request(unit, contact, confirmed_by)
