"""A function handed from a task in an event loop to a thread, and its outcome handed back.

Whoever waits may be cancelled; the job goes on without.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from anyio import Event, from_thread
from anyio.lowlevel import EventLoopToken, current_token

T = TypeVar("T")
TxT = TypeVar("TxT")


class Job(Generic[TxT, T]):
    """One call. Made in the event loop; the thread sets `result` or `error`, and then calls `wake`."""

    __slots__ = ("done", "error", "function", "result", "token")

    def __init__(self, function: Callable[[TxT], T]) -> None:
        self.function = function
        self.result: T | None = None
        self.error: BaseException | None = None
        self.token = current_token()
        self.done = Event()

    async def outcome(self) -> T:
        """Wait for the thread; return the result or raise the error."""
        await self.done.wait()
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


def wake(jobs: Sequence[Job[Any, Any]]) -> None:
    """Tell everybody who waits for one of these jobs; one call into each event loop."""
    by_loop: dict[EventLoopToken, list[Event]] = {}
    for job in jobs:
        by_loop.setdefault(job.token, []).append(job.done)
    for token, events in by_loop.items():
        with suppress(RuntimeError):  # the loop has ended: nobody is left who could be told
            from_thread.run_sync(_set_all, events, token=token)


def _set_all(events: Sequence[Event]) -> None:
    for event in events:
        event.set()
