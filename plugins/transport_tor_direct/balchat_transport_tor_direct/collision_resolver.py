"""Which stream with a peer stands (docs/spec/direct-transport.md, "One stream for each pair"). No I/O here.

Theory of operation
-------------------
With one peer we have at most one stream that *stands*, one *dial* of ours, and one *held*: an incoming stream that is
proven and waits. What an incoming proven stream leads to depends only on what we have and on whose dial wins; `TABLE`
is that, whole. Every method gives the steps to take, in order; the shell takes them and changes nothing of its own.

A stream is whatever the shell calls a stream: it is kept and given back, never touched.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final, Generic, TypeVar

from balchat_transport_tor_direct.faults import LocalMisuse

StreamT = TypeVar("StreamT")


class Do(Enum):
    """What to do with the stream that stands beside it in a step."""

    ADMIT = "admit"
    """Send READY on an incoming stream; it stands."""
    ESTABLISH = "establish"
    """Our dial has come through; it stands."""
    REJECT = "reject"
    """Close an incoming stream: replaced."""
    ABANDON_DIAL = "abandon dial"
    """Give our dial up."""
    END_STANDING = "end standing"
    """Close the stream that stood: replaced."""
    HOLD = "hold"
    """Let an incoming stream wait."""
    PROBE = "probe"
    """PING the stream that stands; tell `probe_answered` or `probe_failed`."""


class Have(Enum):
    """What we have with the peer."""

    NOTHING = "nothing"
    DIALLING = "dial, proof not sent"
    PROVEN = "dial, proof sent"
    THEIRS = "stream that they dialled"
    OURS = "stream that we dialled"


TABLE: Final[dict[Have, tuple[tuple[Do, ...], tuple[Do, ...]]]] = {
    # what we have: (our dial wins, their dial wins)
    Have.NOTHING: ((Do.ADMIT,), (Do.ADMIT,)),
    Have.DIALLING: ((Do.ABANDON_DIAL, Do.ADMIT), (Do.ABANDON_DIAL, Do.ADMIT)),
    Have.PROVEN: ((Do.HOLD,), (Do.ABANDON_DIAL, Do.ADMIT)),
    Have.THEIRS: ((Do.END_STANDING, Do.ADMIT), (Do.END_STANDING, Do.ADMIT)),
    Have.OURS: ((Do.PROBE, Do.HOLD), (Do.END_STANDING, Do.ADMIT)),
}
"""What an incoming stream leads to, once it is proven."""


class CollisionResolver(Generic[StreamT]):
    """Our side of everything that connects us with one peer. `ours_wins`: our peer id is the lower one."""

    def __init__(self, *, ours_wins: bool) -> None:
        self._ours_wins = ours_wins
        self.have = Have.NOTHING
        self.standing: StreamT | None = None
        self.held: StreamT | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing connects us."""
        return self.have is Have.NOTHING and self.held is None

    # -- our dial

    def dial(self) -> bool:
        """Return whether to dial now, because nothing stands and no dial runs. The dial runs from then on."""
        if self.have is not Have.NOTHING:
            return False
        self.have = Have.DIALLING
        return True

    def prove(self) -> None:
        """Our dial sends its PROOF now."""
        self._expect(Have.DIALLING)
        self.have = Have.PROVEN

    def dial_ready(self, stream: StreamT) -> Sequence[tuple[Do, StreamT | None]]:
        """Our dial got READY."""
        self._expect(Have.PROVEN)
        self.have, self.standing = Have.OURS, stream
        return [(Do.ESTABLISH, stream), *self._reject_held()]

    def dial_failed(self) -> Sequence[tuple[Do, StreamT | None]]:
        """Our dial came to nothing. Not to be called for one that was abandoned."""
        if self.have not in (Have.DIALLING, Have.PROVEN):
            raise LocalMisuse("no dial runs")
        self.have = Have.NOTHING
        return self._admit_held()

    # -- an incoming stream

    def offered(self, stream: StreamT) -> Sequence[tuple[Do, StreamT | None]]:
        """Take note of an incoming stream that is proven."""
        steps = [*self._reject_held()]
        for do in TABLE[self.have][0 if self._ours_wins else 1]:
            match do:
                case Do.ABANDON_DIAL:
                    steps.append((do, None))
                case Do.END_STANDING | Do.PROBE:
                    steps.append((do, self.standing))
                case Do.HOLD:
                    self.held = stream
                    steps.append((do, stream))
                case _:
                    self.have, self.standing = Have.THEIRS, stream
                    steps.append((do, stream))
        return steps

    def withdrawn(self, stream: StreamT) -> None:
        """The stream that waited has gone."""
        if self.held is stream:
            self.held = None

    def probe_answered(self) -> Sequence[tuple[Do, StreamT | None]]:
        """The standing stream lives: the one that waits was an old tie."""
        return self._reject_held()

    def probe_failed(self) -> Sequence[tuple[Do, StreamT | None]]:
        """The standing stream is dead: the one that waits takes its place."""
        if self.held is None:
            return []
        ended, self.standing, self.have = self.standing, None, Have.NOTHING
        return [(Do.END_STANDING, ended), *self._admit_held()]

    # -- ends

    def ended(self, stream: StreamT) -> Sequence[tuple[Do, StreamT | None]]:
        """The stream has ended, whichever it was."""
        self.withdrawn(stream)
        if self.standing is not stream:
            return []
        self.standing, self.have = None, Have.NOTHING
        return self._admit_held()

    def disconnect(self) -> Sequence[tuple[Do, StreamT | None]]:
        """End everything."""
        steps = [*self._reject_held()]
        if self.have in (Have.DIALLING, Have.PROVEN):
            steps.append((Do.ABANDON_DIAL, None))
        if self.standing is not None:
            steps.append((Do.END_STANDING, self.standing))
        self.standing, self.have = None, Have.NOTHING
        return steps

    def _admit_held(self) -> Sequence[tuple[Do, StreamT | None]]:
        if self.held is None:
            return []
        self.have, self.standing, self.held = Have.THEIRS, self.held, None
        return [(Do.ADMIT, self.standing)]

    def _reject_held(self) -> Sequence[tuple[Do, StreamT | None]]:
        held, self.held = self.held, None
        return [(Do.REJECT, held)] if held is not None else []

    def _expect(self, have: Have) -> None:
        if self.have is not have:
            raise LocalMisuse(f"we have a {self.have.value}, not a {have.value}")
