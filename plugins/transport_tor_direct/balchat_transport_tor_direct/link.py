"""A link: an authenticated stream between two accounts, without the stream (docs/spec/direct-transport.md, "Link").

Rules
-----
- No I/O and no clock: octets are fed, octets are taken, and `now` (seconds of any steady clock) is passed in.
- `feed`, then `next_event` until it gives None. `HANDLERS` is the machine: a frame type that is not in it is a
  violation of H1. After a violation nothing is taken any more, and the shell ends the link.
- Whoever changes something (submits, answers, feeds) afterwards takes `output` until it is empty, and asks `deadline`
  when `tick` is due.
- Every submitted envelope gets its reports: in events, from `left` and `tick`, and the rest from `close` or `end`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from balchat_host.api.transport import Disposition, SendReport, Verdict
from balchat_transport_tor_direct.answers import ack, read_ack, read_refuse, refuse
from balchat_transport_tor_direct.faults import violation
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameReader, FrameType
from balchat_transport_tor_direct.handshake import close_reason
from balchat_transport_tor_direct.inbound import Arrival, Inbound
from balchat_transport_tor_direct.outbound import MAX_RUN, Outbound, Output
from balchat_transport_tor_direct.settings import DirectSettings


class LinkState(Enum):
    """How far a link has come."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Answered:
    """The peer answered; tell the host."""

    reports: list[SendReport]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole envelope waits to be handed on."""


@dataclass(frozen=True, slots=True)
class Ponged:
    """The peer lives: it answered the PING with this token or a later one."""

    token: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer closed the link."""

    reason: CloseReason


Event = Answered | Arrived | Ponged | Closed


