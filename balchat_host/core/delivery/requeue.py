"""Queues again what waits for a contact: they have named other routes, or use another era.

A few octets of theirs cost us all that waits for them. So it is done a few times an hour, and what takes most of the
time, encrypting, in portions (`queue.encrypt_waiting`).
"""

from enum import StrEnum
from typing import Final

from balchat_host.core import rate_limits, rows
from balchat_host.core.delivery import queue
from balchat_host.core.eras import keeping
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import NewRoutes, UnitOfWork

_PER_HOUR: Final = 4
"""How often all that waits for a contact is queued again, for each reason."""
_COLUMNS: Final = "peer, device, state, queued_at, not_before, stale_at, reason, way"


class RequeueReason(StrEnum):
    """Why what waits for a contact is queued again."""

    ROUTES = "routes"
    """They have named other routes: where it was left, they may not look any more."""
    ERA = "era"
    """They use an era that came with a contact request: the one it was encrypted in they may have lost."""
    RENEWAL = "renewal"
    """We send in the next era. What is at a relay is read in the one before, or stored again in the next one."""


_COUNTED: Final = {
    RequeueReason.ROUTES: Counted.REQUEUED_FOR_ROUTES,
    RequeueReason.ERA: Counted.REQUEUED_FOR_ERA,
    RequeueReason.RENEWAL: Counted.REQUEUED_FOR_ERA,
}


def requeue(unit: UnitOfWork, contact: ContactRow, reason: RequeueReason) -> None:
    """Queue again what a contact has not confirmed, in the same order, to be encrypted in the era that we send in now.

    It gets new tickets. So what is just being stored where they were counts as not stored, and nothing that is newer
    comes to the new place before it.

    It is done `_PER_HOUR` times at most for each reason. What comes too soon is done later (`retry_deferred`), and
    changes nothing of how long we wait where we were refused; until then what is newer may come to them first.
    """
    which = "stored_at IS NULL" if reason is RequeueReason.RENEWAL else "1"
    waits = unit.tx.query(f"SELECT 1 FROM delivery WHERE peer = ? AND {which} LIMIT 1", (contact.id,))  # noqa: S608  # our own text
    unit.tx.execute("DELETE FROM deferred_requeue WHERE peer = ?", (contact.id,))
    if waits and not rate_limits.may(unit, contact.peer, _COUNTED[reason], per_hour=_PER_HOUR):
        unit.tx.execute("INSERT INTO deferred_requeue (peer, reason) VALUES (?, ?)", (contact.id, reason))
    else:
        _renew_payloads(unit, contact, which)
        renewed = NewRoutes(peer=contact.peer)
        if renewed not in unit.effects:  # or nobody has seen the tickets yet
            _renew_tickets(unit, contact, which)
        if reason is RequeueReason.RENEWAL:
            # What they could not read in the era before need not wait any longer.
            unit.tx.execute(
                "UPDATE delivery SET not_before = 0 WHERE peer = ? AND device IS NOT NULL AND stored_at IS NULL",
                (contact.id,),
            )
        queue.wake(unit, contact.peer)
        unit.effect(renewed)
    queue.encrypt_waiting(unit, contact.conversation)


def follow_era(unit: UnitOfWork, contact: ContactRow) -> None:
    """Queue again what is to leave for a contact, but is encrypted in another era than the one that we send in now."""
    elsewhere = unit.tx.query(
        "SELECT 1 FROM delivery JOIN payload ON payload.id = payload WHERE peer = ? AND stored_at IS NULL"
        " AND (content IS NOT NULL OR message IS NOT NULL) AND era <>"
        " (SELECT sending_era FROM conversation WHERE conversation.id = payload.conversation) LIMIT 1",
        (contact.id,),
    )
    if elsewhere:
        requeue(unit, contact, RequeueReason.RENEWAL)


def retry_deferred(unit: UnitOfWork) -> None:
    """Queue again what had to wait for that, as far as it may be now."""
    deferred = "blocked = 0 AND EXISTS (SELECT 1 FROM deferred_requeue WHERE peer = contact.peer AND reason = ?)"
    for reason in RequeueReason:
        for contact in rows.contacts_where(unit.tx, deferred, (reason,)):
            with unit.contained():
                requeue(unit, contact, reason)


def begin_to_talk(unit: UnitOfWork, contact: ContactRow) -> None:
    """Have leave what was written before we could talk, behind the contact request that it must follow."""
    conversation = contact.conversation.id
    unencrypted = f"payload IN (SELECT id FROM payload WHERE conversation = {conversation:d} AND ciphertext IS NULL)"  # noqa: S608  # a number
    _renew_tickets(unit, contact, unencrypted)
    # It waits to leave from now on: those who store are told nothing of it before the contact itself could have had it.
    unit.tx.execute(
        f"UPDATE delivery SET queued_at = ? WHERE peer = ? AND {unencrypted}",  # noqa: S608  # our own text
        (unit.now, contact.id),
    )
    queue.encrypt_waiting(unit, contact.conversation)


def forget_ciphertexts(unit: UnitOfWork) -> None:
    """Have what people wrote, and receipts, wait for another era to be encrypted in; forget what cannot.

    For an account that has lost all of its eras: no octet that was encrypted in one of them leaves any more.
    """
    unit.tx.execute("DELETE FROM payload WHERE content IS NULL AND message IS NULL")
    unit.tx.execute("UPDATE payload SET ciphertext = NULL, era = NULL")
    unit.tx.execute("UPDATE delivery SET stored_at = NULL, not_before = 0")


def _renew_payloads(unit: UnitOfWork, contact: ContactRow, which: str) -> None:
    """Have what is encrypted in another era than the one that we send in wait to be encrypted in that, in its order.

    `which` is a condition of ours for deliveries of it.
    """
    era = keeping.sending(unit.tx, contact.conversation) if contact.may_talk else None
    if era is None:
        return
    unit.tx.execute(
        # By their deliveries: no index has the payloads of a conversation that are encrypted.
        "UPDATE payload SET ciphertext = NULL, era = NULL"  # noqa: S608  # our own text
        f" WHERE id IN (SELECT payload FROM delivery WHERE peer = ? AND {which})"
        " AND conversation = ? AND (content IS NOT NULL OR message IS NOT NULL)"
        " AND ciphertext IS NOT NULL AND era IS NOT ?",
        (contact.id, contact.conversation.id, era.id),
    )


def _renew_tickets(unit: UnitOfWork, contact: ContactRow, condition: str = "1") -> None:
    """Put the deliveries to a contact that meet a condition of ours at the end of the queue, in the same order.

    They count as not stored, except where that would store what is stale.
    """
    newest = rows.number(unit.tx, "SELECT max(ticket) FROM delivery WHERE peer = ?", (contact.id,))
    unit.tx.execute(
        f"INSERT INTO delivery (payload, stored_at, {_COLUMNS})"  # noqa: S608  # our own text
        f" SELECT payload, iif(stale_at <= ?, stored_at, NULL), {_COLUMNS}"
        f" FROM delivery WHERE peer = ? AND {condition} ORDER BY ticket",
        (unit.now, contact.id),
    )
    unit.tx.execute(
        f"DELETE FROM delivery WHERE peer = ? AND ticket <= ? AND {condition}",  # noqa: S608  # our own text
        (contact.id, newest),
    )
