"""Who is told of what, for a store that one process has to itself."""

import logging
from collections.abc import Iterable
from typing import Final, NamedTuple

from balchat_relay_proto.errors import Code, Refused

from balchat_relay.storage.contract import Subscriber

_log: Final = logging.getLogger(__name__)


class Stored(NamedTuple):
    """An envelope that was put, and where."""

    queue: bytes
    sequence: int
    envelope: bytes


class Subscribers:
    """At most one subscriber for each queue. Used in the event loop; only `in` is asked from any thread."""

    def __init__(self) -> None:
        self._by_queue: dict[bytes, Subscriber] = {}

    def __contains__(self, queue: bytes) -> bool:
        return queue in self._by_queue

    def add(self, queue: bytes, subscriber: Subscriber) -> None:
        """Let a subscriber in, and end the one that was there."""
        self.end(queue, Refused(Code.EVICTED, "A newer subscriber took over this queue."))
        self._by_queue[queue] = subscriber

    def remove(self, queue: bytes, subscriber: Subscriber) -> None:
        """Forget a subscriber. One that was ended already is no error."""
        if self._by_queue.get(queue) is subscriber:
            del self._by_queue[queue]

    def tell(self, news: Iterable[Stored]) -> None:
        """Tell subscribers what is durable now."""
        for each in news:
            subscriber = self._by_queue.get(each.queue)
            if subscriber is not None:
                try:
                    subscriber.stored(each.sequence, each.envelope)
                except Exception as error:  # noqa: BLE001  # one subscriber's failure must not keep news from others
                    _log.error("telling a subscriber failed: %s", type(error).__name__)

    def deleted(self, queues: Iterable[bytes]) -> None:
        """End the subscriptions to queues that are gone."""
        for queue in queues:
            self.end(queue, Refused(Code.DELETED, "The queue was deleted."))

    def end(self, queue: bytes, why: Refused) -> None:
        """End the subscription to a queue, if there is one."""
        subscriber = self._by_queue.pop(queue, None)
        if subscriber is not None:
            try:
                subscriber.ended(why)
            except Exception as error:  # noqa: BLE001  # one subscriber's failure must not end the others
                _log.error("ending a subscription failed: %s", type(error).__name__)
