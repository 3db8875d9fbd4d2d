"""The sending half of a link: order, numbers, pieces, window, and what became of each envelope.

Theory of operation
-------------------
Three lanes wait for the wire. *Control* (acknowledgements, refusals, windows, keep-alive) goes first and counts
against no window. Then *replies* and *envelopes* take turns, piece by piece, while the peer's window lasts. So a large
envelope holds up nothing but the envelopes behind it, whose order is promised. An answer that belongs behind a reply
stands in the reply lane behind it.

An envelope is *open* from `submit` until its final report; so long it counts as in flight.

    submit → waits in its lane → pieces taken → `left` (SENT) → answered (DELIVERED, REFUSED) or given up (LOST)
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from balchat_host.api.transport import Outcome, SendReport
from balchat_transport_tor_direct.faults import violation
from balchat_transport_tor_direct.frames import CHUNK_SIZE, HEADER_SIZE, Frame, FrameType

INITIAL_LIMIT: Final = 65_536
"""Octets that may be sent before the peer's first WINDOW."""
MAX_RUN: Final = 1024
"""Envelopes that one ACK may answer."""


@dataclass(slots=True)
class OutgoingEnvelope:
    """An envelope that is being sent. A reply has no ticket, since nobody waits for a report on it."""

    ticket: int | None
    envelope: bytes
    number: int | None = None
    position: int = 0
    reported_sent: bool = False

    @property
    def next_size(self) -> int:
        """Octets of its next piece on the wire."""
        return HEADER_SIZE + min(CHUNK_SIZE, len(self.envelope) - self.position)


Lane = deque[OutgoingEnvelope] | deque[OutgoingEnvelope | bytes]


@dataclass(slots=True)
class Output:
    """Octets for the wire, and the envelopes whose last piece is among them."""

    octets: bytes
    completed: list[OutgoingEnvelope] = field(default_factory=list[OutgoingEnvelope])


