"""The queues that one circuit listens to, and the state of each. This is the only owner of that state.

Rules
-----
- What outlives the process is in `RelayState`; what people see of the relay is in `Health`. Everything else that is
  known about a queue is here, and only here. `Listener`, `PushSession` and `Rechecker` keep nothing about a queue
  between two calls. `RelayWorker` decides which queues there are.
- Reading never writes. Properties, and methods named after what they return, change nothing; they return values or
  frozen objects. Methods that change something are named after what happened or what to do.
- `changed` rings when a task that waits may have something to do.

A subscription belongs to one connection, which knows it by a number:

    none ──── subscribe ────▶ requested ──── confirmed ────▶ pushed
      ▲                           │                            │
      └───────────────────────────┴────────────────────────────┘
          refused, unsubscribed, disconnected, not listened to

A queue that is not pushed is polled. A queue is paused when the relay refused it, or when too much of it cannot be
opened. It is then neither subscribed to nor polled, and a subscription to it ends: a subscription pushes each envelope
once, so the next one begins with the oldest again.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
from balchat_relay_proto.errors import Code
from balchat_relay_proto.sizes import MAX_ACKNOWLEDGED

from balchat_host.api.bell import Bell
from balchat_host.api.errors import WorldError
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey
from balchat_transport_relay.errors import RelayMisbehaved
from balchat_transport_relay.health import Health
from balchat_transport_relay.queue_receiver import FULL_RETRY, LONGEST, QueueReceiver
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.sources import Source
from balchat_transport_relay.subscription import PushProgress, Subscription

_SHORTEST: Final = 5.0
_NOT_DELETED_RETRY: Final = 60.0
"""Seconds after which to acknowledge again what the relay could not delete, where it names no time."""
MAX_UNREADABLE: Final = 256
"""A queue is paused after more than this many of its envelopes could not be opened."""


@dataclass(slots=True)
class _Entry:
    """One queue. Times are the loop's. `failing`: our vault took nothing when it was last asked.

    `lost`: the relay says that it does not know the queue; `recreated_at`: when we last created it again. All that was
    in it at `read_until` was offered to the host.
    """

    source: Source
    receiver: QueueReceiver
    subscription: Subscription | None = None
    paused_until: float = 0.0
    unreadable: int = 0
    failing: bool = False
    lost: bool = False
    recreated_at: float | None = None
    read_until: float = float("-inf")

    @property
    def paused(self) -> bool:
        return self.paused_until > anyio.current_time()

    @property
    def pushed(self) -> bool:
        return self.subscription is not None and self.subscription.pushed


class Subscriptions:
    """The queues of one circuit. `on_lost` is called when the relay has lost one. `poll` is in seconds."""

    def __init__(
        self,
        context: TransportContext,
        relay: OnionKey,
        reassembly: Reassembly,
        *,
        health: Health,
        poll: float,
        on_lost: Callable[[], None],
    ) -> None:
        self._context = context
        self._relay = relay
        self._reassembly = reassembly
        self._health = health
        self._poll = poll
        self._on_lost = on_lost
        self._entries: dict[bytes, _Entry] = {}
        self._numbers: dict[int, Subscription] = {}
        """The subscriptions of the present connection that we have not ended, by number."""
        self._last_number = 0
        self._serial = 0
        self._connected = False
        self.changed = Bell()

    # -- which queues there are

    def listen_to(self, sources: Sequence[Source]) -> None:
        """Listen to exactly these from now on."""
        wanted = {source.id: source for source in sources}
        for gone in self._entries.keys() - wanted.keys():
            del self._entries[gone]
            self._health.forget(gone)
        for identifier, source in wanted.items():
            if identifier not in self._entries:
                receiver = QueueReceiver(self._context, self._reassembly, relay=self._relay.octets, source=source)
                self._entries[identifier] = _Entry(source, receiver)
                self._health.expect(identifier)
        self.changed.ring()

    @property
    def lost(self) -> Sequence[bytes]:
        """The ids of those that the relay says it does not know."""
        return [identifier for identifier, entry in self._entries.items() if entry.lost]

    def recreated(self, identifier: bytes) -> None:
        """Note that a lost queue exists again. End its pause, unless that was done lately."""
        if (entry := self._entries.get(identifier)) is None:
            return
        entry.lost = False
        now = anyio.current_time()
        if entry.recreated_at is None or now - entry.recreated_at >= LONGEST:
            entry.recreated_at, entry.paused_until = now, 0.0
            self.changed.ring()

    # -- what is to be done

    @property
    def idle(self) -> bool:
        """Whether there is neither a subscription nor a queue to subscribe to."""
        return not self._numbers and not self.to_subscribe

    @property
    def to_subscribe(self) -> Sequence[Source]:
        """The queues to subscribe to now."""
        return [each.source for each in self._entries.values() if each.subscription is None and not each.paused]

    @property
    def to_unsubscribe(self) -> Sequence[int]:
        """The numbers of the subscriptions to end: their queues are paused, or not listened to any more."""
        return [number for number, each in self._numbers.items() if (entry := self._of(each)) is None or entry.paused]

    @property
    def to_poll(self) -> Sequence[Source]:
        """The queues that are not pushed, and not paused."""
        return [each.source for each in self._entries.values() if not each.pushed and not each.paused]

    @property
    def to_offer(self) -> Sequence[Source]:
        """The queues to fetch now, because something in them is to be offered to the host again."""
        now = anyio.current_time()
        return [each.source for each in self._entries.values() if each.receiver.next_offer <= now]

    @property
    def pushed(self) -> Sequence[Source]:
        """The queues that are pushed."""
        return [each.source for each in self._entries.values() if each.pushed]

    @property
    def next_offer(self) -> float:
        """The loop's time at which `to_offer` gets another queue; infinite where that is not known."""
        return min((each.receiver.next_offer for each in self._entries.values()), default=float("inf"))

    @property
    def next_subscription(self) -> float:
        """The loop's time at which `to_subscribe` gets another queue; infinite where that is not known."""
        return min((each.paused_until for each in self._entries.values() if each.paused), default=float("inf"))

    @property
    def answer_by(self) -> float:
        """The loop's time until which the relay has to confirm the next subscription; infinite where none waits."""
        deadlines = [each.answer_by for each in self._numbers.values() if each.answer_by is not None]
        return min(deadlines, default=float("inf"))

    @property
    def read_until(self) -> float:
        """The loop's time up to which our contacts' queues have been read to the end; infinite without any."""
        return min(
            (each.read_until for each in self._entries.values() if not each.source.anybody), default=float("inf")
        )

    @property
    def connected(self) -> bool:
        """Whether there is a push connection."""
        return self._connected

    def paused(self, identifier: bytes) -> bool:
        """Return whether a queue is paused, or not listened to any more."""
        entry = self._entries.get(identifier)
        return entry is None or entry.paused

    # -- subscriptions

    def connect(self) -> None:
        """Note that there is a new connection. Its numbers begin with 1."""
        self._connected = True
        self._last_number = 0

    def disconnect(self) -> None:
        """Note that the connection has ended, and all subscriptions with it."""
        self._connected = False
        self._numbers.clear()
        for entry in self._entries.values():
            entry.subscription = None
        self.changed.ring()

    def subscribe(self, identifier: bytes, *, answer_within: float) -> int:
        """Note that we subscribe to a queue; return the subscription's number. `answer_within` is in seconds."""
        self._last_number += 1
        self._serial += 1
        answer_by = anyio.current_time() + answer_within
        subscription = Subscription(serial=self._serial, queue=identifier, answer_by=answer_by)
        self._numbers[self._last_number] = subscription
        self._entries[identifier].subscription = subscription
        return self._last_number

    def unsubscribe(self, number: int) -> None:
        """Note that we end a subscription. What still comes for it is ignored."""
        entry = self._of(self._numbers.pop(number))
        if entry is not None:
            entry.subscription = None
            self.changed.ring()

    def queue_of(self, number: int) -> bytes | None:
        """Return the queue's id by a subscription's number; None where we have ended it. Raise RelayMisbehaved."""
        if not 0 < number <= self._last_number:
            raise RelayMisbehaved("it speaks of a subscription that there is not")
        subscription = self._numbers.get(number)
        return subscription.queue if subscription is not None and self._of(subscription) is not None else None

    def confirmed(self, number: int) -> None:
        """Note that the relay has confirmed a subscription. Raise RelayMisbehaved."""
        if self.queue_of(number) is None:
            return
        subscription = self._numbers[number]
        subscription.answer_by = None
        self.answered(subscription.queue)

    def ended(self, number: int, code: Code, retry_after: int | None) -> None:
        """Note that the relay has refused or ended a subscription. Raise RelayMisbehaved."""
        identifier = self.queue_of(number)
        self._numbers.pop(number, None)
        if identifier is not None:
            self.refused(identifier, code, retry_after)

    def arrived(self, number: int, sequence: int, identifier: bytes) -> bool:
        """Note that an envelope was pushed; return whether to receive it. Raise RelayMisbehaved."""
        if self.queue_of(number) is None:
            return False
        self._numbers[number].note(sequence, identifier)
        return True

    def progress(self, identifier: bytes, envelope_ids: Collection[bytes]) -> PushProgress | None:
        """Return what was pushed of a queue, and which of these envelopes were not.

        None where the queue is not pushed, or where too many of its envelopes stay to tell.
        """
        entry = self._entries.get(identifier)
        return None if entry is None or entry.subscription is None else entry.subscription.progress(envelope_ids)

    # -- answers

    def answered(self, identifier: bytes) -> None:
        """Note that the relay gives us a queue, by push or by fetch."""
        entry = self._entries.get(identifier)
        if entry is not None and not entry.failing:
            self._health.well(identifier)

    def read_to_end(self, identifier: bytes, began: float) -> None:
        """Note that all that was in a queue at `began`, the loop's time, was offered to the host."""
        entry = self._entries.get(identifier)
        if entry is not None and not entry.failing:
            entry.read_until = began

    def refused(self, identifier: bytes, code: Code, retry_after: int | None) -> None:
        """Note that the relay refused us a queue. It is paused."""
        entry = self._entries.get(identifier)
        if entry is None:
            return
        entry.subscription = None
        match code:
            case Code.EVICTED:
                # Two devices that each take it back at once would evict each other again and again.
                wait = LONGEST
            case Code.DENIED | Code.DELETED:
                wait = self._poll
                if entry.recreated_at is not None and anyio.current_time() - entry.recreated_at < LONGEST:
                    self._health.misbehaved("it denies a queue that it has just made for us")
                entry.lost = True
                self._on_lost()
            case _:
                wait = self._poll if retry_after is None else float(retry_after)
        self._health.refused(identifier, code)
        self._pause(entry, wait)

    # -- envelopes

    async def receive(self, identifier: bytes, sealed: Sequence[bytes]) -> Sequence[tuple[bytes, ...]]:
        """Receive what came out of a queue; return the ids to acknowledge, in portions.

        Return once what is to be acknowledged is durable. The rest stays at the relay, and is offered again.
        """
        entry = self._entries.get(identifier)
        if entry is None:
            return []
        before = entry.receiver.next_offer
        try:
            received = await entry.receiver.receive(sealed)
        except WorldError:
            # Nothing was acknowledged; the relay still has all of it.
            entry.failing = True
            self._health.failed(identifier, "our vault takes nothing now")
            self.offer_in(identifier, FULL_RETRY)
            return []
        if entry.failing:
            entry.failing = False
            self._health.well(identifier)
        if entry.receiver.next_offer < before:
            self.changed.ring()
        entry.unreadable += received.unreadable
        if entry.unreadable > MAX_UNREADABLE:
            entry.unreadable = 0
            self._health.unavailable(identifier, "it gives out too much that cannot be opened")
            self._pause(entry, self._poll)
        if entry.subscription is not None:
            entry.subscription.acknowledge(received.done)
        done = received.done
        return [tuple(done[start : start + MAX_ACKNOWLEDGED]) for start in range(0, len(done), MAX_ACKNOWLEDGED)]

    def deleted(self, identifier: bytes, ids: Iterable[bytes]) -> None:
        """Note that the relay has deleted what we acknowledged."""
        entry = self._entries.get(identifier)
        if entry is not None and entry.subscription is not None:
            entry.subscription.deleted(ids)

    def not_deleted(self, identifier: bytes, retry_after: int | None) -> None:
        """Note that the relay could not delete what we acknowledged. Fetch it then, and acknowledge it again."""
        self.offer_in(identifier, _NOT_DELETED_RETRY if retry_after is None else float(retry_after))

    def offer_in(self, identifier: bytes, seconds: float) -> None:
        """Have a queue fetched after that time, and offered to the host again."""
        if (entry := self._entries.get(identifier)) is not None:
            entry.receiver.offer_in(seconds)
            self.changed.ring()

    def begin_offer(self, identifier: bytes) -> None:
        """Note that a queue is being fetched now, to offer it to the host again."""
        if (entry := self._entries.get(identifier)) is not None:
            entry.receiver.begin_offer()

    # -- inside

    def _of(self, subscription: Subscription) -> _Entry | None:
        """Return the queue of a subscription; None where that is not its present one."""
        entry = self._entries.get(subscription.queue)
        return entry if entry is not None and entry.subscription is subscription else None

    def _pause(self, entry: _Entry, seconds: float) -> None:
        entry.paused_until = anyio.current_time() + min(max(seconds, _SHORTEST), LONGEST)
        self.changed.ring()
