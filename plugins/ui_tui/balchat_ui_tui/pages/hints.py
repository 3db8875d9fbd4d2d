"""The line at the foot of a page: which keys do something here."""

from typing import Any, cast

from textual.content import Content
from textual.widgets import Static

from balchat_ui_tui.typed_app import program


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
        tui = program(self)
        t = tui.t
        parts: list[Content] = []
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not active.enabled or not binding.id or binding.id in seen:
                continue
            if not binding.id.startswith("pages.") and f"keys.{binding.id}" not in t:
                continue
            seen.add(binding.id)
            key = tui.get_key_display(binding)
            said = Content.assemble((key, "bold $text-accent"), " ", t(f"keys.{binding.id}"))
            parts.append(said)
        self.update(Content("   ").join(parts))
