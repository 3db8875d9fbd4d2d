"""Which queues one circuit listens to, which of them are pushed now, and which are to be left alone for a while."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
from balchat_relay_proto.errors import Code
from balchat_relay_proto.sizes import MAX_ACKNOWLEDGED

from balchat_host.api.errors import WorldError
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import PeerId
from balchat_transport_relay.health import Health
from balchat_transport_relay.queue_receiver import FULL_RETRY, LONGEST, QueueReceiver
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.sources import Source

_SHORTEST: Final = 5.0
_NOT_DELETED_RETRY: Final = 60.0
"""Seconds after which we acknowledge again what the relay could not delete, where it names no time."""
MAX_UNREADABLE: Final = 256
"""Envelopes of one queue that could not be opened, after which it is left alone for a while."""
MAX_NOTED: Final = 1024
"""How many envelopes of a queue we note that were pushed and stay at the relay."""


@dataclass(slots=True)
class Pushed:
    """What one subscription has pushed: how much, the newest sequence, and the ids of what was not acknowledged since.

    What a relay pushes before it has stored it carries an older sequence, so the newest may be newer still.
    `leaving` are the ids of what we acknowledged and the relay has not confirmed to be deleted: its disk may be full.
    """

    count: int = 0
    newest: int = 0
    ids: set[bytes] = field(default_factory=set[bytes])
    leaving: set[bytes] = field(default_factory=set[bytes])

    def note(self, sequence: int, identifier: bytes) -> None:
        """Take down an envelope."""
        self.count += 1
        self.newest = max(self.newest, sequence)
        if len(self.ids) < MAX_NOTED:
            self.ids.add(identifier)

    def acknowledge(self, ids: Iterable[bytes]) -> None:
        """Take down what we acknowledge. Of too much that is not confirmed, the first is noted, which is seen first."""
        for each in ids:
            if each in self.ids:
                self.ids.remove(each)
                if len(self.leaving) < MAX_NOTED:
                    self.leaving.add(each)

    def knows(self, identifier: bytes) -> bool:
        """Say whether an envelope was pushed, and may still be there."""
        return identifier in self.ids or identifier in self.leaving


@dataclass(slots=True)
class Entry:
    """One queue. `not_before` and `resumed_at` are the loop's times; `pushed` is None where nothing is pushed now.

    `failing`: our vault took nothing when it was last asked.
    """

    source: Source
    receiver: QueueReceiver
    not_before: float = 0.0
    resumed_at: float | None = None
    pushed: Pushed | None = None
    failing: bool = False


class Subscriptions:
    """The queues of one circuit. `changed` is set, and a new one made, when something may be to do.

    `lost`: those that the relay says it does not know; `on_lost` is called when one is added. `poll` is in seconds.
    """

    def __init__(
        self,
        host: TransportContext,
        relay: PeerId,
        reassembly: Reassembly,
        *,
        health: Health,
        poll: float,
        on_lost: Callable[[], None],
    ) -> None:
        self._host = host
        self._relay = relay
        self._reassembly = reassembly
        self._health = health
        self._poll = poll
        self._on_lost = on_lost
        self._entries: dict[bytes, Entry] = {}
        self.changed = anyio.Event()
        self.lost: set[bytes] = set()

    def listen_to(self, sources: Sequence[Source]) -> None:
        """Listen to exactly these from now on."""
        wanted = {source.id: source for source in sources}
        for gone in self._entries.keys() - wanted.keys():
            del self._entries[gone]
            self.lost.discard(gone)
            self._health.forget(gone)
        for identifier, source in wanted.items():
            if identifier not in self._entries:
                receiver = QueueReceiver(self._host, self._reassembly, relay=self._relay.octets, source=source)
                self._entries[identifier] = Entry(source, receiver)
                self._health.expect(identifier)
        self.ring()

    def ring(self) -> None:
        """Tell that something changed."""
        self.changed.set()
        self.changed = anyio.Event()

    def __contains__(self, identifier: bytes) -> bool:
        return identifier in self._entries

    def __bool__(self) -> bool:
        return bool(self._entries)

    def due(self) -> list[Source]:
        """Give those that may be asked for now, and are not pushed."""
        now = anyio.current_time()
        return [each.source for each in self._entries.values() if each.pushed is None and each.not_before <= now]

    def pushing(self) -> list[Source]:
        """Give those that are pushed."""
        return [each.source for each in self._entries.values() if each.pushed is not None]

    def pushed(self, identifier: bytes) -> Pushed | None:
        """Give what the present subscription of a queue has pushed; None where there is none."""
        entry = self._entries.get(identifier)
        return entry.pushed if entry else None

    def next_due(self) -> float | None:
        """Give the loop's time at which another one is due, or None."""
        now = anyio.current_time()
        return min((each.not_before for each in self._entries.values() if each.not_before > now), default=None)

    def next_offer(self) -> float | None:
        """Return the loop's time at which something that stays at the relay is to be offered to the host again."""
        at = min((each.receiver.next_offer for each in self._entries.values()), default=float("inf"))
        return None if at == float("inf") else at

    def begin_offer(self) -> list[Source]:
        """Return the queues of which that is due; they are fetched now, whether they are pushed or not."""
        now = anyio.current_time()
        due = [each for each in self._entries.values() if each.receiver.next_offer <= now]
        for each in due:
            each.receiver.begin_offer()
        return [each.source for each in due]

    def offer_in(self, identifier: bytes, seconds: float) -> None:
        """Have a queue fetched then, and what is in it offered to the host again."""
        if (entry := self._entries.get(identifier)) is not None:
            entry.receiver.offer_in(seconds)
            self.ring()

    async def take(self, identifier: bytes, sealed: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """Take in what came out of a queue; give the ids to acknowledge, in portions. The rest waits as the host said.

        Returns once what is to be acknowledged is durable.
        """
        entry = self._entries.get(identifier)
        if entry is None:
            return []
        before = entry.receiver.next_offer
        try:
            ids = await entry.receiver.take(sealed)
        except WorldError:
            # Nothing was promised to anybody; the relay has all of it.
            entry.failing = True
            self._health.failed(identifier, "our vault takes nothing now")
            self.offer_in(identifier, FULL_RETRY)
            return []
        if entry.failing:
            entry.failing = False
            self._health.well(identifier)
        if entry.receiver.next_offer < before:
            self.ring()
        if entry.receiver.unreadable > MAX_UNREADABLE:
            entry.receiver.unreadable = 0
            self._health.unavailable(identifier, "it gives out too much that cannot be opened")
            self._pause(entry, self._poll)
            self.ring()
        if entry.pushed is not None:
            entry.pushed.acknowledge(ids)
        return [tuple(ids[start : start + MAX_ACKNOWLEDGED]) for start in range(0, len(ids), MAX_ACKNOWLEDGED)]

    def deleted(self, identifier: bytes, ids: Iterable[bytes]) -> None:
        """Hear that what we acknowledged is there no more."""
        if (pushed := self.pushed(identifier)) is not None:
            pushed.leaving.difference_update(ids)

    def not_deleted(self, identifier: bytes, retry_after: int | None) -> None:
        """Hear that what we acknowledged is still there: it is fetched then, and acknowledged again."""
        self.offer_in(identifier, _NOT_DELETED_RETRY if retry_after is None else float(retry_after))

    def works(self, identifier: bytes, *, pushed: bool) -> None:
        """A queue is pushed now, or could be asked for."""
        if (entry := self._entries.get(identifier)) is not None:
            entry.pushed = Pushed() if pushed else None
            if not entry.failing:
                self._health.well(identifier)

    def paused(self, identifier: bytes) -> bool:
        """Say whether a queue is to be left alone now, or is not of ours any more."""
        entry = self._entries.get(identifier)
        return entry is None or entry.not_before > anyio.current_time()

    def ended(self, identifier: bytes) -> None:
        """A queue is not pushed any more."""
        if (entry := self._entries.get(identifier)) is not None:
            entry.pushed = None
            self.ring()

    def refused(self, identifier: bytes, code: Code, retry_after: int | None) -> None:
        """The relay does not let us have a queue."""
        entry = self._entries.get(identifier)
        if entry is None:
            return
        entry.pushed = None
        match code:
            case Code.EVICTED:
                # Two devices that each want it back at once would evict each other for ever.
                wait = LONGEST
            case Code.DENIED | Code.DELETED:
                wait = self._poll
                if entry.resumed_at is not None and anyio.current_time() - entry.resumed_at < LONGEST:
                    self._health.misbehaved("it denies a queue that it has just made for us")
                self.lost.add(identifier)
                self._on_lost()
            case _:
                wait = self._poll if retry_after is None else float(retry_after)
        self._health.refused(identifier, code)
        self._pause(entry, wait)
        self.ring()

    def resume(self, identifier: bytes) -> None:
        """Hear that a lost queue is there again: it is asked for at once, unless that was tried lately."""
        self.lost.discard(identifier)
        entry, now = self._entries.get(identifier), anyio.current_time()
        if entry is not None and (entry.resumed_at is None or now - entry.resumed_at >= LONGEST):
            entry.resumed_at, entry.not_before = now, 0.0
            self.ring()

    @staticmethod
    def _pause(entry: Entry, seconds: float) -> None:
        entry.not_before = anyio.current_time() + min(max(seconds, _SHORTEST), LONGEST)
