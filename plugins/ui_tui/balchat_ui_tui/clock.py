"""The time of day, as balchat counts it."""

from time import time


def milliseconds_now() -> int:
    """Return now, in Unix milliseconds."""
    return int(time() * 1000)
