"""What is done now and then, so that nothing grows for ever."""

from collections.abc import Callable
from typing import Final

from balchat_host.core import asking, failed_envelopes, groups, handshake, journal, moving, outbox, pool, requests
from balchat_host.core.unit import Unit

_DAY: Final = 24 * 3600 * 1000
_ENVELOPE_IDS_KEPT: Final = 90 * _DAY
_LOSING_GROUPS_KEPT: Final = 7 * _DAY


def tidy(unit: Unit) -> None:
    """Delete what has had its time. What fails unexpectedly keeps nothing else from being done."""
    for task in _TASKS:
        with unit.contained():
            task(unit)


def _forget_losing_groups(unit: Unit) -> None:
    groups.prune(unit, older_than=unit.now - _LOSING_GROUPS_KEPT)


def _forget_envelopes(unit: Unit) -> None:
    unit.tx.execute("DELETE FROM received WHERE at < ?", (unit.now - _ENVELOPE_IDS_KEPT,))


_TASKS: Final[tuple[Callable[[Unit], None], ...]] = (
    requests.expire,
    handshake.expire,
    asking.renew,
    pool.expire,
    _forget_losing_groups,
    outbox.drop_answers,
    outbox.store_anew,
    moving.make_up,
    moving.encrypt_all_waiting,
    journal.prune,
    failed_envelopes.expire,
    _forget_envelopes,
)
