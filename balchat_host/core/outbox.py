"""What waits to leave: one row for each envelope and contact, until the contact's vault has it.

A row's id is its ticket; where it is to leave for another place, or in another group, it gets a new one. Rows leave in
the order of their ids, by two kinds of ways that know nothing of each other: those that reach the contact itself
(`pending`), and those that store and forward (`to_store`). Who stores is trusted to keep nothing: what was stored stays
here until the contact itself has confirmed it, and is stored once more after a day, or as soon as the contact can be
reached otherwise.

An application message keeps its plaintext here until it is delivered, so that it can be encrypted anew when the
conversation moves to another group; the message id lies in the plaintext, and so a copy that arrives twice is seen as
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outgoing
from balchat_host.api.types import PeerId
from balchat_host.api.views import OutboxView
from balchat_host.core import groups, rows
from balchat_host.core.content import SALT_SIZE, STATUS, Disposition, MimiContent
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.unit_of_work import ANNOUNCE, EncryptWaiting, SendPending, UnitOfWork
from balchat_host.core.views import identify

LONGEST_WAIT: Final = 14 * 24 * 3600 * 1000
"""Milliseconds that anything waits before it leaves, the last of 100,000 contacts after a restore too. What seems to
wait for longer was told to by a clock that was ahead, and leaves."""
_STORED_ANEW_AFTER: Final = 24 * 3600 * 1000
"""Milliseconds until what was stored, and not confirmed, is stored once more."""


# Only with the index's own condition does SQLite use the index, instead of looking at all that waits.
_OF_HANDSHAKE: Final = "content IS NULL AND kind = ? AND contact = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What can leave for a contact now, and when to look again for what must wait (Unix milliseconds, or None).

    `wants_key_package`: nothing can leave before there is one of theirs, which may be claimed where they left some.
    """

    outgoing: list[Outgoing]
    look_again: int | None
    wants_key_package: bool = False


def queue(
    unit: UnitOfWork,
    contact: rows.ContactRow,
    kind: Kind,
    *,
    payload: bytes | None = None,
    content: bytes | None = None,
    group_id: bytes | None = None,
    message: int | None = None,
    confirmed_by: bytes | None = None,
    not_before: int = 0,
    stale_at: int | None = None,
) -> None:
    """Add a row; give either the payload, or the content of an MLS_MESSAGE to be encrypted.

    `group_id` is the group that we send in, where the caller has looked it up.
    `confirmed_by` is what `confirm` will hear once the contact has it. Without, it is done with when it is stored.
    `stale_at` is when it is good for nothing any more, where that is known (Unix milliseconds).
    """
    if payload is None and content is not None:
        group_id = group_id or groups.sending_group(unit.tx, contact)
        if not _waits_unencrypted(unit.tx, contact):  # or it would overtake what is older
            payload = groups.encrypt(unit, contact, group_id, content)
    envelope = Envelope(kind=kind, payload=payload).encode() if payload is not None else None
    encrypted_in = group_id if content is not None and envelope is not None else None
    unit.tx.execute(
        "INSERT INTO outbox (contact, kind, message, content, envelope, group_id, confirmed_by, not_before, queued_at,"
        " stale_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (contact.id, int(kind), message, content, envelope, encrypted_in, confirmed_by, not_before, unit.now, stale_at),
    )
    if envelope is not None:
        unit.effect(SendPending(peer=contact.peer))
    elif contact.may_talk:
        unit.effect(EncryptWaiting(peer=contact.peer))


def _waits_unencrypted(tx: ReadTransaction, contact: rows.ContactRow) -> bool:
    return bool(tx.query("SELECT 1 FROM outbox WHERE contact = ? AND envelope IS NULL LIMIT 1", (contact.id,)))


