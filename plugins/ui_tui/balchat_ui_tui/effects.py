"""What `update` wants done: values, which `performer` carries out.

    Call("messages.send", {"conversation": id, "text": text}, done=Sent)

`done` makes an action of the answer, `failed` of the error; where there is no `failed`, the error is shown as a notice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from balchat_host.api.errors import BalchatError
from balchat_host.api.views import MessageView
from balchat_ui_tui.actions import Action


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to be done outside the state."""


@dataclass(frozen=True, slots=True)
class Call(Effect):
    """Ask the account something: `method` is a name as in `App.capabilities`."""

    method: str
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])
    done: Callable[[Any], Action] | None = None
    failed: Callable[[BalchatError], Action] | None = None


@dataclass(frozen=True, slots=True)
class ProfileCall(Effect):
    """Ask the profile something, for while its account is not up: `method` is an async method of `Profile`."""

    method: str
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])
    done: Callable[[Any], Action] | None = None
    failed: Callable[[BalchatError], Action] | None = None


@dataclass(frozen=True, slots=True)
class Reconnect(Effect):
    """Try to reach the account now."""


class Severity(StrEnum):
    """How serious a notice is."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice(Effect):
    """Show a text for some seconds: one of ours, in which what others wrote is already harmless."""

    text: str
    severity: Severity = Severity.INFORMATION


@dataclass(frozen=True, slots=True)
class ShowError(Effect):
    """Show for some seconds what went wrong."""

    error: BalchatError


@dataclass(frozen=True, slots=True)
class Copy(Effect):
    """Put a text into the clipboard, where the terminal lets programs do that."""

    text: str


@dataclass(frozen=True, slots=True)
class CopyMessages(Effect):
    """Copy messages: the bare text of one, or who wrote each, and when, of several."""

    messages: tuple[MessageView, ...]


@dataclass(frozen=True, slots=True)
class OpenScreen(Effect):
    """Show another screen, by its name in `screens`. `closed` makes an action of what it leaves."""

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])
    closed: Callable[[Any], Action] | None = None


@dataclass(frozen=True, slots=True)
class CloseScreen(Effect):
    """Leave this screen. `result` is for whoever opened it; nobody hears of None."""

    result: object = None


@dataclass(frozen=True, slots=True)
class After(Effect):
    """Give an action later. One with the same key that still waits is dropped."""

    seconds: float
    action: Action
    key: str


@dataclass(frozen=True, slots=True)
class Ring(Effect):
    """Ring the terminal's bell, where the settings allow it."""


@dataclass(frozen=True, slots=True)
class WriteElsewhere(Effect):
    """Open a text in the person's own editor; `done` makes an action of what it is then."""

    text: str
    done: Callable[[str], Action]


@dataclass(frozen=True, slots=True)
class Quit(Effect):
    """Leave the program. The account goes on."""


Effects = tuple[Effect, ...]
