"""When eras that have done their service go: docs/spec/eras.md, "How long one is kept".

What counts is how long we were up since, and whether all that was stored for us by then has been read: whoever was away
for a week comes back to what was written to them in an era that is over by now.
"""

from typing import Final

from balchat_host.core import up_time
from balchat_host.core.eras import keeping
from balchat_host.core.unit_of_work import UnitOfWork

_HOUR: Final = 3600 * 1000
_DAY: Final = 24 * _HOUR
FOLLOWED_KEPT: Final = 72 * _HOUR
"""Milliseconds, counted while up, that an era is kept once it has done its service."""
_LONGEST_KEPT: Final = 30 * _DAY
_GONE_KEPT: Final = 90 * _DAY
_MAX_GONE: Final = 64
"""How many ids of gone eras are kept of one conversation."""


def expire(unit: UnitOfWork) -> None:
    """Delete the eras that have had their time, and forget the ids of those that went long ago."""
    up_time.count(unit)
    now_up = up_time.now(unit.tx)
    over = keeping.followed(
        unit.tx,
        "followed_at < ?1 OR (followed_up <= ?2 AND followed_up <= ?3)",
        unit.now - _LONGEST_KEPT,
        now_up - FOLLOWED_KEPT,
        up_time.read_until(unit.tx),
    )
    for contact, era in over:
        keeping.retire(unit, contact.conversation, era)
    unit.tx.execute("DELETE FROM gone_era WHERE gone_at < ?", (unit.now - _GONE_KEPT,))
    unit.tx.execute(
        "DELETE FROM gone_era WHERE era_id IN (SELECT era_id FROM (SELECT era_id, row_number()"
        " OVER (PARTITION BY conversation ORDER BY gone_at DESC) AS place FROM gone_era) WHERE place > ?)",
        (_MAX_GONE,),
    )
