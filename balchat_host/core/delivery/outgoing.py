"""What leaves, and in which order: deliveries whose payload is encrypted.

A delivery's number is its ticket; where it is to leave for another place, or in another era, it gets a new one
(`requeue`). Deliveries leave in the order of their tickets, by two kinds of ways that know nothing of each other: those
that reach the peer itself (`pending`), and those that store and forward (`to_store`). Who stores is trusted to keep
nothing: what was stored stays here until the peer itself has confirmed it, and is stored once more after a day, or as
soon as they can be reached otherwise.
"""

from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outgoing
from balchat_host.api.types import PeerId
from balchat_host.api.views import OutboxView
from balchat_host.core import rows
from balchat_host.core.delivery import queue, requeue
from balchat_host.core.envelope import Envelope
from balchat_host.core.rows import Purpose
from balchat_host.core.unit_of_work import UnitOfWork

LONGEST_WAIT: Final = 14 * 24 * 3600 * 1000
"""Milliseconds that anything waits before it leaves, the last of 100,000 contacts after a restore too. What seems to
wait for longer was told to by a clock that was ahead, and leaves."""
_REDEPOSITED_AFTER: Final = 24 * 3600 * 1000
"""Milliseconds until what was stored, and not confirmed, is stored once more."""
_TO_A_CONTACT: Final = (
    "delivery.peer = (SELECT contact.peer FROM contact JOIN peer ON peer.id = contact.peer"
    " WHERE account_key = ? AND blocked = 0)"
)
# What asks to become a contact is for no device; it leaves with what is for the one that we have known for longest.
_TO_A_DEVICE: Final = (
    f"{_TO_A_CONTACT} AND coalesce(delivery.device, (SELECT min(id) FROM device WHERE device.peer = delivery.peer))"  # noqa: S608  # our own text
    " = (SELECT id FROM device WHERE device.peer = delivery.peer AND device_id = ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What can leave for a peer now, and when to look again for what must wait (Unix milliseconds, or None).

    `wants_key_package`: nothing can leave before there is one of theirs, which may be claimed where they left some.
    """

    outgoing: list[Outgoing]
    look_again: int | None
    wants_key_package: bool = False


NOTHING: Final = Pending(outgoing=[], look_again=None)


def peers(tx: ReadTransaction) -> list[PeerId]:
    """Return those for whom something waits to leave, but for the blocked ones."""
    found = tx.query(
        "SELECT account_key FROM contact JOIN peer ON peer.id = contact.peer"
        " WHERE blocked = 0 AND contact.peer IN (SELECT delivery.peer FROM delivery)"
    )
    return [PeerId(cast("bytes", key)) for (key,) in found]


def recipients(tx: ReadTransaction) -> list[tuple[PeerId, bytes | None]]:
    """Return the devices of those for whom something waits, but for the blocked ones; None where we know of none."""
    found = tx.query(
        "SELECT account_key, device_id FROM contact JOIN peer ON peer.id = contact.peer"
        " LEFT JOIN device ON device.peer = contact.peer"
        " WHERE blocked = 0 AND contact.peer IN (SELECT delivery.peer FROM delivery)"
    )
    return [(PeerId(cast("bytes", key)), cast("bytes | None", device_id)) for key, device_id in found]


def pending(
    tx: ReadTransaction, peer: PeerId, *, device_id: bytes | None = None, after: int, now: int, limit: int
) -> Pending:
    """Return what can leave for a device of a contact's, in order, from the ticket after `after` on.

    None stands for all devices. Nothing overtakes what must wait.
    """
    to_them, parameters = _to(peer, device_id)
    found = tx.query(
        "SELECT ticket, purpose, ciphertext, not_before"  # noqa: S608  # our own text
        " FROM delivery JOIN payload ON payload.id = delivery.payload"
        f" WHERE {to_them} AND ciphertext IS NOT NULL AND ticket > ? ORDER BY ticket LIMIT ?",
        (*parameters, after, limit),
    )
    outgoing: list[Outgoing] = []
    for ticket, purpose, ciphertext, not_before in found:
        if now < cast("int", not_before) <= now + LONGEST_WAIT:
            return Pending(outgoing=outgoing, look_again=cast("int", not_before))
        outgoing.append(_outgoing(ticket, purpose, ciphertext))
    return Pending(outgoing=outgoing, look_again=None)


def to_store(
    tx: ReadTransaction, peer: PeerId, *, device_id: bytes | None = None, queued_until: int, now: int, limit: int
) -> Pending:
    """Return what can be stored for a device of a contact's, in order.

    It is what was queued until `queued_until` (Unix milliseconds). What is stale can only be sent directly: whoever
    looks for it later has no use for it. None stands for all devices.
    """
    to_them, parameters = _to(peer, device_id)
    found = tx.query(
        "SELECT ticket, purpose, ciphertext, queued_at, not_before"  # noqa: S608  # our own text
        " FROM delivery JOIN payload ON payload.id = delivery.payload"
        f" WHERE {to_them} AND ciphertext IS NOT NULL AND stored_at IS NULL"
        " AND coalesce(stale_at > ?, 1) ORDER BY ticket LIMIT ?",
        (*parameters, now, limit),
    )
    outgoing: list[Outgoing] = []
    for ticket, purpose, ciphertext, queued_at, not_before in found:
        asks = purpose == Purpose.KEY_PACKAGE_REQUEST
        # What looks as if from the future was queued by a clock that was ahead: it has waited long enough.
        hedging = cast("int", queued_at) - queued_until if cast("int", queued_at) <= now else 0
        told = cast("int", not_before) - now if asks else 0
        wait = max(hedging, told if told <= LONGEST_WAIT else 0)
        if wait > 0:
            return Pending(outgoing=outgoing, look_again=now + wait)
        if asks:
            return Pending(outgoing=outgoing, look_again=None, wants_key_package=not outgoing)
        outgoing.append(_outgoing(ticket, purpose, ciphertext))
    return Pending(outgoing=outgoing, look_again=None)


def redeposit(unit: UnitOfWork) -> None:
    """Have stored once more what was stored a day ago, or by a clock that was ahead, and is not confirmed.

    What is stale is left out.
    """
    again = unit.tx.query(
        "UPDATE delivery SET stored_at = NULL WHERE (stored_at < ?1 OR stored_at > ?2) AND coalesce(stale_at > ?2, 1)"
        " RETURNING peer",
        (unit.now - _REDEPOSITED_AFTER, unit.now),
    )
    for number in dict.fromkeys(row[0] for row in again):
        for contact in rows.contacts_where(unit.tx, "contact.peer = ? AND blocked = 0", (number,)):
            requeue.follow_era(unit, contact)
            queue.wake(unit, contact.peer)


def view(tx: ReadTransaction) -> OutboxView:
    """Return how much waits, messages of people and the handshake's; what is on its way the runtime knows."""
    waiting, oldest = tx.query(
        "SELECT count(*), min(made_at) FROM payload LEFT JOIN delivery ON delivery.payload = payload.id"
        " WHERE stored_at IS NULL"
    )[0]
    return OutboxView(
        waiting=cast("int", waiting),
        in_flight=0,
        oldest=cast("int | None", oldest),
        relayed=rows.number(tx, "SELECT count(*) FROM delivery WHERE stored_at IS NOT NULL"),
    )


def _to(peer: PeerId, device_id: bytes | None) -> tuple[str, tuple[bytes, ...]]:
    """Return the condition for the deliveries to a device, and its parameters."""
    if device_id is None:
        return _TO_A_CONTACT, (peer.octets,)
    return _TO_A_DEVICE, (peer.octets, device_id)


def _outgoing(ticket: object, purpose: object, ciphertext: object) -> Outgoing:
    kind = Purpose(cast("int", purpose)).kind
    return Outgoing(
        ticket=cast("int", ticket), envelope=Envelope(kind=kind, payload=cast("bytes", ciphertext)).encode()
    )
