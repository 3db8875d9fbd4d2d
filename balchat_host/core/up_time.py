"""How long the account has been up, and up to when all that was stored for us was read.

What goes some hours after something happened goes only after we have been up for so long since: whoever was away comes
back to what was sent to them meanwhile. Times up are in milliseconds.
"""

from collections.abc import Collection
from typing import Final

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import rows
from balchat_host.core.unit_of_work import UnitOfWork

_LONGEST_PAUSE: Final = 2 * 3600 * 1000
"""Milliseconds without a word for which we count as up all the same: `count` comes about once an hour."""


def count(unit: UnitOfWork) -> None:
    """Count the time since the last call, unless we were not up or the clock was changed."""
    unit.tx.execute(
        "INSERT INTO up_time (only, up, at) VALUES (1, 0, ?1) ON CONFLICT (only) DO UPDATE"
        " SET up = up + iif(?1 - at BETWEEN 0 AND ?2, ?1 - at, 0), at = ?1",
        (unit.now, _LONGEST_PAUSE),
    )


def now(tx: ReadTransaction) -> int:
    """Return the time up, as of the last time that it was counted."""
    return rows.number(tx, "SELECT up FROM up_time")


def set_storing(unit: UnitOfWork, transports: Collection[str]) -> None:
    """Note by which transports something may be stored for us, by name; of the others nothing is awaited."""
    for transport in transports:
        unit.tx.execute("INSERT OR IGNORE INTO read_to_end (transport, up) VALUES (?, 0)", (transport,))
    for (known,) in unit.tx.query("SELECT transport FROM read_to_end"):
        if known not in transports:
            unit.tx.execute("DELETE FROM read_to_end WHERE transport = ?", (known,))


def on_read(unit: UnitOfWork, transport: str, *, since: int) -> None:
    """Note that all that a transport had stored for us when it was `since` (Unix milliseconds) has been read."""
    count(unit)
    unit.tx.execute(
        "UPDATE read_to_end SET up = max(up, (SELECT up - max(0, at - ?) FROM up_time)) WHERE transport = ?",
        (since, transport),
    )


def read_until(tx: ReadTransaction) -> int:
    """Return the time up until which all that was stored for us has been read."""
    return rows.number(tx, "SELECT coalesce((SELECT min(up) FROM read_to_end), (SELECT up FROM up_time))")
