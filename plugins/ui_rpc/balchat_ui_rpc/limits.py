"""What bounds a connection, whoever is at its other end."""

from dataclasses import dataclass
from typing import Final

MAX_REQUEST_SIZE: Final = 1024 * 1024
"""Octets of the longest line that a client may send: the longest text fits, however wastefully it is escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server grants each client. Times are seconds."""

    calls: int = 16
    """Calls in progress; the next one is read when one of them has been answered."""

    streams: int = 16
    """Streams open; one more is refused."""

    patience: float = 30
    """Time from the first octet of a line to its last."""

    look: float = 3
    """Time between looks at whether the socket's file is still there."""

    grace: float = 5
    """Time for calls to finish, and their answers to be read, when the server ends."""
