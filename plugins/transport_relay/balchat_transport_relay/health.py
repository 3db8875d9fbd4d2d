"""How one relay of ours is, told from what its circuits meet: online, or why not. Reasons name no address."""

from collections.abc import Callable
from typing import Final

from balchat_relay_proto.errors import Code

from balchat_host.api.types import Phase, ServiceState

_IN_WORDS: Final = {
    Code.DENIED: "it does not know a queue of ours",
    Code.DELETED: "it has deleted a queue of ours",
    Code.EVICTED: "another device reads our queues",
    Code.NOT_INVITED: "it wants another invitation or password",
    Code.RELAY_FULL: "it is full",
    Code.QUEUE_FULL: "our queue there is full",
    Code.POOL_FULL: "our key packages there are too many",
    Code.TOO_MANY_REQUESTS: "it has too much to do",
    Code.TOO_MANY_CONNECTIONS: "it has too many connections",
    Code.TOO_MANY_SUBSCRIPTIONS: "it has too many subscriptions",
    Code.DRAINING: "it is being shut down: move to another one",
    Code.TOO_SLOW: "the way to it is slow",
    Code.UNSUPPORTED_VERSION: "it and this program have no version in common",
}


class Health:
    """Collects; calls `changed` when the state is another one."""

    def __init__(self, changed: Callable[[], None], now: Callable[[], float]) -> None:
        self._changed = changed
        self._now = now
        self._problems: dict[str, str] = {}
        self._well: set[str] = set()
        self.round_trip: int | None = None
        self.answered_at: int | None = None

    @property
    def state(self) -> ServiceState:
        """How the relay is."""
        if self._problems:
            return ServiceState(phase=Phase.DEGRADED, reason=next(iter(self._problems.values())))
        if self._well:
            return ServiceState(phase=Phase.ONLINE)
        return ServiceState(phase=Phase.STARTING)

    def well(self, circuit: str) -> None:
        """A circuit works."""
        self._answered()
        self._set(circuit, None)

    def polled(self, circuit: str) -> None:
        """A circuit works as far as that it can be asked."""
        self._answered()
        self._set(circuit, "it does not push: messages come with a delay")

    def gone(self, circuit: str, problem: str) -> None:
        """A circuit broke, or could not be opened."""
        self._set(circuit, problem)

    def lies(self, circuit: str, problem: str) -> None:
        """The relay said what no honest one says."""
        self._set(circuit, f"it lies: {problem}")

    def refused(self, circuit: str, code: Code) -> None:
        """The relay said no."""
        self._answered()
        self._set(circuit, _IN_WORDS.get(code, f"it refuses ({code})"))

    def measured(self, milliseconds: int) -> None:
        """An answer took so long."""
        self.round_trip = milliseconds
        self._answered()

    def forget(self, circuit: str) -> None:
        """A circuit is used no more."""
        self._well.discard(circuit)
        if self._problems.pop(circuit, None) is not None:
            self._changed()

    def _answered(self) -> None:
        self.answered_at = int(self._now() * 1000)

    def _set(self, circuit: str, problem: str | None) -> None:
        before = self.state
        if problem is None:
            self._problems.pop(circuit, None)
            self._well.add(circuit)
        else:
            self._problems[circuit] = problem
            self._well.discard(circuit)
        if self.state != before:
            self._changed()


def in_words(code: Code) -> str:
    """Say a refusal for a person."""
    return _IN_WORDS.get(code, f"it refuses ({code})")
