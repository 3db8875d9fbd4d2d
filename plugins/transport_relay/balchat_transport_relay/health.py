"""The state of one relay of ours: online, or why not. Reasons name no address.

Parts report how they fare. A part is a circuit, a queue or a duty: anything hashable. The relay is online when each
part that is expected to work does. Misbehaviour is remembered for an hour, since one good answer does not make a relay
honest.
"""

from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Final

from balchat_relay_proto.errors import Code, Refused

from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_transport_relay.errors import InternalFailure, RelayMisbehaved, RelayUnavailable

MISBEHAVIOUR_REMEMBERED: Final = 3600.0
"""Seconds."""
SLOW: Final = 15_000
"""Milliseconds. A relay whose answer takes longer is shown as slow."""
_SPEED: Final = "speed"
_STARTING: Final = ServiceState(phase=Phase.STARTING)
_IN_WORDS: Final = {
    Code.DENIED: "it does not know a queue of ours",
    Code.DELETED: "it has deleted a queue of ours",
    Code.EVICTED: "another device reads our queues",
    Code.NOT_INVITED: "it wants another invitation or password",
    Code.RELAY_FULL: "it takes nothing new: its disk is full, or cannot be written",
    Code.QUEUE_FULL: "our queue there is full",
    Code.BLOBS_FULL: "our files there are as many as it takes",
    Code.POOL_FULL: "our key packages there are too many",
    Code.TOO_MANY_REQUESTS: "it has too much to do",
    Code.TOO_MANY_CONNECTIONS: "it has too many connections",
    Code.TOO_MANY_SUBSCRIPTIONS: "it has too many subscriptions",
    Code.DRAINING: "it is being shut down: move to another one",
    Code.TOO_SLOW: "the way to it is slow",
    Code.INTERNAL: "it fails",
}


class _Rank(IntEnum):
    """Which problem is shown where there are several: the lowest."""

    REFUSED = 0
    FAILED = 1
    UNAVAILABLE = 2
    LATE = 3
    SLOW = 4


_Problem = tuple[_Rank, str, str]
"""Its rank, what it is in words, and the name that stands for these."""


class Health:
    """The state of one relay. Calls `changed` when it changes. `now` returns Unix seconds."""

    def __init__(self, changed: Callable[[], None], now: Callable[[], float]) -> None:
        self._changed = changed
        self._now = now
        self._problems: dict[Hashable, _Problem] = {}
        self._pending: set[Hashable] = set()
        self._misbehaviour: tuple[str, float] | None = None
        self._told = _STARTING
        self.round_trip: int | None = None
        self.answered_at: int | None = None

    @property
    def state(self) -> ServiceState:
        """The state to show."""
        if self._misbehaviour is not None and self._now() < self._misbehaviour[1]:
            words = f"it misbehaves: {self._misbehaviour[0]}"
            return ServiceState(phase=Phase.DEGRADED, reason=words, code="relay.misbehaves")
        if self._problems:
            _, words, code = min(self._problems.values())
            return ServiceState(phase=Phase.DEGRADED, reason=words, code=f"relay.{code}")
        return _STARTING if self._pending else ONLINE

    def expect(self, part: Hashable) -> None:
        """Expect a part to work. Until it works or fails, the relay is starting."""
        self._pending.add(part)
        self._tell()

    def well(self, part: Hashable) -> None:
        """A part works."""
        self._answered()
        self._set(part, None)

    def polled(self, part: Hashable) -> None:
        """A part answers when it is polled, but does not push."""
        self._answered()
        self._set(part, (_Rank.LATE, "it does not push: messages come with a delay", "late"))

    def unavailable(self, part: Hashable, problem: str) -> None:
        """A part could not reach the relay, or its connection broke."""
        self._set(part, (_Rank.UNAVAILABLE, problem, "unavailable"))

    def failed(self, part: Hashable, problem: str) -> None:
        """A part failed because of us."""
        self._set(part, (_Rank.FAILED, problem, "failed"))

    def misbehaved(self, problem: str) -> None:
        """The relay did what no honest relay does."""
        self._answered()
        self._misbehaviour = problem, self._now() + MISBEHAVIOUR_REMEMBERED
        self._tell()

    def refused(self, part: Hashable, code: Code) -> None:
        """The relay refused what a part asked for."""
        self._answered()
        self._set(part, (_Rank.REFUSED, in_words(code), code if code in _IN_WORDS else "refuses"))

    def problem(self, part: Hashable, error: Exception) -> None:
        """A part got an error: from the relay, on the way to it, or of our own."""
        match error:
            case Refused():
                self.refused(part, error.code)
            case RelayMisbehaved():
                self.misbehaved(str(error))
                self.unavailable(part, "it could not be used")
            case RelayUnavailable() if not isinstance(error, InternalFailure):
                self.unavailable(part, str(error))
            case _:
                self.failed(part, str(error))

    def measured(self, milliseconds: int) -> None:
        """An answer took this long."""
        self.round_trip = milliseconds
        self._answered()
        slow = f"it is slow: its last answer took {milliseconds // 1000} s"
        self._set(_SPEED, (_Rank.SLOW, slow, "slow") if milliseconds > SLOW else None)

    def forget(self, part: Hashable) -> None:
        """A part no longer exists."""
        self._set(part, None)

    def _answered(self) -> None:
        self.answered_at = int(self._now() * 1000)

    def _set(self, part: Hashable, problem: _Problem | None) -> None:
        self._pending.discard(part)
        if problem is None:
            self._problems.pop(part, None)
        else:
            self._problems[part] = problem
        self._tell()

    def _tell(self) -> None:
        if self.state != self._told:
            self._told = self.state
            self._changed()


def in_words(code: Code) -> str:
    """Return a refusal in words for people."""
    return _IN_WORDS.get(code, f"it refuses ({code})")
