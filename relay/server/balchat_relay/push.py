"""Who subscribes to what, and how an envelope finds its subscriber.

Theory of operation
-------------------
A subscription has a cursor: everything up to it was handed to its link. While nothing is missing, an envelope goes
from the store's writer straight to the link. Whatever cannot (the link has too much to send already, a fetch is under
way) is `missed`; once it is committed the link fetches from the store, after the cursor. So a link never holds more
than a bounded number of octets, and the order is the store's.

             arrived, nothing missing, room: push, cursor = sequence
    LIVE ────────────────────────────────────────────────────────────▶ LIVE
      │ arrived otherwise: missed = sequence
      ▼
    BEHIND ── committed: the link fetches until cursor >= missed ────▶ LIVE
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from balchat_relay_proto.errors import Code, Refused

from balchat_relay.storage.contract import Observer, Place


class Link(Protocol):
    """One subscriber's connection. Called in the event loop; nothing waits."""

    def push(self, subscription: "Subscription", sequence: int, envelope: bytes) -> bool:
        """Send an envelope; False where there is too much to send already."""
        ...

    def catch_up(self, subscription: "Subscription") -> None:
        """Fetch what is after the subscription's cursor, soon."""
        ...

    def end(self, subscription: "Subscription", why: Refused) -> None:
        """Tell that a subscription is over."""
        ...


class Subscription:
    """One queue on one link. `receive` is the capability's verifier, None for an inbox."""

    __slots__ = ("cursor", "fetching", "link", "missed", "number", "queue", "receive")

    def __init__(self, link: Link, *, number: int, queue: bytes, receive: bytes | None, cursor: int) -> None:
        self.link = link
        self.number = number
        self.queue = queue
        self.receive = receive
        self.cursor = cursor
        self.missed = cursor
        self.fetching = True


class Hub(Observer):
    """All subscriptions. Made in the event loop; the observer's methods come from the store's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[bytes, Subscription] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    def add(self, subscription: Subscription) -> None:
        """Let a subscriber in, and evict the one that was there."""
        self.end(
            subscription.queue,
            Refused(Code.EVICTED, "A newer subscriber took over this queue."),
        )
        self._subscriptions[subscription.queue] = subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription whose link is gone. One that was evicted already is no error."""
        if self._subscriptions.get(subscription.queue) is subscription:
            del self._subscriptions[subscription.queue]

    def end(self, queue: bytes, why: Refused) -> None:
        """End the subscription to a queue, if there is one."""
        subscription = self._subscriptions.pop(queue, None)
        if subscription is not None:
            subscription.link.end(subscription, why)

    # -- from the store's thread --

    def wants(self, queue: bytes) -> bool:
        return queue in self._subscriptions

    def arrived(self, place: Place, envelope: bytes) -> None:
        self._soon(self._arrived, place, envelope)

    def committed(self, places: Sequence[Place]) -> None:
        self._soon(self._committed, places)

    def undone(self, places: Sequence[Place]) -> None:
        self._soon(self._undone, places)

    def deleted(self, queue: bytes) -> None:
        self._soon(self.end, queue, Refused(Code.DELETED, "The queue was deleted."))

    def _soon(self, function: object, *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]  # one place for five signatures

    # -- in the event loop --

    def _arrived(self, place: Place, envelope: bytes) -> None:
        subscription = self._subscriptions.get(place.queue)
        if subscription is None or place.sequence <= subscription.cursor:
            return
        live = not subscription.fetching and subscription.missed <= subscription.cursor
        if live and subscription.link.push(subscription, place.sequence, envelope):
            subscription.cursor = place.sequence
        else:
            subscription.missed = max(subscription.missed, place.sequence)

    def _committed(self, places: Sequence[Place]) -> None:
        for place in places:
            subscription = self._subscriptions.get(place.queue)
            if subscription is not None and place.sequence > subscription.cursor:
                subscription.missed = max(subscription.missed, place.sequence)
                subscription.link.catch_up(subscription)

    def _undone(self, places: Sequence[Place]) -> None:
        for place in places:
            subscription = self._subscriptions.get(place.queue)
            if subscription is not None:
                # The sequence will be given to another envelope.
                subscription.cursor = min(subscription.cursor, place.sequence - 1)
                subscription.missed = min(subscription.missed, place.sequence - 1)
                subscription.link.catch_up(subscription)
