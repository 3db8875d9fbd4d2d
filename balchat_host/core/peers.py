"""Everybody whom we know of, ourselves among them, and what they use balchat on."""

from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.core import rows
from balchat_host.core.unit_of_work import UnitOfWork


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


def know_device(unit: UnitOfWork, number: int, device_id: bytes) -> int:
    """Return the number of the device that a peer names so; from now on it is the one that they use.

    Devices cannot be linked yet, so each account has one. Another one takes its place: what waits goes to the new one,
    and the routes to the old one are forgotten.
    """
    former = device(unit.tx, number)
    known = rows.number(unit.tx, "SELECT id FROM device WHERE peer = ? AND device_id = ?", (number, device_id))
    if known:
        return known
    new = unit.insert("INSERT INTO device (peer, device_id) VALUES (?, ?)", (number, device_id))
    if former is not None:
        unit.tx.execute("UPDATE delivery SET device = ? WHERE device = ?", (new, former))
        unit.tx.execute("DELETE FROM device WHERE id = ?", (former,))
    return new


def device(tx: ReadTransaction, number: int) -> int | None:
    """Return the number of the device that a peer uses, or None where none is known.

    Whatever is for "the" device of a peer asks here, until there can be several.
    """
    return rows.number(tx, "SELECT id FROM device WHERE peer = ?", (number,)) or None


def device_number(tx: ReadTransaction, number: int, device_id: bytes) -> int | None:
    """Return the number of the device that a peer names so, or None where it is not one that they use."""
    return rows.number(tx, "SELECT id FROM device WHERE peer = ? AND device_id = ?", (number, device_id)) or None


def device_ids(tx: ReadTransaction, peer: PeerId) -> list[bytes]:
    """Return the ids of a peer's devices, as far as we know of them."""
    found = tx.query(
        "SELECT device_id FROM device JOIN peer ON peer.id = device.peer WHERE account_key = ? ORDER BY device.id",
        (peer.octets,),
    )
    return [cast("bytes", device_id) for (device_id,) in found]


def forget(unit: UnitOfWork, number: int) -> None:
    """Forget a peer whom nothing needs any more: neither contact nor request, and in no conversation."""
    unit.tx.execute(
        "DELETE FROM peer WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM account WHERE peer = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM contact WHERE peer = ?1) AND NOT EXISTS (SELECT 1 FROM request WHERE peer = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM member WHERE peer = ?1)",
        (number,),
    )
