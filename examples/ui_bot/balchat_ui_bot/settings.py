"""The settings of this plugin: the table `[settings.ui_bot]`."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc
from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """What can be set."""

    answer: Annotated[str, Meta(min_length=1, max_length=1000), Doc("What a ping is answered with.")] = "pong"
