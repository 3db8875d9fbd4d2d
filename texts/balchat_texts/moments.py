"""Times as values: parts of a local date, and how far a day is from today."""

from datetime import UTC, datetime
from typing import Final

MILLISECONDS: Final = 1000
_LATEST: Final = 253_370_764_800_000
"""The beginning of the year 9999. Times come from others, and `datetime` ends there."""


def local(at: int) -> datetime:
    """Return a time (Unix milliseconds) on the clock here. One that no calendar has is the nearest that it has."""
    return datetime.fromtimestamp(min(max(at, 0), _LATEST) / MILLISECONDS, tz=UTC).astimezone()


def days_before(at: datetime, now: datetime) -> int:
    """Return how many midnights lie between two times; negative where `at` comes later."""
    return (now.date() - at.date()).days
