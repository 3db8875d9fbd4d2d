"""Secrets that are good for one use and for a short time: what opens a window, and what fetches a file."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SIZE: Final = 32
"""Octets of chance in every secret."""


def digest(secret: str) -> bytes:
    """Return what is kept of a secret: what is found in our memory opens nothing."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


class OneTime(Generic[T]):
    """Gives out secrets, each of which stands for a value until it is used, or `seconds` have passed.

    Of more than `most`, the oldest ends.
    """

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: dict[bytes, tuple[float, T]] = {}

    def make(self, value: T) -> str:
        """Return a new secret."""
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        secret = secrets.token_urlsafe(SIZE)
        self._kept[digest(secret)] = (self._clock() + self._seconds, value)
        return secret

    def use(self, secret: str) -> T | None:
        """Return what a secret stands for, once; None for one that is used, too old or wrong."""
        kept = self._kept.pop(digest(secret), None)
        return kept[1] if kept is not None and self._clock() < kept[0] else None

    def end_all(self) -> None:
        """Make every secret worthless."""
        self._kept.clear()
