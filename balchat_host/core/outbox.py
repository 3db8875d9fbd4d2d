"""What waits to leave: one row for each envelope and contact, until the contact's vault has it.

A row's id is its ticket. Rows leave in the order of their ids. An application message keeps its plaintext here until it
is delivered, so that it can be encrypted anew when the conversation moves to another group; the message id
lies in the plaintext, and so a copy that arrives twice is seen as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.events import MessageStateChanged
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outcome, Outgoing, SendReport
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState, MessageState, OutboxView
from balchat_host.core import account, contacts, groups, journal, rows
from balchat_host.core.content import SALT_SIZE, Disposition, MimiContent
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.unit import ANNOUNCE, SendPending, Unit
from balchat_host.core.views import conversation_id

_PROGRESS: Final = {
    MessageState.QUEUED: 0,
    MessageState.SENT: 1,
    MessageState.RELAYED: 2,
    MessageState.DELIVERED: 3,
    MessageState.READ: 4,
}
"""A message's state only ever goes up in this order."""

_SHORTEST_WAIT: Final = 1000
"""Milliseconds until what a contact refused leaves again, however soon they say they want it."""

_NEW_TRY_AFTER: Final = 60 * 1000
"""Milliseconds until a contact request that was turned down as unusable is begun anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What can leave for a contact now, and when to look again for what must wait (Unix milliseconds, or None)."""

    outgoing: list[Outgoing]
    look_again: int | None


def queue(
    unit: Unit,
    contact: rows.ContactRow,
    kind: Kind,
    *,
    payload: bytes | None = None,
    content: bytes | None = None,
    message: int | None = None,
    not_before: int = 0,
) -> None:
    """Add a row; give either the payload, or the content of an MLS_MESSAGE to be encrypted."""
    if payload is None and content is not None:
        payload = groups.encrypt(unit, contact, content)
    envelope = Envelope(kind=kind, payload=payload).encode() if payload is not None else None
    unit.tx.execute(
        "INSERT INTO outbox (contact, kind, message, content, envelope, not_before, queued_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (contact.id, int(kind), message, content, envelope, not_before, unit.now),
    )
    if envelope is not None:
        unit.effect(SendPending(peer=contact.peer))


def control_content(unit: Unit, content_type: str, body: bytes) -> bytes:
    """Make content that is for the other side's balchat, not for its owner's eyes."""
    return MimiContent(
        salt=unit.entropy(SALT_SIZE),
        content_type=content_type,
        body=body,
        sent_at=unit.now,
        disposition=Disposition.UNSPECIFIED,
    ).encode()


def queue_control(unit: Unit, contact: rows.ContactRow, content_type: str, body: bytes) -> None:
    """Queue such content."""
    queue(unit, contact, Kind.MLS_MESSAGE, content=control_content(unit, content_type, body))


def encrypt_waiting(unit: Unit, contact: rows.ContactRow) -> None:
    """Encrypt, in the group that we send in now, what has waited for one and what was encrypted in another."""
    waiting = unit.tx.query(
        "SELECT id, message, content, envelope FROM outbox WHERE contact = ? AND content IS NOT NULL ORDER BY id",
        (contact.id,),
    )
    for ticket, message, content, envelope in waiting:
        if envelope is None:
            # It was written before the contact request that it must follow, so it goes to the end of the queue.
            unit.tx.execute("DELETE FROM outbox WHERE id = ?", (ticket,))
            queue(
                unit,
                contact,
                Kind.MLS_MESSAGE,
                content=cast("bytes", content),
                message=cast("int | None", message),
            )
        else:
            payload = groups.encrypt(unit, contact, cast("bytes", content))
            assert payload is not None, "called once there is a group"
            anew = Envelope(kind=Kind.MLS_MESSAGE, payload=payload).encode()
            unit.tx.execute("UPDATE outbox SET envelope = ? WHERE id = ?", (anew, ticket))
            unit.effect(SendPending(peer=contact.peer))


def drop(unit: Unit, contact: rows.ContactRow, *kinds: Kind) -> None:
    """Forget rows of the handshake that have become needless."""
    for kind in kinds:
        unit.tx.execute("DELETE FROM outbox WHERE contact = ? AND kind = ?", (contact.id, int(kind)))


