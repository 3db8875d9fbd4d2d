"""What `update` wants done: values, which `performer` carries out.

    Call("messages.send", {"conversation": id, "text": text}, done=Sent)

`done` makes an action of the answer, `failed` of the error; where there is no `failed`, the error is shown as a notice.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from balchat_host.api.errors import BalchatError
from balchat_host.api.views import MessageView
from balchat_ui_tui.actions import Action
from balchat_ui_tui.severity import Severity


class Effect(msgspec.Struct, frozen=True):
    """Something to be done outside the state. A struct, as actions are."""


class Call(Effect, frozen=True):
    """Ask the account something: `method` is a name as in `App.capabilities`."""

    method: str
    arguments: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    done: Callable[[Any], Action] | None = None
    failed: Callable[[BalchatError], Action] | None = None


class ProfileCall(Effect, frozen=True):
    """Ask the profile something, for while its account is not up: `method` is an async method of `Profile`."""

    method: str
    arguments: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    done: Callable[[Any], Action] | None = None
    failed: Callable[[BalchatError], Action] | None = None


class Reconnect(Effect, frozen=True):
    """Try to reach the account now."""


class Notice(Effect, frozen=True):
    """Show a text for some seconds: one of ours, in which what others wrote is already harmless."""

    text: str
    severity: Severity = Severity.INFORMATION


class ShowError(Effect, frozen=True):
    """Show for some seconds what went wrong."""

    error: BalchatError


class Copy(Effect, frozen=True):
    """Put a text into the clipboard, where the terminal lets programs do that."""

    text: str


class CopyMessages(Effect, frozen=True):
    """Copy messages: the bare text of one, or who wrote each, and when, of several."""

    messages: tuple[MessageView, ...]


class OpenScreen(Effect, frozen=True):
    """Show another screen, by its name in `screens`. `closed` makes an action of what it leaves."""

    name: str
    arguments: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    closed: Callable[[Any], Action] | None = None


class CloseScreen(Effect, frozen=True):
    """Leave the screen that wants it, once it is in front. `result` is for whoever opened it; nobody hears of None."""

    result: object = None


class After(Effect, frozen=True):
    """Give an action later. One with the same key that still waits is dropped."""

    seconds: float
    action: Action
    key: str


class WriteElsewhere(Effect, frozen=True):
    """Open a text in the person's own editor; `done` makes an action of what it is then."""

    text: str
    done: Callable[[str], Action]


class Quit(Effect, frozen=True):
    """Leave the program. The account goes on."""


Effects = tuple[Effect, ...]
