"""Days and times as people type them."""

import re
from datetime import datetime, timedelta
from typing import Final

from balchat_host.api.errors import BadInput

_DAYS_AGO: Final = re.compile(r"(\d{1,5})d")
_DURATION: Final = re.compile(r"(\d{1,9})([smhdw])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NAMED: Final = {"today": 0, "yesterday": 1, "tomorrow": -1}
"""Days ago."""


def parse_duration(typed: str) -> int:
    """Return the seconds of a time span such as `90s`, `5m`, `2h`, `7d` or `4w`. Raise BadInput."""
    found = _DURATION.fullmatch(typed.strip().lower())
    if found is None:
        raise BadInput(what=f"“{typed}”", problem="it is not a time span such as 90s, 5m, 2h, 7d or 4w")
    return int(found[1]) * _UNITS[found[2]]


def parse_date(typed: str, *, now: datetime | None = None) -> int:
    """Return the Unix milliseconds of a local day's beginning, or of a time. Raise BadInput.

    A day is `2026-11-27`, `today`, `yesterday`, `tomorrow`, or `3d` for three days ago; a time is `2026-11-27T12:03`.
    """
    now = now or datetime.now().astimezone()
    typed = typed.strip()
    ago = _NAMED.get(typed.lower())
    if ago is None and (days := _DAYS_AGO.fullmatch(typed)):
        ago = int(days[1])
    try:
        if ago is not None:
            when = datetime.combine(now.date() - timedelta(days=ago), datetime.min.time())
        else:
            when = datetime.fromisoformat(typed)
        return int(when.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        problem = "it is not a day such as 2026-11-27, today, yesterday or 3d, or a time such as 2026-11-27T12:03"
        raise BadInput(what=f"“{typed}”", problem=problem) from None
