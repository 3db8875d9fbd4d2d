"""KeyPackages of ours that others may use: handed to one who asked, or left where strangers can claim them.

RFC 9420, sections 10 and 16.8. What is taken back is forgotten, private half and all.
"""

from typing import Final, cast

from balchat_host.api.storage import SqlValue
from balchat_host.api.transport import KeyPackages
from balchat_host.api.types import PeerId
from balchat_host.core.unit_of_work import UnitOfWork

MAX_MADE: Final = 128
"""How many are made at once to be left."""
MAX_KEPT: Final = 1024
"""How many may lie there; beyond, the oldest are taken back."""
MAX_HANDED: Final = 256
"""How many may be in the hands of those who asked; beyond, the oldest is taken back."""
_DAY: Final = 24 * 3600
_CLOCK_TOLERANCE: Final = 3600 * 1000
"""Milliseconds that a KeyPackage is valid before it was made (docs/spec/mls.md, Time)."""


def handed_to(unit: UnitOfWork, peer: PeerId) -> bytes | None:
    """Return the KeyPackage that a peer was handed and has not used, or None where it has none that is fresh."""
    found = unit.tx.query(
        "SELECT key_package FROM own_key_package WHERE holder = ? AND purpose = 'handed'"
        " AND made_at > ? AND made_at <= ?",
        (peer.octets, *fresh(unit)),
    )
    return cast("bytes", found[0][0]) if found else None


def hand_to(unit: UnitOfWork, peer: PeerId) -> bytes:
    """Make a KeyPackage for a peer, in place of one that it was handed before; return it."""
    take_back_from(unit, peer)
    key_package = _make(unit, "handed", holder=peer.octets)
    _take_back_beyond(unit, "handed", MAX_HANDED)
    return key_package


def take_back_from(unit: UnitOfWork, peer: PeerId) -> None:
    """Take back the KeyPackage that a peer was handed."""
    _take_back(unit, "holder = ? AND purpose = 'handed'", peer.octets)


def refill(unit: UnitOfWork, count: int) -> KeyPackages:
    """Make up to `count` single-use KeyPackages; return them with the last resort and the time until which all hold.

    There is another last resort when half of its life is over; the one before it answers until it is stale.
    """
    lifetime = unit.policy.request_lifetime
    last = unit.tx.query(
        "SELECT key_package, made_at FROM own_key_package WHERE purpose = 'last-resort'"
        " AND made_at > ? AND made_at <= ? ORDER BY made_at DESC LIMIT 1",
        fresh(unit),
    )
    last_resort, made_at = cast("tuple[bytes, int]", last[0]) if last else (_make(unit, "last-resort"), unit.now)
    single_use = tuple(_make(unit, "pooled") for _ in range(min(count, MAX_MADE)))
    _take_back_beyond(unit, "pooled", MAX_KEPT)
    # Everybody can read it, so it ends with a day and does not tell our clock (docs/spec/mls.md, Time).
    not_after = (made_at // 1000 + lifetime) // _DAY * _DAY
    return KeyPackages(single_use=single_use, last_resort=last_resort, not_after=not_after)


def fresh(unit: UnitOfWork) -> tuple[int, int]:
    """Return after when, and until when, a KeyPackage was made that is still handed out (Unix milliseconds).

    It has half of its life before it. One from later was made by a clock that was ahead, and is good for nothing yet.
    """
    return unit.now - unit.policy.request_lifetime * 1000 // 2, unit.now + _CLOCK_TOLERANCE


def expire(unit: UnitOfWork) -> None:
    """Take back those that have outlived their lifetime."""
    for purpose in ("handed", "pooled", "last-resort"):
        _take_back(unit, "purpose = ? AND made_at < ?", purpose, unit.now - unit.policy.request_lifetime * 1000)


def _make(unit: UnitOfWork, purpose: str, *, holder: bytes | None = None) -> bytes:
    key_package = unit.engine.key_package(
        unit.keys,
        lifetime=unit.policy.request_lifetime,
        now=unit.seconds,
        last_resort=purpose == "last-resort",
    )
    unit.tx.execute(
        "INSERT INTO own_key_package (purpose, holder, key_package, made_at) VALUES (?, ?, ?, ?)",
        (purpose, holder, key_package, unit.now),
    )
    return key_package


def _take_back_beyond(unit: UnitOfWork, purpose: str, most: int) -> None:
    """Take back the oldest of more than `most`: by the order in which they were made, which hangs on no clock."""
    newest = "SELECT id FROM own_key_package WHERE purpose = ? ORDER BY id DESC LIMIT ?"
    _take_back(unit, f"purpose = ? AND id NOT IN ({newest})", purpose, purpose, most)


def _take_back(unit: UnitOfWork, condition: str, *parameters: SqlValue) -> None:
    gone = unit.tx.query(
        f"DELETE FROM own_key_package WHERE {condition} RETURNING key_package",  # noqa: S608  # our own text
        parameters,
    )
    for (key_package,) in gone:
        unit.engine.forget_key_package(unit.keys, cast("bytes", key_package))
