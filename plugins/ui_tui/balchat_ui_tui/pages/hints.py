"""The line at the foot of a page: which keys do something here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from textual.content import Content
from textual.widgets import Static

from balchat_ui_tui.keymap import key_words
from balchat_ui_tui.typed_app import program

if TYPE_CHECKING:
    from textual.binding import Binding


class Hints(Static):
    """Shows the keys of the screen that have an id, with what they do."""

    def on_mount(self) -> None:
        """Follow what is bound: it differs with what has the focus."""
        cast("Any", self.screen).bindings_updated_signal.subscribe(self, self._changed)
        self.show_keys()

    def on_resize(self) -> None:
        """Break the line for the new width."""
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
            Content.assemble((key_words(binding.key), "bold $text-accent"), " ", t(f"keys.{name}"))
            for name, binding in bindings.items()
            if not name.startswith("app.") and f"keys.{name}" in t
        ]
        help_key = bindings["app.help"].key if "app.help" in bindings else "f1"
        parts.append(Content.assemble((key_words(help_key), "bold $text-accent"), " ", t("keys.app.help")))
        rows = _rows(parts, self.size.width)
        if len(rows) > _MOST_ROWS:  # what is cut off stands on the page of keys
            rows = _rows([parts[0], parts[-1], *parts[1:-1]], self.size.width)
        self.update(Content("\n").join(Content(" " * _GAP).join(row) for row in rows))


def _rows(parts: Sequence[Content], cells: int) -> list[list[Content]]:
    """Return the keys in rows of so many cells. No key is apart from what it does."""
    rows: list[list[Content]] = [[]]
    used = 0
    for part in parts:
        room = part.cell_length + (_GAP if rows[-1] else 0)
        if rows[-1] and used + room > cells:
            rows.append([])
            used, room = 0, part.cell_length
        rows[-1].append(part)
        used += room
    return rows


_GAP: Final = 3
_MOST_ROWS: Final = 2
"""As many rows as the page leaves for it."""