def pending(tx: ReadTransaction, peer: PeerId, *, after: int, now: int, limit: int) -> Pending:
    """Give what can leave for a contact, in order, from the ticket after `after` on.

    Nothing overtakes what must wait.
    """
    found = tx.query(
        "SELECT outbox.id, envelope, not_before FROM outbox JOIN contact ON contact.id = outbox.contact"
        " WHERE peer_id = ? AND blocked = 0 AND envelope IS NOT NULL AND outbox.id > ? ORDER BY outbox.id LIMIT ?",
        (peer.octets, after, limit),
    )
    outgoing: list[Outgoing] = []
    for ticket, envelope, not_before in found:
        if cast("int", not_before) > now:
            return Pending(outgoing=outgoing, look_again=cast("int", not_before))
        outgoing.append(Outgoing(ticket=cast("int", ticket), envelope=cast("bytes", envelope)))
    return Pending(outgoing=outgoing, look_again=None)


def report(unit: Unit, reports: Sequence[SendReport]) -> None:
    """Take down what became of envelopes."""
    for each in reports:
        found = unit.tx.query("SELECT contact, kind, message FROM outbox WHERE id = ?", (each.ticket,))
        if not found:
            continue  # it was delivered by another way, or its contact is gone
        contact = rows.contacts_where(unit.tx, "id = ?", (found[0][0],))[0]
        kind = Kind(cast("int", found[0][1]))
        message = rows.messages_where(unit.tx, "seq = ?", (found[0][2],)) if found[0][2] is not None else []
        match each.outcome:
            case Outcome.SENT:
                advance(unit, contact, message, MessageState.SENT)
            case Outcome.STORED:
                advance(unit, contact, message, MessageState.RELAYED)
            case Outcome.DELIVERED:
                _delivered(unit, contact, each.ticket, kind, message)
            case Outcome.REFUSED:
                _refused(unit, contact, each, kind, message)
            case Outcome.LOST:
                pass  # the row stands, and leaves again


def advance(
    unit: Unit,
    contact: rows.ContactRow,
    messages: Sequence[rows.MessageRow],
    state: MessageState,
    reason: str | None = None,
) -> None:
    """Move messages of ours to a state, except those that are further already. What has failed stays so."""
    for row in messages:
        if not row.ours or row.state is MessageState.FAILED:
            continue
        if state is not MessageState.FAILED and _PROGRESS[state] <= _PROGRESS[row.state]:
            continue
        unit.tx.execute("UPDATE message SET state = ?, reason = ? WHERE seq = ?", (state, reason, row.seq))
        journal.append(
            unit,
            MessageStateChanged,
            contact=contact.id,
            body={
                "id": row.id.hex(),
                "conversation": conversation_id(account.load(unit.tx).peer, contact.peer),
                "state": state,
                "reason": reason,
            },
        )


def view(tx: ReadTransaction) -> OutboxView:
    """Count what waits, messages of people and the handshake's; what is on its way the runtime knows."""
    waiting, oldest = tx.query("SELECT count(*), min(queued_at) FROM outbox")[0]
    return OutboxView(waiting=cast("int", waiting), in_flight=0, oldest=cast("int | None", oldest))


def _delivered(
    unit: Unit, contact: rows.ContactRow, ticket: int, kind: Kind, message: Sequence[rows.MessageRow]
) -> None:
    if kind is Kind.KEY_PACKAGE_REQUEST:
        return  # the KeyPackage itself is the answer; until it is here, the request stands
    unit.tx.execute("DELETE FROM outbox WHERE id = ?", (ticket,))
    advance(unit, contact, message, MessageState.DELIVERED)
    if kind is Kind.CONTACT_REQUEST and contact.state is ContactState.ADDING:
        contacts.set_state(unit, contact, ContactState.REQUESTED)
    unit.effect(ANNOUNCE)


def _refused(
    unit: Unit, contact: rows.ContactRow, refusal: SendReport, kind: Kind, message: Sequence[rows.MessageRow]
) -> None:
    if refusal.retry_after is not None:
        not_before = unit.now + max(_SHORTEST_WAIT, int(refusal.retry_after * 1000))
        unit.tx.execute("UPDATE outbox SET not_before = ? WHERE id = ?", (not_before, refusal.ticket))
        return
    unit.tx.execute("DELETE FROM outbox WHERE id = ?", (refusal.ticket,))
    advance(unit, contact, message, MessageState.FAILED, refusal.reason)
    if kind is not Kind.MLS_MESSAGE:
        _begin_anew(unit, contact)


def _begin_anew(unit: Unit, contact: rows.ContactRow) -> None:
    """Start first contact over, but not at once: most likely the key package that we had of theirs went stale."""
    if contact.state is ContactState.ACTIVE:
        return
    groups.forget_all(unit, contact)
    queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"", not_before=unit.now + _NEW_TRY_AFTER)
