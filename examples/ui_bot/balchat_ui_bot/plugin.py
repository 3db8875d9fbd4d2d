"""Registers the bot. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl

from balchat_ui_bot.settings import BotSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.frontend import FrontEnd, FrontEndContext


def make(context: FrontEndContext, settings: BotSettings) -> FrontEnd:
    """Make the bot for one account."""
    from balchat_ui_bot.bot import Bot  # noqa: PLC0415  # see the module's docstring

    return Bot(context, settings)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_bot`."""
    return [
        FrontEndDescriptor(
            name="ui_bot",
            summary="Answers every ping",
            api_version=1,
            settings=BotSettings,
            factory=make,
        )
    ]
