"""The screens by name, for `OpenScreen`. Each is imported when it is opened first."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from balchat_ui_tui.screen import StatefulScreen

_SCREENS: Final[Mapping[str, str]] = {
    "jump": "balchat_ui_tui.jump.screen:Jump",
    "jump-date": "balchat_ui_tui.jump.date:JumpToDate",
    "message-delete": "balchat_ui_tui.chat.dialogs:DeleteMessage",
    "message-info": "balchat_ui_tui.chat.info:MessageInfo",
    "message-react": "balchat_ui_tui.chat.dialogs:ReactToMessage",
    "search": "balchat_ui_tui.search.screen:Search",
}
"""Where the class of each screen is. It is made with the arguments of `OpenScreen`."""


def make_screen(name: str, arguments: Mapping[str, object]) -> "StatefulScreen[Any]":
    """Return a new screen. Raise KeyError where there is none of that name."""
    module, _, attribute = _SCREENS[name].partition(":")
    make: Callable[..., StatefulScreen[Any]] = getattr(import_module(module), attribute)
    return make(**arguments)


def has_screen(name: str) -> bool:
    """Return whether there is a screen of that name."""
    return name in _SCREENS
