"""KeyPackages that contacts give each other for new eras: ours that they have, and theirs that we have.

Each is used once. They are given inside MLS, so that nobody else has any; strangers' lie in `key_package_pool`. The law
is docs/spec/eras.md, "Contact KeyPackages".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.core import peers, up_time
from balchat_host.core.eras.retention import FOLLOWED_KEPT
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork

_DAY: Final = 24 * 3600
_LIFETIME: Final = 90 * _DAY
"""Seconds."""
_GIVEN_AT_ONCE: Final = 2
_MAX_GIVEN: Final = 8
_MAX_HELD: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A KeyPackage of ours that the peer `holder` may use. Those of one `batch` were given in one message."""

    id: int
    holder: bytes
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A KeyPackage of a contact's that we may use, and when they gave it (Unix milliseconds)."""

    id: int
    key_package: bytes
    said_at: int


# -- ours


def make(unit: UnitOfWork, contact: ContactRow) -> tuple[bytes, ...]:
    """Make KeyPackages for a contact. Of too many, the oldest are taken back."""
    batch = None
    made: list[bytes] = []
    for _ in range(_GIVEN_AT_ONCE):
        key_package = unit.engine.key_package(unit.keys, lifetime=_LIFETIME, now=unit.seconds)
        number = unit.insert(
            "INSERT INTO own_key_package (purpose, holder, key_package, reference, batch, made_at)"
            " VALUES ('contact', ?, ?, ?, ?, ?)",
            (contact.peer.octets, key_package, unit.engine.reference(key_package), batch, unit.now),
        )
        batch = batch or number
        unit.tx.execute("UPDATE own_key_package SET batch = ? WHERE id = ?", (batch, number))
        made.append(key_package)
    newest = "SELECT id FROM own_key_package WHERE holder = ?1 AND purpose = 'contact' ORDER BY id DESC LIMIT ?2"
    _take_back(unit, f"holder = ?1 AND purpose = 'contact' AND id NOT IN ({newest})", contact.peer.octets, _MAX_GIVEN)
    return tuple(made)


def find(tx: ReadTransaction, reference: bytes) -> Given | None:
    """Return the KeyPackage of ours with a reference, if a contact has it."""
    found = tx.query("SELECT id, holder, batch FROM own_key_package WHERE reference = ?", (reference,))
    if not found:
        return None
    number, holder, batch = found[0]
    return Given(id=cast("int", number), holder=cast("bytes", holder), batch=cast("int", batch))


def on_used(unit: UnitOfWork, given: Given) -> None:
    """Note that a Welcome has used a KeyPackage up. Those that were given before it go in 72 hours."""
    unit.tx.execute("DELETE FROM own_key_package WHERE id = ?", (given.id,))
    unit.tx.execute(
        "UPDATE own_key_package SET goes_up = ? WHERE holder = ? AND purpose = 'contact' AND batch < ?"
        " AND goes_up IS NULL",
        (up_time.now(unit.tx) + FOLLOWED_KEPT, given.holder, given.batch),
    )


def expire(unit: UnitOfWork) -> None:
    """Take back those that are out of date, and those that nobody should use any more."""
    oldest = unit.now - _LIFETIME * 1000
    _take_back(unit, "purpose = 'contact' AND (made_at < ? OR goes_up <= ?)", oldest, up_time.now(unit.tx))
    unit.tx.execute("DELETE FROM contact_key_package WHERE said_at < ?", (oldest,))


def take_back_from(unit: UnitOfWork, contact: ContactRow) -> None:
    """Take back all that a contact has, and forget theirs."""
    _take_back(unit, "holder = ? AND purpose = 'contact'", contact.peer.octets)
    forget(unit, contact)


def _take_back(unit: UnitOfWork, condition: str, *parameters: SqlValue) -> None:
    gone = unit.tx.query(
        f"DELETE FROM own_key_package WHERE {condition} RETURNING key_package",  # noqa: S608  # our own text
        parameters,
    )
    for (key_package,) in gone:
        unit.engine.forget_key_package(unit.keys, cast("bytes", key_package))


# -- theirs


def hold(
    unit: UnitOfWork, contact: ContactRow, key_packages: Sequence[bytes], *, device_id: bytes, said_at: int
) -> bool:
    """Keep KeyPackages that a device of a contact's gave us at `said_at`, by its clock; of too many, not the oldest.

    Return whether they are of use: not where it is another device than the one that they use.
    """
    device = peers.device_number(unit.tx, contact.id, device_id)
    if device is None:
        return False
    for key_package in key_packages:
        unit.tx.execute(
            "INSERT INTO contact_key_package (device, key_package, said_at) VALUES (?, ?, ?)",
            (device, key_package, min(said_at, unit.now)),
        )
    unit.tx.execute(
        "DELETE FROM contact_key_package WHERE device = ?1 AND id NOT IN"
        " (SELECT id FROM contact_key_package WHERE device = ?1 ORDER BY said_at DESC, id DESC LIMIT ?2)",
        (device, _MAX_HELD),
    )
    return True


def held(tx: ReadTransaction, contact: ContactRow) -> list[Held]:
    """Return those of a contact's that we have, the newest first."""
    found = tx.query(
        "SELECT id, key_package, said_at FROM contact_key_package WHERE device = ? ORDER BY said_at DESC, id DESC",
        (peers.device(tx, contact.id),),
    )
    return [
        Held(id=cast("int", number), key_package=cast("bytes", key_package), said_at=cast("int", said_at))
        for number, key_package, said_at in found
    ]


def use(unit: UnitOfWork, used: Held) -> None:
    """Forget one that is used now: nobody uses it twice."""
    unit.tx.execute("DELETE FROM contact_key_package WHERE id = ?", (used.id,))


def forget(unit: UnitOfWork, contact: ContactRow, *, before: int | None = None) -> None:
    """Forget those of a contact's that were given before a time by their clock; None is all of them."""
    unit.tx.execute(
        "DELETE FROM contact_key_package WHERE device IN (SELECT id FROM device WHERE peer = ?1)"
        " AND said_at < coalesce(?2, said_at + 1)",
        (contact.id, before),
    )
