"""Which queues one circuit listens to, which of them are pushed now, and which are to be left alone for a while."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
from balchat_relay_proto.errors import Code
from balchat_relay_proto.sizes import MAX_ACKNOWLEDGED

from balchat_host.api.errors import BalchatError
from balchat_host.api.transport import TransportHost
from balchat_host.api.types import PeerId
from balchat_transport_relay.health import Health
from balchat_transport_relay.intake import Intake, Wholes
from balchat_transport_relay.sources import Source

_SHORTEST: Final = 5.0
_VAULT_RETRY: Final = 60.0
MAX_NOTED: Final = 1024
"""How many envelopes of a queue we note that were pushed and stay at the relay."""
LONGEST: Final = 3600.0
"""Seconds; whatever a relay or the host says, each queue is asked for again after that."""


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
    """One queue. `not_before` and `resumed_at` are the loop's times; `pushed` is None where nothing is pushed now."""

    source: Source
    intake: Intake
    not_before: float = 0.0
    resumed_at: float | None = None
    pushed: Pushed | None = None


class Roster:
    """The queues of one circuit. `changed` is set, and a new one made, when something may be to do.

    `lost`: those that the relay says it does not know; `on_lost` is called when one is added. `poll` is in seconds.
    """

    def __init__(
        self,
        host: TransportHost,
        relay: PeerId,
        wholes: Wholes,
        *,
        health: Health,
        poll: float,
        on_lost: Callable[[], None],
    ) -> None:
        self._host = host
        self._relay = relay
        self._wholes = wholes
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
                intake = Intake(
                    self._host,
                    self._wholes,
                    relay=self._relay.octets,
                    queue=identifier,
                    key=source.key,
                    keep_ignored=source.keep_ignored,
                )
                self._entries[identifier] = Entry(source, intake)
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

    @property
    def unreadable(self) -> int:
        """How much came that could not be opened."""
        return sum(each.intake.unreadable for each in self._entries.values())

    async def take(self, identifier: bytes, sealed: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """Take in what came out of a queue; give the ids to acknowledge, in portions. The rest waits as the host said.

        Returns once what is to be acknowledged is durable.
        """
        entry = self._entries.get(identifier)
        if entry is None:
            return []
        try:
            result = await entry.intake.take(sealed)
        except BalchatError:
            # Nothing was promised to anybody; the relay has all of it.
            self._health.ours(identifier, "our vault takes nothing now")
            self._pause(entry, _VAULT_RETRY)
            return []
        if result.later is not None:
            self._pause(entry, result.later)
        ids = result.done
        if entry.pushed is not None:
            entry.pushed.acknowledge(ids)
        return [tuple(ids[start : start + MAX_ACKNOWLEDGED]) for start in range(0, len(ids), MAX_ACKNOWLEDGED)]

    def deleted(self, identifier: bytes, ids: Iterable[bytes]) -> None:
        """Hear that what we acknowledged is there no more."""
        if (pushed := self.pushed(identifier)) is not None:
            pushed.leaving.difference_update(ids)

    def works(self, identifier: bytes, *, pushed: bool) -> None:
        """A queue is pushed now, or could be asked for."""
        if (entry := self._entries.get(identifier)) is not None:
            entry.pushed = Pushed() if pushed else None
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
                    self._health.lies("it denies a queue that it has just made for us")
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
