"""Everybody whom we know of, ourselves among them, and what they use balchat on."""

from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.core import rows
from balchat_host.core.unit_of_work import UnitOfWork

_ONLY_DEVICE: Final = bytes(16)
"""The id of the device that each peer has; their credentials name none yet."""


def find(tx: ReadTransaction, peer: PeerId) -> int | None:
    """Return a peer's number, or None where we do not know of them."""
    found = tx.query("SELECT id FROM peer WHERE account_key = ?", (peer.octets,))
    return cast("int", found[0][0]) if found else None


def know(unit: UnitOfWork, peer: PeerId) -> int:
    """Return a peer's number; from now on we know of them."""
    number = find(unit.tx, peer)
    if number is None:
        number = unit.insert("INSERT INTO peer (account_key) VALUES (?)", (peer.octets,))
    return number


def know_device(unit: UnitOfWork, number: int) -> int:
    """Return the number of a peer's device; from now on we know of it."""
    known = device(unit.tx, number)
    if known is None:
        known = unit.insert("INSERT INTO device (peer, device_id) VALUES (?, ?)", (number, _ONLY_DEVICE))
    return known


def device(tx: ReadTransaction, number: int) -> int | None:
    """Return the number of a peer's device, or None where none is known."""
    return rows.number(tx, "SELECT id FROM device WHERE peer = ? ORDER BY id LIMIT 1", (number,)) or None


def forget(unit: UnitOfWork, number: int) -> None:
    """Forget a peer whom nothing needs any more: neither contact nor request, and in no conversation."""
    unit.tx.execute(
        "DELETE FROM peer WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM account WHERE peer = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM contact WHERE peer = ?1) AND NOT EXISTS (SELECT 1 FROM request WHERE peer = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM member WHERE peer = ?1)",
        (number,),
    )
