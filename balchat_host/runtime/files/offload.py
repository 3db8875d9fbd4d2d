"""Work that blocks, apart from the event loop: calls, and jobs that take or give octets as they come.

A job has a thread of its own and at most one piece of octets waits for it, or of it, at a time. So a file of any size
needs little memory, and whoever is slower sets the pace.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from threading import Condition, Thread
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

from balchat_host.api.errors import InternalError
from balchat_host.runtime.files.sealing import Read, Write

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_CALLS_AT_ONCE: Final = 16


class Ended(Exception):
    """A job is to end, since nobody wants its outcome any more."""


class Feed(ABC, Generic[T]):
    """A job that reads what is put into it. All may block; `put` and `finish` raise what the job raises."""

    @abstractmethod
    def put(self, octets: bytes) -> None:
        """Hand it octets, once it has taken what was put before."""

    @abstractmethod
    def finish(self) -> T:
        """Tell it that nothing more comes; return what it returns."""

    @abstractmethod
    def abort(self) -> None:
        """Have it end; return when it does nothing more."""


class Drain(ABC):
    """A job that writes what is got from it. `get` may block, and raises what the job raises."""

    @abstractmethod
    def get(self) -> bytes | None:
        """Return the next octets, None when the job has ended."""

    @abstractmethod
    def close(self) -> None:
        """Have it end."""


class Offload(ABC):
    """Where such work is done."""

    @abstractmethod
    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Call a function that blocks."""

    @abstractmethod
    def feed(self, job: Callable[[Read], T]) -> Feed[T]:
        """Start a job that reads."""

    @abstractmethod
    def drain(self, job: Callable[[Write], None]) -> Drain:
        """Start a job that writes."""


class Threads(Offload):
    """Threads of this process."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        if self._limiter is None:
            self._limiter = CapacityLimiter(_CALLS_AT_ONCE)
        return await to_thread.run_sync(partial(function, *arguments), limiter=self._limiter)

    def feed(self, job: Callable[[Read], T]) -> Feed[T]:
        return _ThreadFeed(job)

    def drain(self, job: Callable[[Write], None]) -> Drain:
        return _ThreadDrain(job)


class _Job:
    """A thread, and a place for one piece of octets. All that is shared is changed under `_changed` alone."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._changed = Condition()
        self._piece = memoryview(b"")
        self._no_more = False
        self._ended = False
        self._done = False
        self._failure: BaseException | None = None
        self._result: Any = None
        self._work = work
        Thread(target=self._run, name="balchat file", daemon=True).start()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001  # whoever waits for the job raises it
            self._failure = error
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], object]) -> None:
        while not (condition() or self._ended or self._done):
            self._changed.wait()

    def _raise(self) -> None:
        if self._failure is not None:
            # Raised again and again, one exception would collect tracebacks.
            raise self._failure.with_traceback(None)
        if self._ended:
            raise Ended


class _ThreadFeed(_Job, Feed[T]):
    def __init__(self, job: Callable[[Read], T]) -> None:
        super().__init__(lambda: job(self._read))

    def put(self, octets: bytes) -> None:
        with self._changed:
            self._wait(lambda: not self._piece)
            self._raise()
            if self._done:
                raise InternalError(kind="a job that read less than there is")
            self._piece = memoryview(octets)
            self._changed.notify_all()

    def finish(self) -> T:
        with self._changed:
            self._no_more = True
            self._changed.notify_all()
            self._wait(lambda: False)
            self._raise()
            return self._result

    def abort(self) -> None:
        self.end()
        with self._changed:
            while not self._done:
                self._changed.wait()

    def _read(self, size: int) -> bytes:
        with self._changed:
            self._wait(lambda: self._piece or self._no_more)
            if self._ended:
                raise Ended
            taken, self._piece = bytes(self._piece[:size]), self._piece[size:]
            self._changed.notify_all()
            return taken


class _ThreadDrain(_Job, Drain):
    def __init__(self, job: Callable[[Write], None]) -> None:
        super().__init__(lambda: job(self._write))

    def get(self) -> bytes | None:
        with self._changed:
            self._wait(lambda: self._piece)
            if not self._piece:
                self._raise()
                return None
            taken, self._piece = bytes(self._piece), memoryview(b"")
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        self.end()

    def _write(self, octets: bytes) -> None:
        with self._changed:
            self._wait(lambda: not self._piece)
            if self._ended:
                raise Ended
            self._piece = memoryview(octets)
            self._changed.notify_all()
