"""KeyPackages of ours that lie where strangers can claim them while we are away (RFC 9420, sections 10 and 16.8)."""

from typing import Final, cast

from balchat_host.api.transport import KeyPackages
from balchat_host.core.unit_of_work import UnitOfWork

MAX_MADE: Final = 128
"""How many are made at once."""
_DAY: Final = 24 * 3600
_CLOCK_TOLERANCE: Final = 3600 * 1000
"""Milliseconds that a KeyPackage is valid before it was made (docs/spec/mls.md, Time)."""
MAX_KEPT: Final = 1024
"""How many may be out; beyond, the oldest are taken back."""


def refill(unit: UnitOfWork, count: int) -> KeyPackages:
    """Make up to `count` single-use KeyPackages; give them with the last resort and the time until which all hold.

    The last resort is made anew when half of its life is over; the one before it answers until it is stale.
    """
    lifetime = unit.policy.request_lifetime
    last = unit.tx.query(
        "SELECT key_package, made_at FROM pooled_key_package WHERE last_resort = 1 AND made_at > ? AND made_at <= ?"
        " ORDER BY made_at DESC LIMIT 1",
        fresh(unit),
    )
    last_resort, made_at = cast("tuple[bytes, int]", last[0]) if last else (_make(unit, last_resort=True), unit.now)
    single_use = tuple(_make(unit, last_resort=False) for _ in range(min(count, MAX_MADE)))
    _take_back(
        unit,
        "last_resort = 0 AND id NOT IN"
        " (SELECT id FROM pooled_key_package WHERE last_resort = 0 ORDER BY id DESC LIMIT ?)",
        MAX_KEPT,
    )
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
    _take_back(unit, "made_at < ?", unit.now - unit.policy.request_lifetime * 1000)


def _make(unit: UnitOfWork, *, last_resort: bool) -> bytes:
    key_package = unit.engine.key_package(
        unit.keys, lifetime=unit.policy.request_lifetime, now=unit.seconds, last_resort=last_resort
    )
    unit.tx.execute(
        "INSERT INTO pooled_key_package (key_package, last_resort, made_at) VALUES (?, ?, ?)",
        (key_package, last_resort, unit.now),
    )
    return key_package


def _take_back(unit: UnitOfWork, condition: str, parameter: int) -> None:
    gone = unit.tx.query(
        f"DELETE FROM pooled_key_package WHERE {condition} RETURNING key_package",  # noqa: S608  # our own text
        (parameter,),
    )
    for (key_package,) in gone:
        unit.engine.forget_key_package(unit.keys, cast("bytes", key_package))
