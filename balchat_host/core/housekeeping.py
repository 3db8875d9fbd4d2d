"""What is done now and then, so that nothing grows for ever."""

from collections.abc import Callable
from typing import Final

from balchat_host.core import (
    asking,
    event_log,
    failed_envelopes,
    groups,
    handshake,
    key_package_pool,
    outbox,
    requests,
    requeue,
)
from balchat_host.core.unit_of_work import UnitOfWork

_DAY: Final = 24 * 3600 * 1000
_ENVELOPE_IDS_KEPT: Final = 90 * _DAY
_LOSING_GROUPS_KEPT: Final = 7 * _DAY


def tidy(unit: UnitOfWork) -> None:
    """Delete what has had its time. What fails unexpectedly keeps nothing else from being done."""
    for task in _TASKS:
        with unit.contained():
            task(unit)


def _forget_losing_groups(unit: UnitOfWork) -> None:
    groups.prune(unit, older_than=unit.now - _LOSING_GROUPS_KEPT)


def _forget_envelopes(unit: UnitOfWork) -> None:
    unit.tx.execute("DELETE FROM received WHERE at < ?", (unit.now - _ENVELOPE_IDS_KEPT,))


_TASKS: Final[tuple[Callable[[UnitOfWork], None], ...]] = (
    requests.expire,
    handshake.expire,
    asking.renew,
    key_package_pool.expire,
    _forget_losing_groups,
    outbox.drop_answers,
    outbox.redeposit,
    requeue.retry_deferred_requeues,
    requeue.encrypt_all_waiting,
    event_log.prune,
    failed_envelopes.expire,
    _forget_envelopes,
)
