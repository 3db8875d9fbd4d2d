"""Queues again what waits for a contact: they have named other routes, or use another group.

A few octets of theirs cost us all that waits for them. So it is done a few times an hour, and what takes most of the
time, encrypting, in portions: each is a unit of its own, so that nobody waits for all of them (`EncryptWaiting`). What
is not encrypted yet is the newest, and what is written meanwhile queues behind it.
"""

from typing import Final, cast

from balchat_host.api.errors import RequestsFull
from balchat_host.api.types import PeerId
from balchat_host.core import groups, limits, rows
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.limits import RequeueReason
from balchat_host.core.unit_of_work import EncryptWaiting, NewRoutes, SendPending, UnitOfWork

PORTION: Final = 64
"""How many messages are encrypted in one unit."""
_REQUEUES_PER_HOUR: Final = 4
"""How often all that waits for a contact is queued again because of other routes, or another group, of theirs."""
_COLUMNS: Final = "contact, kind, message, content, confirmed_by, not_before, queued_at, stale_at"


def requeue(unit: UnitOfWork, contact: rows.ContactRow, reason: RequeueReason) -> None:
    """Queue again what a contact has not confirmed: where it was, or in the group it was in, they may not get it.

    It is encrypted for the group that we send in now, and gets new tickets, in the same order. So what is just being
    stored where they were counts as not stored, and nothing that is newer comes to the new place before it.

    It is done `_REQUEUES_PER_HOUR` times at most for each reason. What comes too soon is done later
    (`retry_deferred_requeues`), and changes nothing of how long we wait where we were refused; until then what is newer
    may come to them first.
    """
    late = False
    if unit.tx.query("SELECT 1 FROM outbox WHERE contact = ? LIMIT 1", (contact.id,)):
        try:
            limits.take_from(unit, contact.peer, limits.counter_of(reason), per_hour=_REQUEUES_PER_HOUR)
        except RequestsFull:
            late = True
    unit.tx.execute("UPDATE contact SET moved = ? WHERE id = ?", (int(reason) if late else 0, contact.id))
    if not late:
        _give_new_tickets(unit, contact, "1")
        unit.effect(SendPending(peer=contact.peer))
        unit.effect(NewRoutes(peer=contact.peer))
    encrypt_waiting(unit, contact)


def retry_deferred_requeues(unit: UnitOfWork) -> None:
    """Queue again what had to wait for that, as far as it may be now."""
    for reason in RequeueReason:
        for contact in rows.contacts_where(unit.tx, "moved = ? AND blocked = 0", (reason,)):
            with unit.contained():
                requeue(unit, contact, reason)


def begin_to_talk(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Have leave what was written before we could talk, behind the contact request that it must follow."""
    _give_new_tickets(unit, contact, "envelope IS NULL")
    # It waits to leave from now on: those who store are told nothing of it before the contact itself could have had it.
    unit.tx.execute("UPDATE outbox SET queued_at = ? WHERE contact = ? AND envelope IS NULL", (unit.now, contact.id))
    encrypt_waiting(unit, contact)


def encrypt_more(unit: UnitOfWork, peer: PeerId) -> None:
    """Encrypt another portion of what waits for a contact."""
    for contact in rows.contacts_where(unit.tx, "peer_id = ?", (peer.octets,)):
        encrypt_waiting(unit, contact)


def encrypt_all_waiting(unit: UnitOfWork) -> None:
    """Encrypt a portion of what waits for each contact: we may have been killed before the last one."""
    waits = "EXISTS (SELECT 1 FROM outbox WHERE outbox.contact = contact.id AND envelope IS NULL)"
    for contact in rows.contacts_where(unit.tx, waits):
        with unit.contained():
            encrypt_waiting(unit, contact)


def encrypt_waiting(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Encrypt the oldest portion of what waits for a group to send in, if there is one, and see to the next."""
    group_id = groups.sending_group(unit.tx, contact)
    if group_id is None or not contact.may_talk:
        return
    waiting = unit.tx.query(
        "SELECT id FROM outbox WHERE contact = ? AND envelope IS NULL ORDER BY id LIMIT ?", (contact.id, PORTION + 1)
    )
    for (ticket,) in waiting[:PORTION]:
        content = cast("bytes", unit.tx.query("SELECT content FROM outbox WHERE id = ?", (ticket,))[0][0])
        payload = unit.engine.encrypt(unit.keys, group_id, content)
        unit.tx.execute(
            "UPDATE outbox SET envelope = ?, group_id = ? WHERE id = ?",
            (Envelope(kind=Kind.MLS_MESSAGE, payload=payload).encode(), group_id, ticket),
        )
    if waiting:
        unit.effect(SendPending(peer=contact.peer))
    if len(waiting) > PORTION:
        unit.effect(EncryptWaiting(peer=contact.peer))


def _give_new_tickets(unit: UnitOfWork, contact: rows.ContactRow, condition: str) -> None:
    """Put rows at the end of the queue, in the same order.

    What is encrypted in another group than the one that we send in loses its envelope.
    """
    group_id = groups.sending_group(unit.tx, contact) if contact.may_talk else None
    newest = rows.number(unit.tx, "SELECT max(id) FROM outbox WHERE contact = ?", (contact.id,))
    lost = "content IS NOT NULL AND group_id IS NOT ?1 AND ?1 IS NOT NULL"
    unit.tx.execute(
        f"INSERT INTO outbox ({_COLUMNS}, group_id, envelope, stored_at) SELECT {_COLUMNS},"  # noqa: S608  # our own text
        f" iif({lost}, NULL, group_id), iif({lost}, NULL, envelope), iif(stale_at <= ?2, stored_at, NULL)"
        f" FROM outbox WHERE contact = ?3 AND {condition} ORDER BY id",
        (group_id, unit.now, contact.id),
    )
    unit.tx.execute(
        f"DELETE FROM outbox WHERE contact = ? AND id <= ? AND {condition}",  # noqa: S608  # our own text
        (contact.id, newest),
    )
