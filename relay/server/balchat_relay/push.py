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

Waking the writer, and being woken by it, is most of the time that a push takes. So a send capability that has put into
a queue, with success and while this subscription was there, is trusted: the next envelope goes to a LIVE subscriber
before the writer has it. A put of its own that stores nothing (refused, a repetition) ends the trust. So nothing is
pushed that the capability does not allow, and of what a quota refuses no more than is under way at once. Another
capability's put changes nothing: whoever only knows the queue cannot keep its sender waiting.

An envelope that is pushed so early has no sequence yet. It carries the cursor, which stays where it is: a client that
goes on after it misses nothing, even where the put then fails. When it arrives from the writer the cursor moves on
without another push. Nothing overtakes: while a put is under way that was not pushed early, none is. Those of another
capability than the trusted one do not count, as the store will refuse them.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from hmac import compare_digest
from typing import Protocol

from balchat_relay_proto.errors import Code, Refused

from balchat_relay.storage import rules
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
    """One queue on one link. `receive` is the capability's verifier, None for an inbox.

    `trusted` is the verifier of a send capability that is; `puttings` are those that are under way, by the identity of
    their envelope, and `late` is how many of them have to arrive before another one may be pushed early.
    """

    __slots__ = (
        "cursor", "fetching", "late", "link", "missed", "number", "puttings", "queue", "receive", "trusted",
    )  # fmt: skip

    def __init__(self, link: Link, *, number: int, queue: bytes, receive: bytes | None, cursor: int) -> None:
        self.link = link
        self.number = number
        self.queue = queue
        self.receive = receive
        self.cursor = cursor
        self.missed = cursor
        self.fetching = True
        self.trusted: bytes | None = None
        self.puttings: dict[int, Putting] = {}
        self.late = 0

    @property
    def live(self) -> bool:
        """Whether everything that arrived was pushed."""
        return not self.fetching and self.missed <= self.cursor

    def trusts(self, send: bytes) -> bool:
        """Say whether this is the verifier that is trusted."""
        return compare_digest(rules.ABSENT if self.trusted is None else self.trusted, send)


class Putting:
    """A put, from before the store has it until it is `done`. All are, so that none takes longer for a subscriber."""

    __slots__ = ("_late", "_send", "_subscription", "arrived", "early", "envelope")

    def __init__(self, subscription: Subscription | None, *, send: bytes, envelope: bytes) -> None:
        self._subscription = subscription
        self._send = send
        self.envelope = envelope
        self.arrived = False
        self.early = False
        if subscription is None:
            compare_digest(rules.ABSENT, send)
            return
        trusted = subscription.trusts(send)
        self.early = (
            trusted
            and subscription.live
            and not subscription.late
            and subscription.link.push(subscription, subscription.cursor, envelope)
        )
        self._late = not self.early and (trusted or subscription.trusted is None)
        subscription.late += self._late
        subscription.puttings[id(envelope)] = self

    def done(self, put: asyncio.Future[None]) -> None:
        """Learn from how it came out."""
        subscription = self._subscription
        if subscription is None:
            return
        subscription.late -= self._late
        subscription.puttings.pop(id(self.envelope), None)
        trusted = subscription.trusts(self._send)
        if put.cancelled() or put.exception() is not None or not self.arrived:
            if trusted:
                subscription.trusted = None
        else:
            subscription.trusted = self._send


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

    def putting(self, queue: bytes, *, send: bytes | None, envelope: bytes) -> Putting:
        """Take in that somebody with this verifier is about to put."""
        subscription = None if send is None else self._subscriptions.get(queue)
        return Putting(subscription, send=send or b"", envelope=envelope)

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
        putting = subscription.puttings.get(id(envelope))
        if putting is not None:
            putting.arrived = True
        early = putting is not None and putting.early
        if subscription.live and (early or subscription.link.push(subscription, place.sequence, envelope)):
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
