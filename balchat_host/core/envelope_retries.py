"""Envelopes of contacts that failed with an exception which nobody foresaw: how often each may come again.

It may be our own bug, and a refusal for good has the sender give its message up: so a contact's envelope may come again
a few times, an hour apart, and a better balchat may take it meanwhile. A stranger's never.
"""

from typing import Final

from balchat_host.core import rows
from balchat_host.core.unit_of_work import UnitOfWork

RETRY_AFTER: Final = 3600
"""Seconds after which an envelope that failed may come again."""
MAX_TIMES: Final = 3
"""How often one may come again."""
MAX_KEPT: Final = 1024
"""How many envelopes are counted; beyond, that which failed longest ago is forgotten."""
KEPT_FOR: Final = 30 * 24 * 3600 * 1000
"""Milliseconds for which one is counted after it last failed."""


def may_come_again(unit: UnitOfWork, envelope_id: bytes) -> bool:
    """Count an envelope that failed; return whether it may come again."""
    times = rows.number(unit.tx, "SELECT times FROM failed_envelope WHERE envelope_id = ?", (envelope_id,))
    if times >= MAX_TIMES:
        return False
    unit.tx.execute(
        "INSERT INTO failed_envelope (envelope_id, times, at) VALUES (?, 1, ?)"
        " ON CONFLICT (envelope_id) DO UPDATE SET times = times + 1, at = excluded.at",
        (envelope_id, unit.now),
    )
    unit.tx.execute(
        "DELETE FROM failed_envelope WHERE envelope_id NOT IN"
        " (SELECT envelope_id FROM failed_envelope ORDER BY at DESC, times DESC LIMIT ?)",
        (MAX_KEPT,),
    )
    return True


def expire(unit: UnitOfWork) -> None:
    """Forget those that failed long ago."""
    unit.tx.execute("DELETE FROM failed_envelope WHERE at < ?", (unit.now - KEPT_FOR,))