class Link:
    """One link. `reader` may hold octets that came behind the handshake."""

    def __init__(self, settings: DirectSettings, reader: FrameReader, now: float) -> None:
        self.state = LinkState.OPEN
        self._settings = settings
        self._reader = reader
        self._outbound = Outbound()
        self._inbound = Inbound(settings.window)
        self._heard = now
        self._moved = now
        self._pinged: float | None = None
        self._token = 0
        self._pong: int | None = None
        self._close_due: CloseReason | None = None

    # -- octets in

    def feed(self, octets: bytes, now: float) -> None:
        """Take what the stream gave."""
        self._heard = now
        self._pinged = None
        self._reader.feed(octets)

    def next_event(self) -> Event | None:
        """Return what happened next, or None until more is fed. Raise ProtocolViolation."""
        while self.state is not LinkState.CLOSED and (frame := self._reader.next()):
            handler = self.HANDLERS.get(frame.type)
            if handler is None:
                raise violation("H1", f"{frame.type.name} on a link")
            if self.state is LinkState.OPEN and (event := handler(self, frame)):
                return event
        return None

    @property
    def frames(self) -> int:
        """Frames received so far."""
        return self._reader.count

    @property
    def arrived(self) -> int:
        """Whole envelopes received so far."""
        return self._inbound.arrived

    @property
    def waiting(self) -> int:
        """Whole envelopes that wait to be handed on."""
        return self._inbound.waiting

    @property
    def held(self) -> int:
        """Octets that were received and not yet handed on."""
        return self._inbound.held

    # -- the host's side

    def has_room(self, envelope: bytes) -> bool:
        """Whether so much is not yet on its way that `envelope` may be submitted."""
        limits, flight = self._settings, self._outbound
        fits = flight.in_flight_octets + len(envelope) <= limits.send_octets
        return fits and flight.in_flight_count < limits.send_envelopes

    def submit(self, ticket: int, envelope: bytes, now: float) -> None:
        """Send an envelope of 1 octet to 1 MiB, behind those before it."""
        self._begin(now)
        self._outbound.submit(ticket, envelope)

    def take_batch(self, *, envelopes: int, octets: int) -> list[Arrival]:
        """Hand on what waits: at most so many envelopes and, after the first, octets."""
        return self._inbound.take_batch(envelopes=envelopes, octets=octets)

    def answer(self, batch: Sequence[Arrival], dispositions: Sequence[Disposition], now: float) -> None:
        """Say what became of a batch: replies first, runs of commits in one ACK, nothing for what was ignored."""
        self._begin(now)
        run: list[int] = []
        for arrival, disposition in zip(batch, dispositions, strict=True):
            plain = disposition.verdict is Verdict.COMMITTED and not disposition.replies
            if run and not (plain and arrival.number == run[-1] + 1 and len(run) < MAX_RUN):
                self._outbound.control(ack(run[0], len(run)))
                run = []
            if plain:
                run.append(arrival.number)
            else:
                self._answer_alone(arrival.number, disposition)
        if run:
            self._outbound.control(ack(run[0], len(run)))

    def probe(self, now: float) -> int:
        """Send PING and return its token; `Ponged` follows if the peer lives."""
        self._begin(now)
        self._token += 1
        self._outbound.control(Frame(FrameType.PING, self._token))
        if self._pinged is None:
            self._pinged = now
        return self._token

    def close(self, reason: CloseReason) -> list[SendReport]:
        """Send nothing but CLOSE any more; return LOST for everything that was not answered."""
        if self.state is LinkState.OPEN:
            self.state = LinkState.CLOSING
            self._close_due = reason
        return self._outbound.lose_all()

    def end(self) -> list[SendReport]:
        """The stream has ended; return LOST for everything that was not answered."""
        self.state = LinkState.CLOSED
        return self._outbound.lose_all()

    # -- octets out

    def output(self, most: int) -> Output:
        """Return what may be sent now, about `most` octets; then call `left`."""
        if self.state is not LinkState.OPEN:
            reason, self._close_due = self._close_due, None
            return Output(Frame(FrameType.CLOSE, reason).encode() if reason else b"")
        if window := self._inbound.window():
            self._outbound.control(window)
        if self._pong is not None:
            self._outbound.control(Frame(FrameType.PONG, self._pong))
            self._pong = None
        return self._outbound.take(most)

    def left(self, output: Output, now: float) -> list[SendReport]:
        """Take note that `output` is on its way."""
        self._moved = now
        return self._outbound.left(output, now)

    @property
    def backlog(self) -> int:
        """Octets of answers and replies that the peer does not take."""
        return self._outbound.backlog

    # -- time

    def deadline(self) -> float:
        """When `tick` is due."""
        limits, oldest = self._settings, self._outbound.oldest()
        waits = self._outbound.waits
        quiet = limits.keepalive if oldest is None and not waits else limits.keepalive_busy
        due = self._heard + quiet if self._pinged is None else self._pinged + limits.pong_timeout
        if oldest is not None:
            due = min(due, oldest + limits.answer_timeout)
        if waits:
            due = min(due, self._moved + limits.stall_timeout)
        return due

    def tick(self, now: float) -> list[SendReport]:
        """Do what is due. Closes the link when the peer is dead or takes nothing."""
        limits = self._settings
        dead = self._pinged is not None and now >= self._pinged + limits.pong_timeout
        stalled = self._outbound.waits and now >= self._moved + limits.stall_timeout
        if dead or stalled:
            return self.close(CloseReason.GOING_AWAY)
        reports = self._outbound.give_up(now, limits.answer_timeout)
        if self._pinged is None and now >= self.deadline():
            self.probe(now)
        return reports

    def _begin(self, now: float) -> None:
        """Something will wait from now on; if it is the first, the stall time-out runs from now."""
        if not self._outbound.waits:
            self._moved = now

    # -- what each frame does

    def _piece(self, frame: Frame) -> Event | None:
        self._inbound.take_piece(frame)
        return Arrived() if frame.type is FrameType.ENVELOPE else None

    def _ack(self, frame: Frame) -> Event | None:
        return Answered(self._outbound.acknowledge(frame.number, read_ack(frame)))

    def _refuse(self, frame: Frame) -> Event | None:
        reason, retry_after = read_refuse(frame)
        return Answered(self._outbound.refuse(frame.number, reason=reason, retry_after=retry_after))

    def _window(self, frame: Frame) -> Event | None:
        self._outbound.raise_limit(frame.number)

    def _ping(self, frame: Frame) -> Event | None:
        # Only the newest is answered, so that a flood of PINGs makes no flood of PONGs.
        self._pong = frame.number

    def _pong_came(self, frame: Frame) -> Event | None:
        if frame.number > self._token:
            raise violation("L9", "PONG for no PING")
        return Ponged(frame.number)

    def _close(self, frame: Frame) -> Event | None:
        self.state = LinkState.CLOSED
        return Closed(close_reason(frame))

    HANDLERS: Final[dict[FrameType, Callable[["Link", Frame], Event | None]]] = {
        FrameType.FRAGMENT: _piece,
        FrameType.ENVELOPE: _piece,
        FrameType.ACK: _ack,
        FrameType.REFUSE: _refuse,
        FrameType.WINDOW: _window,
        FrameType.PING: _ping,
        FrameType.PONG: _pong_came,
        FrameType.CLOSE: _close,
    }

    def _answer_alone(self, number: int, disposition: Disposition) -> None:
        match disposition.verdict:
            case Verdict.COMMITTED:
                self._outbound.reply(disposition.replies, ack(number, 1))
            case Verdict.REFUSED:
                self._outbound.reply(disposition.replies, refuse(number, disposition))
            case Verdict.IGNORED:
                return
