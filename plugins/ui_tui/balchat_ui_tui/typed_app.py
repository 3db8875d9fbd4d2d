"""What widgets need of the program."""

from typing import TYPE_CHECKING, Any, cast

from balchat_texts import Texts

if TYPE_CHECKING:
    from textual.widget import Widget

    from balchat_ui_tui.app import BalchatTui


def program(widget: "Widget") -> "BalchatTui":
    """Return the program that a widget is in."""
    return cast("BalchatTui", cast("Any", widget).app)


def texts(widget: "Widget") -> Texts:
    """Return the texts of the person's language."""
    return program(widget).t
