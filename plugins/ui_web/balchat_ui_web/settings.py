"""The settings of this plugin: the table `[settings.ui_web]`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from balchat_common.settings import Doc, Writable
from msgspec import Meta

PLUGIN: Final = "ui_web"


class Unlock(StrEnum):
    """Where passphrases are typed."""

    PAGE = "page"
    TERMINAL = "terminal"


class Language(StrEnum):
    """The language of the page."""

    AUTO = "auto"
    ENGLISH = "en"
    SPANISH = "es"


class Theme(StrEnum):
    """The colours of the page."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class Contrast(StrEnum):
    """How strong colours stand apart."""

    AUTO = "auto"
    MORE = "more"


class Notifications(StrEnum):
    """What the page's notifications say."""

    ALL = "all"
    SENDER = "sender"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """What can be set."""

    unlock: Annotated[
        Unlock,
        Doc("Where an account is made and unlocked, and a locked screen opened: in the page, or only in a terminal."),
    ] = Unlock.PAGE

    lock_minutes: Annotated[
        int,
        Meta(ge=0, le=1440),
        Doc("After how many minutes without a key, click or touch in any window the screen is locked; 0 for never."),
        Writable.AT_ONCE,
    ] = 30

    language: Annotated[Language, Doc("The language of the page; with auto, the browser's."), Writable.AT_ONCE] = (
        Language.AUTO
    )

    theme: Annotated[Theme, Doc("The colours of the page; with auto, the system's."), Writable.AT_ONCE] = Theme.AUTO

    contrast: Annotated[Contrast, Doc("Stronger colours; with auto, as the system wants."), Writable.AT_ONCE] = (
        Contrast.AUTO
    )

    enter_sends: Annotated[
        bool,
        Doc("Whether Enter sends a message. Otherwise it breaks the line, and Ctrl+Enter sends."),
        Writable.AT_ONCE,
    ] = True

    notifications: Annotated[
        Notifications,
        Doc("What the browser's notifications say: name and text, the name only, or nothing, so that there are none."),
        Writable.AT_ONCE,
    ] = Notifications.SENDER

    port: Annotated[
        int,
        Meta(ge=0, le=65535),
        Doc("The port on the loopback interface; 0 for another one at each start, which nobody can wait for."),
    ] = 0