def control_content(
    unit: UnitOfWork, contact: rows.ContactRow, content_type: str, body: bytes
) -> tuple[bytes, bytes | None]:
    """Make content that is for the other side's balchat, not for its owner's eyes; give it, and what confirms it.

    A status is confirmed by nothing, or confirmations would confirm each other for ever.
    """
    mimi = MimiContent(
        salt=unit.entropy(SALT_SIZE),
        content_type=content_type,
        body=body,
        sent_at=unit.now,
        disposition=Disposition.UNSPECIFIED,
    )
    encoded = mimi.encode()
    if content_type == STATUS:
        return encoded, None
    return encoded, identify(mimi, encoded, author=contact.us, contact=contact)


def queue_control(unit: UnitOfWork, contact: rows.ContactRow, content_type: str, body: bytes) -> bytes | None:
    """Queue such content; return what confirms it."""
    content, confirmed_by = control_content(unit, contact, content_type, body)
    queue(unit, contact, Kind.MLS_MESSAGE, content=content, confirmed_by=confirmed_by)
    return confirmed_by


def wait_for_groups(unit: UnitOfWork) -> None:
    """Have what people wrote, and reports, wait for another group to be encrypted in; forget the handshakes' rows.

    For an account that has lost all of its groups: no octet that was encrypted in one of them leaves any more.
    """
    unit.tx.execute("DELETE FROM outbox WHERE content IS NULL")
    unit.tx.execute("UPDATE outbox SET envelope = NULL, group_id = NULL, stored_at = NULL, not_before = 0")


def waits(tx: ReadTransaction, contact: rows.ContactRow, kind: Kind) -> bool:
    """Say whether a row of the handshake waits for a contact."""
    waiting = f"SELECT 1 FROM outbox WHERE {_OF_HANDSHAKE} LIMIT 1"  # noqa: S608  # our own text
    return bool(tx.query(waiting, (int(kind), contact.id)))


def bring_forward(unit: UnitOfWork, contact: rows.ContactRow, kind: Kind) -> None:
    """Let rows of a kind leave now that were to wait."""
    waiting = (unit.now, contact.id, int(kind), unit.now)
    if unit.tx.execute("UPDATE outbox SET not_before = ? WHERE contact = ? AND kind = ? AND not_before > ?", waiting):
        unit.effect(SendPending(peer=contact.peer))


def drop(unit: UnitOfWork, contact: rows.ContactRow, *kinds: Kind) -> None:
    """Forget rows of the handshake that have become needless."""
    for kind in kinds:
        unit.tx.execute(f"DELETE FROM outbox WHERE {_OF_HANDSHAKE}", (int(kind), contact.id))  # noqa: S608  # our own text


def drop_answers(unit: UnitOfWork, contact: rows.ContactRow | None = None) -> None:
    """Forget answers to requests, of a contact's or of everybody's, whose groups are gone: nobody wants them."""
    everybody = "SELECT id, envelope FROM outbox WHERE content IS NULL AND kind = ?"
    if contact is None:
        found = unit.tx.query(everybody, (int(Kind.MLS_MESSAGE),))
    else:
        found = unit.tx.query(f"{everybody} AND contact = ?", (int(Kind.MLS_MESSAGE), contact.id))
    for ticket, envelope in found:
        if groups.find(unit.tx, _group_of(unit, cast("bytes", envelope))) is None:
            unit.tx.execute("DELETE FROM outbox WHERE id = ?", (ticket,))


def peers(tx: ReadTransaction) -> list[PeerId]:
    """Return those for whom something waits, but for the blocked ones."""
    found = tx.query("SELECT peer_id FROM contact WHERE blocked = 0 AND id IN (SELECT contact FROM outbox)")
    return [PeerId(cast("bytes", peer_id)) for (peer_id,) in found]


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
        if now < cast("int", not_before) <= now + LONGEST_WAIT:
            return Pending(outgoing=outgoing, look_again=cast("int", not_before))
        outgoing.append(Outgoing(ticket=cast("int", ticket), envelope=cast("bytes", envelope)))
    return Pending(outgoing=outgoing, look_again=None)


