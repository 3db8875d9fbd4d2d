"""The settings of this plugin: the table `[settings.ui_notify]`."""

import re
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Annotated, Final

from balchat_common.settings import Doc, Writable
from msgspec import Meta

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Show(StrEnum):
    """What a notification says."""

    ALL = "all"
    """Who wrote, and what."""
    SENDER = "sender"
    """Who wrote."""
    NOTHING = "nothing"
    """Nothing: there are no notifications."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """What can be set."""

    show: Annotated[
        Show,
        Doc("Whether notifications show who wrote and what, only who wrote, or are not shown."),
        Writable.AT_ONCE,
    ] = Show.SENDER

    quiet_hours: Annotated[
        str,
        Meta(max_length=11, description="hours as 22:00-07:00, in local time, or an empty text"),
        Doc("From when to when no notifications are shown."),
        Writable.AT_ONCE,
    ] = ""

    def __post_init__(self) -> None:
        if self.quiet_hours and not _HOURS.fullmatch(self.quiet_hours):
            raise ValueError("quiet_hours: these are no hours; hours as 22:00-07:00, in local time, or an empty text")

    def is_quiet(self, now: time) -> bool:
        """Return whether nothing is shown at this time of day."""
        hours = _HOURS.fullmatch(self.quiet_hours)
        if hours is None:
            return False
        first, last = (time(int(hours[each]), int(hours[each + 1])) for each in (1, 3))
        return first <= now < last if first <= last else now >= first or now < last
