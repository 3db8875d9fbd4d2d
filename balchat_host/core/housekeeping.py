"""What is done now and then, so that nothing grows for ever."""

from typing import Final

from balchat_host.core import groups, handshake, journal, outbox, pool, requests
from balchat_host.core.unit import Unit

_DAY: Final = 24 * 3600 * 1000
_ENVELOPE_IDS_KEPT: Final = 90 * _DAY
_LOSING_GROUPS_KEPT: Final = 7 * _DAY


def tidy(unit: Unit) -> None:
    """Delete what has had its time."""
    requests.expire(unit)
    handshake.expire(unit)
    handshake.renew(unit)
    pool.expire(unit)
    groups.prune(unit, older_than=unit.now - _LOSING_GROUPS_KEPT)
    outbox.drop_answers(unit)
    outbox.store_anew(unit)
    outbox.make_up(unit)
    journal.prune(unit)
    unit.tx.execute("DELETE FROM received WHERE at < ?", (unit.now - _ENVELOPE_IDS_KEPT,))
