"""Jobs in worker threads that run to their end, also where whoever asked for them is cancelled meanwhile."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread

T = TypeVar("T")


async def to_its_end(job: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """Return what a job returns; raise what it raises."""
    results: list[T] = []
    with CancelScope(shield=True):
        results.append(await to_thread.run_sync(job, limiter=limiter))
    return results[0]
