"""One queue that is pushed on one WebSocket.

Theory of operation
-------------------
A subscription has a cursor: everything up to it was sent. While nothing is missing, an envelope that the store tells of
is sent at once. When too much waits to be sent, the subscription falls behind, and catches up by fetching after its
cursor. So no more than the outbox takes and one page (or one envelope) wait for a client that does not read, and the
order is the store's.

               told, room: send, cursor = sequence
    LIVE ───────────────────────────────────────────────▶ LIVE
      │ told, no room                                       ▲
      ▼                                                     │ a fetch found nothing newer than what was told
    BEHIND ── fetch after the cursor, send, again ──────────┘
"""

from typing import Protocol

from balchat_relay_proto.errors import Refused


class Link(Protocol):
    """The WebSocket that a subscription belongs to. Nothing in it waits."""

    def push(self, subscription: "Subscription", sequence: int, envelope: bytes) -> bool:
        """Send an envelope; return False where too much waits to be sent."""
        ...

    def catch_up(self, subscription: "Subscription") -> None:
        """Fetch what is after the subscription's cursor, soon."""
        ...

    def end(self, subscription: "Subscription", why: Refused) -> None:
        """Tell the client that a subscription is over."""
        ...


class Subscription:
    """The store's Subscriber. `receive` is the capability's verifier, None for an inbox."""

    __slots__ = ("_link", "_newest", "behind", "cursor", "number", "queue", "receive")

    def __init__(self, link: Link, *, number: int, queue: bytes, receive: bytes | None, cursor: int) -> None:
        self._link = link
        self.number = number
        self.queue = queue
        self.receive = receive
        self.cursor = cursor
        self.behind = True  # until the first fetch
        self._newest = cursor  # that the store told of

    def stored(self, sequence: int, envelope: bytes) -> None:
        self._newest = max(self._newest, sequence)
        if self.behind or sequence <= self.cursor:
            return
        if self._link.push(self, sequence, envelope):
            self.cursor = sequence
        else:
            self.behind = True
            self._link.catch_up(self)

    def ended(self, why: Refused) -> None:
        self._link.end(self, why)

    def fetched(self, *, more: bool) -> None:
        """Note that everything of a page was sent; catch up further where there is `more`, or something came since."""
        self.behind = more or self._newest > self.cursor
        if self.behind:
            self._link.catch_up(self)
