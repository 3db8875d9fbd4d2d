"""The time of day, as balchat counts it."""

from datetime import datetime
from time import time


def milliseconds_now() -> int:
    """Return now, in Unix milliseconds."""
    return int(time() * 1000)


def midnight() -> int:
    """Return when today began here, in Unix milliseconds."""
    began = datetime.fromtimestamp(time()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return int(began.timestamp() * 1000)
