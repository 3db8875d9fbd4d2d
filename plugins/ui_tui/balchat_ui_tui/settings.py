"""What people can set of the terminal screen: the table `[settings.ui_tui]`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from balchat_common.settings import Doc, Writable
from msgspec import Meta

PLUGIN: Final = "ui_tui"
TABLE: Final = f"settings.{PLUGIN}"


class Language(StrEnum):
    """In which language the screen speaks."""

    AUTO = "auto"
    """As the terminal's environment says."""
    ENGLISH = "en"
    SPANISH = "es"


class Theme(StrEnum):
    """Which colours the screen has."""

    AUTO = "auto"
    """Dark or light, as far as the terminal tells."""
    DARK = "dark"
    LIGHT = "light"
    CONTRAST = "contrast"
    ANSI = "ansi"
    """The sixteen colours of the terminal itself."""


class Pictures(StrEnum):
    """How pictures are shown."""

    NONE = "none"
    BLOCKS = "blocks"
    """Two colours in a cell."""
    TERMINAL = "terminal"
    """By the terminal's own protocol, where textual-image is installed and knows one; in blocks elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuiSettings:
    """What can be set."""

    language: Annotated[Language, Doc("The language of the terminal screen."), Writable.AT_ONCE] = Language.AUTO

    theme: Annotated[
        Theme,
        Doc("The colours of the terminal screen; `ansi` takes the sixteen that the terminal itself has."),
        Writable.AT_ONCE,
    ] = Theme.AUTO

    enter_sends: Annotated[
        bool,
        Doc("Whether Enter sends a message. Otherwise it begins a new line, and Alt+Enter sends."),
        Writable.AT_ONCE,
    ] = True

    bell: Annotated[
        bool,
        Doc("Whether the terminal's bell rings for what comes into a conversation that is not shown."),
        Writable.AT_ONCE,
    ] = True

    title: Annotated[
        bool, Doc("Whether the terminal's title says how many conversations have something unread."), Writable.AT_ONCE
    ] = True

    lock_minutes: Annotated[
        int,
        Meta(ge=0, le=1440),
        Doc("Minutes without a key after which the screen locks itself; 0 is for never. The account goes on."),
        Writable.AT_ONCE,
    ] = 0

    pictures: Annotated[
        Pictures,
        Doc("How pictures are shown: not at all, in blocks, or as the terminal itself can."),
    ] = Pictures.NONE

    keys: Annotated[
        Mapping[str, str],
        Doc('Other keys, by the ids that the help (F1) shows, as in `"main.jump" = "ctrl+o"`.'),
    ] = field(default_factory=dict[str, str])
