"""All keys on one page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from balchat_texts import Texts
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.keymap import groups, key_words
from balchat_ui_tui.pages.page import Page

_WIDEST: Final = 24
_NARROW: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpState:
    """The keys do not change while they are shown."""


def help_text(t: Texts, keymap: Mapping[str, str], cells: int) -> Content:
    """Return all keys and what they do, those of the settings in place of others.

    Where there are few cells, what a key does stands below it.
    """
    lines: list[Content] = [Content(t("keys.text"))]
    for heading, keys in groups().items():
        lines += [Content(""), Content.styled(t(heading), "bold $text-accent")]
        for key in keys:
            pressed = key_words(keymap.get(key.id, key.keys))
            said = t(f"keys.{key.id}")
            if cells < _NARROW:
                lines += [Content.assemble((pressed, "bold"), (f"  {key.id}", "dim")), Content(f"  {said}")]
            else:
                lines.append(Content.assemble((pressed.ljust(_WIDEST), "bold"), " ", said, (f"  {key.id}", "dim")))
    return Content("\n").join(lines)


class Help(Page[HelpState]):
    """All keys."""

    HEADING = "keys.heading"
    DEFAULT_CSS = "Help .help-keys { height: auto; }"

    def __init__(self) -> None:
        super().__init__(HelpState())

    def update_state(self, state: HelpState, action: Action, account: AccountState) -> tuple[HelpState, Effects]:
        """Nothing changes."""
        del action, account
        return state, ()

    def compose_body(self) -> Iterable[Widget]:
        """Put the keys there."""
        yield Static(classes="help-keys")

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        body = self.query_one(".page-body")
        body.can_focus = True
        body.focus()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.draw_soon()

    def draw(self, before: HelpState | None) -> None:
        """Show the keys."""
        del before
        keys = help_text(self.tui.t, self.tui.settings.keys, self.tui.size.width)
        self.query_one(".help-keys", Static).update(keys)
