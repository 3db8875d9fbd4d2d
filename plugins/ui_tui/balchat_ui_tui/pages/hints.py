"""The line at the foot of a page: which keys do something here."""

from typing import TYPE_CHECKING, Any, Final, cast

from textual.content import Content
from textual.widgets import Static

from balchat_ui_tui.keymap import key_words
from balchat_ui_tui.typed_app import program

if TYPE_CHECKING:
    from textual.binding import Binding


_NO_BREAK: Final = "\u00a0"


def _kept(text: str) -> str:
    """Return a text that is not broken in its middle."""
    return text.replace(" ", _NO_BREAK)


class Hints(Static):
    """Shows the keys of the screen that have an id, with what they do."""

    def on_mount(self) -> None:
        """Follow what is bound: it differs with what has the focus."""
        cast("Any", self.screen).bindings_updated_signal.subscribe(self, self._changed)
        self.show_keys()

    def _changed(self, screen: object) -> None:
        del screen
        self.show_keys()

    def show_keys(self) -> None:
        """Show the keys that are bound now."""
        t = program(self).t
        bindings: dict[str, Binding] = {}
        for each in self.screen.active_bindings.values():
            if each.enabled and each.binding.id:
                bindings.setdefault(each.binding.id, each.binding)
        if not getattr(self.screen, "CAN_GO_BACK", True):
            bindings.pop("pages.close", None)
        parts = [
            Content.assemble((key_words(binding.key), "bold $text-accent"), _NO_BREAK, _kept(t(f"keys.{name}")))
            for name, binding in bindings.items()
            if not name.startswith("app.") and f"keys.{name}" in t
        ]
        help_key = bindings["app.help"].key if "app.help" in bindings else "f1"
        parts.append(Content.assemble((key_words(help_key), "bold $text-accent"), _NO_BREAK, _kept(t("keys.app.help"))))
        self.update(Content("   ").join(parts))
