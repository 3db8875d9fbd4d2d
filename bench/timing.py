"""Timing: what is compared is measured in turns, so that a busy machine is as unfair to one as to the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(slots=True)
class Samples:
    """Durations in seconds."""

    seconds: list[float] = field(default_factory=list[float])

    def add(self, seconds: float) -> None:
        """Take one more."""
        self.seconds.append(seconds)

    @property
    def median(self) -> float:
        """The median, in milliseconds."""
        return median(self.seconds) * 1000

    @property
    def p99(self) -> float:
        """The 99th percentile, in milliseconds; of few samples it is the longest or close to it."""
        return quantiles(self.seconds, n=100, method="inclusive")[98] * 1000


async def in_turns(rounds: int, *calls: Callable[[], Awaitable[object]], warm_up: int = 3) -> list[Samples]:
    """Time each of some calls once in every round; the first rounds do not count."""
    samples = [Samples() for _ in calls]
    for turn in range(warm_up + rounds):
        for call, sample in zip(calls, samples, strict=True):
            began = perf_counter()
            await call()
            if turn >= warm_up:
                sample.add(perf_counter() - began)
    return samples


def in_turns_sync(rounds: int, *calls: Callable[[], object], warm_up: int = 1) -> list[Samples]:
    """As `in_turns`, for what runs in no event loop."""
    samples = [Samples() for _ in calls]
    for turn in range(warm_up + rounds):
        for call, sample in zip(calls, samples, strict=True):
            began = perf_counter()
            call()
            if turn >= warm_up:
                sample.add(perf_counter() - began)
    return samples