class Outbound:
    """What we send on one link."""

    def __init__(self) -> None:
        self._control = bytearray()
        self._replies: deque[OutgoingEnvelope | bytes] = deque()
        self._envelopes: deque[OutgoingEnvelope] = deque()
        self._replies_next = False
        self._open: dict[int, tuple[OutgoingEnvelope, float]] = {}
        self._next_number = 0
        self._unfinished: set[int] = set()
        self._limit = INITIAL_LIMIT
        self._spent = 0
        self._reply_octets = 0
        self.in_flight_count = 0
        self.in_flight_octets = 0

    # -- what the host wants

    def submit(self, ticket: int, envelope: bytes) -> None:
        """Let an envelope wait for the wire, behind those before it."""
        self._envelopes.append(OutgoingEnvelope(ticket, envelope))
        self.in_flight_count += 1
        self.in_flight_octets += len(envelope)

    def control(self, frame: Frame) -> None:
        """Let a frame go first."""
        self._control += frame.encode()

    def reply(self, replies: tuple[bytes, ...], answer: Frame) -> None:
        """Let replies go, and the answer behind them."""
        for envelope in replies:
            self._replies.append(OutgoingEnvelope(None, envelope))
            self._reply_octets += len(envelope)
        octets = answer.encode()
        self._replies.append(octets)
        self._reply_octets += len(octets)

    @property
    def backlog(self) -> int:
        """Octets of answers and replies that wait for the wire."""
        return len(self._control) + self._reply_octets

    @property
    def waits(self) -> bool:
        """Whether anything waits for the wire or for the window."""
        return bool(self._control or self._replies or self._envelopes)

    # -- the wire

    def take(self, most: int) -> Output:
        """Return what may be sent now: about `most` octets, and nothing where nothing may."""
        output = Output(b"")
        parts: list[bytes] = []
        size = 0
        if self._control:
            parts.append(bytes(self._control))
            size = len(self._control)
            self._control.clear()
        while size < most and (piece := self._next_piece(output)):
            parts.append(piece)
            size += len(piece)
        output.octets = b"".join(parts)
        return output

    def left(self, output: Output, now: float) -> list[SendReport]:
        """Take note that `output` has left; return SENT for what is whole on its way and was not answered already."""
        reports: list[SendReport] = []
        for outgoing in output.completed:
            if outgoing.number in self._open:
                self._open[outgoing.number] = (outgoing, now)
                reports += self._sent(outgoing)
        return reports

    def _next_piece(self, output: Output) -> bytes:
        """Return the next piece that the window allows; the lanes take turns."""
        lanes: tuple[Lane, Lane] = (
            (self._replies, self._envelopes) if self._replies_next else (self._envelopes, self._replies)
        )
        window_is_short = False
        for lane in lanes:
            if not lane:
                continue
            head = lane[0]
            if isinstance(head, bytes):
                lane.popleft()
                self._reply_octets -= len(head)
                return head
            # Where one lane waits for the window, the other must not eat it up: a full piece would never fit.
            window_is_short = window_is_short or self._spent + head.next_size > self._limit
            if not window_is_short:
                self._replies_next = lane is self._envelopes
                return self._cut(head, lane, output)
        return b""

    def _cut(self, outgoing: OutgoingEnvelope, lane: Lane, output: Output) -> bytes:
        if outgoing.number is None:
            outgoing.number = self._next_number
            self._next_number += 1
            self._unfinished.add(outgoing.number)
        piece = outgoing.envelope[outgoing.position : outgoing.position + CHUNK_SIZE]
        outgoing.position += len(piece)
        last = outgoing.position == len(outgoing.envelope)
        if outgoing.ticket is None:
            self._reply_octets -= len(piece)
        if last:
            lane.popleft()
            self._unfinished.discard(outgoing.number)
            if outgoing.ticket is not None:
                self._open[outgoing.number] = (outgoing, float("inf"))
                output.completed.append(outgoing)
        octets = Frame(FrameType.ENVELOPE if last else FrameType.FRAGMENT, outgoing.number, piece).encode()
        self._spent += len(octets)
        return octets

    # -- what the peer says

    def raise_limit(self, limit: int) -> None:
        """Take a WINDOW. Raise ProtocolViolation (L8)."""
        if limit < self._limit:
            raise violation("L8", "WINDOW lowers the limit")
        self._limit = limit

    def acknowledge(self, first: int, count: int) -> list[SendReport]:
        """Take an ACK; return DELIVERED for each envelope that was open. Raise ProtocolViolation (L4, L5)."""
        if not 1 <= count <= MAX_RUN:
            raise violation("L5", "ACK for no envelope, or for too many")
        self._check_sent(first, count)
        return [report for number in range(first, first + count) for report in self._settle(number, Outcome.DELIVERED)]

    def refuse(self, number: int, *, reason: str | None, retry_after: float | None) -> list[SendReport]:
        """Take a REFUSE; return REFUSED if the envelope was open. Raise ProtocolViolation (L4)."""
        self._check_sent(number, 1)
        return self._settle(number, Outcome.REFUSED, reason=reason, retry_after=retry_after)

    # -- what does not come

    def oldest(self) -> float | None:
        """When the envelope left that has waited longest for its answer; None where none waits."""
        for _, left_at in self._open.values():
            return left_at
        return None

    def give_up(self, now: float, timeout: float) -> list[SendReport]:
        """Return LOST for what left `timeout` seconds ago or earlier and has no answer."""
        # As the deadline is computed: rounded otherwise, what is due may not be late.
        late = [number for number, (_, left_at) in self._open.items() if left_at + timeout <= now]
        return [report for number in late for report in self._settle(number, Outcome.LOST)]

    def lose_all(self) -> list[SendReport]:
        """The stream has ended: give LOST for everything open."""
        unfinished = [outgoing for outgoing, _ in self._open.values()] + list(self._envelopes)
        self._open.clear()
        self._envelopes.clear()
        self.in_flight_count = self.in_flight_octets = 0
        return [SendReport(ticket=each.ticket, outcome=Outcome.LOST) for each in unfinished if each.ticket is not None]

    def _check_sent(self, first: int, count: int) -> None:
        unfinished = any(first <= number < first + count for number in self._unfinished)
        if unfinished or first + count > self._next_number:
            raise violation("L4", "an answer to an envelope that was not sent")

    def _settle(
        self, number: int, outcome: Outcome, *, reason: str | None = None, retry_after: float | None = None
    ) -> list[SendReport]:
        outgoing, _ = self._open.pop(number, (None, 0.0))
        if outgoing is None or outgoing.ticket is None:
            return []
        self.in_flight_count -= 1
        self.in_flight_octets -= len(outgoing.envelope)
        final = SendReport(ticket=outgoing.ticket, outcome=outcome, reason=reason, retry_after=retry_after)
        # An answer can be quicker than the news that the octets have left.
        return [*self._sent(outgoing), final]

    def _sent(self, outgoing: OutgoingEnvelope) -> list[SendReport]:
        if outgoing.reported_sent or outgoing.ticket is None:
            return []
        outgoing.reported_sent = True
        return [SendReport(ticket=outgoing.ticket, outcome=Outcome.SENT)]
