"""What is done now and then, so that nothing grows for ever."""

from collections.abc import Callable
from typing import Final

from balchat_host.core import alarms, envelope_retries, event_log, inbox, key_package_pool, own_message_ids
from balchat_host.core.delivery import outgoing, queue, requeue
from balchat_host.core.eras import retention, schedule
from balchat_host.core.files import keeping as files_kept
from balchat_host.core.first_contact import asking, requests
from balchat_host.core.messages import expiry, reactions
from balchat_host.core.unit_of_work import UnitOfWork


def tidy(unit: UnitOfWork) -> None:
    """Delete what has had its time. What fails unexpectedly keeps nothing else from being done."""
    for task in _TASKS:
        with unit.contained():
            task(unit)


_TASKS: Final[tuple[Callable[[UnitOfWork], None], ...]] = (
    requests.expire,
    asking.renew,
    key_package_pool.expire,
    retention.expire,
    schedule.tidy,
    outgoing.redeposit,
    requeue.retry_deferred,
    queue.encrypt_all_waiting,
    event_log.prune,
    envelope_retries.expire,
    inbox.expire,
    reactions.expire,
    own_message_ids.expire,
    alarms.expire,
    expiry.shorten,
    files_kept.expire,
)
