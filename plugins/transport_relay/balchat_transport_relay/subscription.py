"""What is known of one subscription: whether it is confirmed, and what was pushed of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_NOTED: Final = 1024
"""How many envelopes of a queue we note as pushed and still at the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushProgress:
    """What a subscription had pushed at a moment: how many envelopes, and the newest sequence.

    `serial` tells subscriptions apart. `missing` are those of the envelopes asked about that had not been pushed.
    """

    serial: int
    count: int
    newest: int
    missing: frozenset[bytes]


@dataclass(slots=True, kw_only=True)
class Subscription:
    """A subscription on the present connection. Only `Subscriptions` may change it.

    `answer_by` is the loop's time until which the relay has to confirm it; None once it has. `ids` are the envelopes
    that were pushed and that we have not acknowledged. `leaving` are those that we have acknowledged, while the relay
    has not confirmed that it deleted them: its disk may be full.
    """

    serial: int
    queue: bytes
    answer_by: float | None
    count: int = 0
    newest: int = 0
    ids: set[bytes] = field(default_factory=set[bytes])
    leaving: set[bytes] = field(default_factory=set[bytes])

    @property
    def pushed(self) -> bool:
        """Whether the relay has confirmed it."""
        return self.answer_by is None

    def note(self, sequence: int, identifier: bytes) -> None:
        """Note an envelope that was pushed."""
        self.count += 1
        self.newest = max(self.newest, sequence)
        if len(self.ids) < MAX_NOTED:
            self.ids.add(identifier)

    def acknowledge(self, ids: Iterable[bytes]) -> None:
        """Note what we acknowledge. Where too many are not confirmed, note the oldest: a page begins with those."""
        for each in ids:
            if each in self.ids:
                self.ids.remove(each)
                if len(self.leaving) < MAX_NOTED:
                    self.leaving.add(each)

    def deleted(self, ids: Iterable[bytes]) -> None:
        """Note what the relay has deleted."""
        self.leaving.difference_update(ids)

    def progress(self, envelope_ids: Collection[bytes]) -> PushProgress | None:
        """Return what was pushed, and which of these envelopes were not; None where too many stay to tell."""
        if not self.pushed or len(self.ids) >= MAX_NOTED:
            return None
        missing = frozenset(envelope_ids) - self.ids - self.leaving
        return PushProgress(serial=self.serial, count=self.count, newest=self.newest, missing=missing)