def to_store(tx: ReadTransaction, peer: PeerId, *, queued_until: int, now: int, limit: int) -> Pending:
    """Give what can be stored for a contact, in order: what was queued until `queued_until` (Unix milliseconds).

    What is stale can only be sent directly: whoever looks for it later has no use for it.
    """
    found = tx.query(
        "SELECT outbox.id, kind, envelope, queued_at, not_before"
        " FROM outbox INDEXED BY outbox_to_store JOIN contact ON contact.id = outbox.contact"
        " WHERE peer_id = ? AND blocked = 0 AND envelope IS NOT NULL AND stored_at IS NULL"
        " AND coalesce(stale_at > ?, 1) ORDER BY outbox.id LIMIT ?",
        (peer.octets, now, limit),
    )
    outgoing: list[Outgoing] = []
    for ticket, kind, envelope, queued_at, not_before in found:
        is_request = kind == Kind.KEY_PACKAGE_REQUEST
        # What looks as if from the future was queued by a clock that was ahead: it has waited long enough.
        hedging = cast("int", queued_at) - queued_until if cast("int", queued_at) <= now else 0
        told = cast("int", not_before) - now if is_request else 0
        wait = max(hedging, told if told <= LONGEST_WAIT else 0)
        if wait > 0:
            return Pending(outgoing=outgoing, look_again=now + wait)
        if is_request:
            return Pending(outgoing=outgoing, look_again=None, wants_key_package=not outgoing)
        outgoing.append(Outgoing(ticket=cast("int", ticket), envelope=cast("bytes", envelope)))
    return Pending(outgoing=outgoing, look_again=None)


def expire(unit: UnitOfWork, ticket: int) -> None:
    """Count a row as stale from now on: it is not stored any more."""
    unit.tx.execute(
        "UPDATE outbox SET stale_at = min(coalesce(stale_at, ?), ?) WHERE id = ?", (unit.now, unit.now, ticket)
    )


def redeposit(unit: UnitOfWork) -> None:
    """Have stored once more what was stored a day ago, or by a clock that was ahead, and is not confirmed.

    What is stale is left out.
    """
    again = unit.tx.query(
        "UPDATE outbox SET stored_at = NULL WHERE (stored_at < ?1 OR stored_at > ?2) AND coalesce(stale_at > ?2, 1)"
        " RETURNING contact",
        (unit.now - _STORED_ANEW_AFTER, unit.now),
    )
    for number in dict.fromkeys(row[0] for row in again):
        for contact in rows.contacts_where(unit.tx, "id = ? AND blocked = 0", (number,)):
            unit.effect(SendPending(peer=contact.peer))


def _group_of(unit: UnitOfWork, envelope: bytes) -> bytes:
    return unit.engine.group_of(Envelope.decode(envelope).payload)


def confirm(unit: UnitOfWork, contact: rows.ContactRow, confirmed: Sequence[bytes]) -> None:
    """Forget what a contact says it has, by message ids or by the group of our contact request."""
    for each in confirmed:
        if unit.tx.execute("DELETE FROM outbox WHERE confirmed_by = ? AND contact = ?", (each, contact.id)):
            unit.effect(ANNOUNCE)


def reports_wait(tx: ReadTransaction, contact: rows.ContactRow) -> bool:
    """Say whether reports to a contact, which nothing confirms, still wait to leave."""
    waiting = "SELECT 1 FROM outbox WHERE contact = ? AND content IS NOT NULL AND confirmed_by IS NULL LIMIT 1"
    return bool(tx.query(waiting, (contact.id,)))


def view(tx: ReadTransaction) -> OutboxView:
    """Count what waits, messages of people and the handshake's; what is on its way the runtime knows."""
    waiting, oldest = tx.query("SELECT count(*), min(queued_at) FROM outbox WHERE stored_at IS NULL")[0]
    return OutboxView(
        waiting=cast("int", waiting),
        in_flight=0,
        oldest=cast("int | None", oldest),
        relayed=rows.number(tx, "SELECT count(*) FROM outbox WHERE stored_at IS NOT NULL"),
    )
