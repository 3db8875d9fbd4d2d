"""The receiving half of a link: pieces become envelopes, envelopes wait for the host, the window bounds both.

Theory of operation
-------------------
Octets of pieces (headers included) are in one of three places: in an *unfinished* envelope, in a whole one that
*waits*, or *handed on* to the host. The limit that the peer may send up to is

    handed on + unfinished + window, never lowered

so an envelope can always be finished, a host that is slow stops the peer by the window alone, and no more is held than
two unfinished envelopes and one window. The limit moves when a batch is handed on, not when its answers are known:
it says nothing about them.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_transport_tor_direct.faults import violation
from balchat_transport_tor_direct.frames import Frame, FrameType
from balchat_transport_tor_direct.outbound import INITIAL_LIMIT

MAX_UNFINISHED: Final = 2
"""Envelopes that may be unfinished at once: one of the ordered lane, one reply."""
_ANNOUNCE_AT: Final = 4
"""The limit is announced when it has grown by this part of the window."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole envelope. `size` is what its pieces took on the wire."""

    number: int
    envelope: bytes
    size: int

    def __repr__(self) -> str:
        return f"Arrival({self.number}, {len(self.envelope)} octets)"


@dataclass(slots=True)
class _Unfinished:
    envelope: bytearray
    size: int


class Inbound:
    """What we receive on one link. `window` is in octets."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._unfinished: dict[int, _Unfinished] = {}
        self._waiting: deque[Arrival] = deque()
        self._next_number = 0
        self._received = 0
        self._handed_on = 0
        self._limit = max(window, INITIAL_LIMIT)
        self._announced = INITIAL_LIMIT
        self.arrived = 0
        """Whole envelopes received so far."""

    def take_piece(self, frame: Frame) -> None:
        """Take a FRAGMENT or ENVELOPE. Raise ProtocolViolation (L1, L2, L3, L7)."""
        self._received += frame.size
        if self._received > self._announced:
            raise violation("L7", "a piece beyond the window")
        begun = self._unfinished.get(frame.number)
        if begun is None:
            if frame.number != self._next_number:
                raise violation("L1", "a piece of an envelope out of order")
            self._next_number += 1
        if frame.type is FrameType.ENVELOPE:
            self._finish(frame, begun)
        else:
            self._continue(frame, begun)
        self._move_limit()

    def take_batch(self, *, envelopes: int, octets: int) -> list[Arrival]:
        """Hand on what waits, in order: at most so many, and no more octets than that unless the first has more."""
        batch: list[Arrival] = []
        size = 0
        while self._waiting and len(batch) < envelopes:
            size += len(self._waiting[0].envelope)
            if batch and size > octets:
                break
            batch.append(self._waiting.popleft())
        self._handed_on += sum(arrival.size for arrival in batch)
        self._move_limit()
        return batch

    def window(self) -> Frame | None:
        """Return the WINDOW that is due, if one is."""
        if self._limit - self._announced < self._window // _ANNOUNCE_AT:
            return None
        self._announced = self._limit
        return Frame(FrameType.WINDOW, self._limit)

    @property
    def waiting(self) -> int:
        """Whole envelopes that wait to be handed on."""
        return len(self._waiting)

    @property
    def held(self) -> int:
        """Octets held here."""
        return self._received - self._handed_on

    def _continue(self, frame: Frame, begun: _Unfinished | None) -> None:
        if begun is None:
            if len(self._unfinished) == MAX_UNFINISHED:
                raise violation("L2", "too many unfinished envelopes")
            begun = self._unfinished[frame.number] = _Unfinished(bytearray(), 0)
        begun.envelope += frame.payload
        begun.size += frame.size
        if len(begun.envelope) > MAX_ENVELOPE_SIZE - 1:
            raise violation("L3", "an envelope that is too large")

    def _finish(self, frame: Frame, begun: _Unfinished | None) -> None:
        if begun is None:
            arrival = Arrival(frame.number, frame.payload, frame.size)
        else:
            del self._unfinished[frame.number]
            arrival = Arrival(frame.number, bytes(begun.envelope + frame.payload), begun.size + frame.size)
        self._waiting.append(arrival)
        self.arrived += 1

    def _move_limit(self) -> None:
        unfinished = sum(begun.size for begun in self._unfinished.values())
        self._limit = max(self._limit, self._handed_on + unfinished + self._window)
