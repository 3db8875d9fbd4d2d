"""A page: a heading, a body that scrolls, and a line that says which keys do something here.

A page's own keys are bindings with an id: the id's text in `keys.json` stands in the line of keys and in the help, and
the keymap of the settings can give it other keys.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, ConnectionChanged
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import CloseScreen
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.pages.hints import Hints
from balchat_ui_tui.screen import StatefulScreen

S = TypeVar("S")


class Page(StatefulScreen[S], Generic[S]):
    """A page. `HEADING` is the key of its heading's text."""

    HEADING: ClassVar[str] = ""
    CAN_GO_BACK: ClassVar[bool] = True
    DEFAULT_CSS = """
    Page { layout: vertical; background: $background; }
    Page > .page-heading { height: 1; padding: 0 1; background: $panel; color: $foreground; text-style: bold; }
    Page > .page-body { height: 1fr; padding: 1 2; scrollbar-size-vertical: 1; }
    Page > Hints { height: auto; max-height: 2; padding: 0 1; background: $panel; color: $foreground 70%; }
    Page.-narrow > .page-body { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close_page", id="pages.close"),
        # With priority, what is typed next goes to the next field, even where it comes before this key was dealt with.
        # Otherwise a passphrase that is typed fast lands in the field before, where everybody can read it.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Put the page together."""
        yield Static(classes="page-heading", markup=False)
        with VerticalScroll(classes="page-body", can_focus=False):
            yield from self.compose_body()
        yield Hints()

    @abstractmethod
    def compose_body(self) -> Iterable[Widget]:
        """Return the widgets between the heading and the line of keys."""

    def heading(self) -> str:
        """Return the heading."""
        return self.tui.t(self.HEADING)

    def on_mount(self) -> None:
        """Tell the state that the page is there."""
        self.dispatch(Opened())
        self._fit()

    def on_resize(self) -> None:
        """Take less room for margins where there is little."""
        self._fit()

    def _fit(self) -> None:
        self.set_class(self.size.width < _NARROW or self.size.height < _LOW, "-narrow")

    def _draw_now(self) -> None:
        self.query_one(".page-heading", Static).update(Content(self.heading()))
        self.query_one(Hints).show_keys()
        super()._draw_now()

    def action_do(self, name: str) -> None:
        """Do what a key of the page stands for."""
        self.dispatch(Pressed(name, self.marked()))

    def marked(self) -> str | None:
        """Return the row that is marked, None where there is none."""
        return None

    def action_close_page(self) -> None:
        """Go back."""
        self.tui.session.performer.carry_out((CloseScreen(),), self)


_NARROW = 60
_LOW = 16


def is_back(action: Action, account: AccountState) -> bool:
    """Return whether a page should read what it shows: it is new, or the account is there again."""
    if isinstance(action, Opened):
        return account.connected
    return isinstance(action, ConnectionChanged) and action.connection.phase is Phase.UP
