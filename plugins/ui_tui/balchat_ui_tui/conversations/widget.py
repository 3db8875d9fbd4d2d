"""The list of conversations on the screen, drawn line by line: a thousand cost what is in sight."""

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.conversations.rows import conversation_rows
from balchat_ui_tui.conversations.state import ListState, shown
from balchat_ui_tui.drawing.cells import wrap
from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.line_view import LineView
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.typed_app import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.views import ConversationView

_ROWS = 2
_GUTTER = 1
_MINUTE = 60_000
_MOST_MADE = 200
"""Conversations whose rows are kept: more than any window shows."""


class ConversationList(LineView, can_focus=True):
    """The conversations. It shows a state, and says which one a person wants."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", id="conversations.up"),
        Binding("down,j", "step(1)", id="conversations.down"),
        Binding("pageup", "step_page(-1)", id="conversations.page-up"),
        Binding("pagedown", "step_page(1)", id="conversations.page-down"),
        Binding("enter,right,l", "open", id="conversations.open"),
        Binding("m", "mute", id="conversations.mute"),
        Binding("U", "mark", id="conversations.mark-unread"),
        Binding("a", "archive", id="conversations.archive"),
        Binding("A", "archived", id="conversations.archived"),
        Binding("slash", "filter", id="conversations.filter"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"conversations--selected", "conversations--shown"}

    class Moved(Message):
        """Select another one."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Opened(Message):
        """Show a conversation; None for the selected one."""

        def __init__(self, conversation: str | None) -> None:
            super().__init__()
            self.conversation = conversation

    class Wanted(Message):
        """Do something with the selected one: `mute`, `mark`, `archive`, `archived` or `filter`."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        super().__init__(id="conversations")
        self._state = ListState()
        self._account = AccountState()
        self._inks = Inks({})
        self._there: Sequence[ConversationView] = ()
        self._shows: tuple[object, ...] = ()
        """What is drawn: nothing is drawn again that has not changed."""
        self._open: str | None = None
        self._made: dict[str, tuple[tuple[object, ...], Sequence[Row]]] = {}
        """The rows of conversations, and what they were made for: while many messages come, most stay as they are."""

    def show(self, state: ListState, account: AccountState, inks: Inks, opened: str | None) -> None:
        """Show a state. `opened` is the conversation that is shown beside the list."""
        moved = state.selected != self._state.selected
        shows = (state, account.conversations, account.reachable, account.connected, inks, opened, self.has_focus)
        if shows == self._shows:
            return
        self._shows = shows
        self._state, self._account, self._inks, self._open = state, account, inks, opened
        self._there = shown(state, account)
        if len(self._made) > _MOST_MADE:
            self._made.clear()
        self.set_rows(max(_ROWS * len(self._there), 1))
        if moved:
            self._bring_into_view()
        self.refresh()

    def _bring_into_view(self) -> None:
        place = next((number for number, each in enumerate(self._there) if each.id == self._state.selected), None)
        if place is None:
            return
        first, top, height = _ROWS * place, round(self.scroll_y), self.size.height
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif first + _ROWS > top + height:
            self.scroll_to(y=first + _ROWS - height, animate=False)

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        cells = self.size.width
        number, part = divmod(y + round(self.scroll_y), _ROWS)
        if number >= len(self._there):
            return self._below(y, cells)
        conversation = self._there[number]
        ground = self.ground
        if conversation.id == self._state.selected and self.has_focus:
            ground = self.get_component_rich_style("conversations--selected")
        elif conversation.id == self._open:
            ground = self.get_component_rich_style("conversations--shown")
        now = milliseconds_now()
        rows = self._rows_of(conversation, cells - 2 * _GUTTER, now)
        bar = "▌" if conversation.id == self._open else " "
        return self._inks.strip([Piece(bar, Ink.OTHER), *rows[part], Piece(" ")], ground).adjust_cell_length(
            cells, ground
        )

    def _rows_of(self, conversation: "ConversationView", cells: int, now: int) -> "Sequence[Row]":
        """Return the rows of a conversation: those that were made for it before, within the minute."""
        made_for = (conversation, self._account.reachable, cells, now // _MINUTE)
        kept = self._made.get(conversation.id)
        if kept is None or kept[0] != made_for:
            rows = conversation_rows(texts(self), conversation, self._account, cells, now)
            kept = self._made[conversation.id] = made_for, rows
        return kept[1]

    def _below(self, y: int, cells: int) -> Strip:
        """Return what stands where no conversation is: why there is none."""
        if not self._there and self._account.connected:
            key = "tui.none-found" if self._state.words else "conversations.empty-hint"
            rows = wrap(texts(self)(key), max(2, cells - 2))
            if y < len(rows):
                return self._inks.strip([Piece(f" {rows[y]}", Ink.FAINT)], self.ground).adjust_cell_length(
                    cells, self.ground
                )
        return self.blank()

    # -- from the person

    def action_step(self, by: int) -> None:
        """Select another one."""
        self.post_message(self.Moved(by))

    def action_step_page(self, by: int) -> None:
        """Select one a page away."""
        self.post_message(self.Moved(by * max(1, self.size.height // _ROWS)))

    def action_open(self) -> None:
        """Show the selected one."""
        self.post_message(self.Opened(None))

    def action_mute(self) -> None:
        """Mute the selected one, or take that back."""
        self.post_message(self.Wanted("mute"))

    def action_mark(self) -> None:
        """Mark the selected one as read, or as unread where it is."""
        self.post_message(self.Wanted("mark"))

    def action_archive(self) -> None:
        """Put the selected one away, or fetch it back."""
        self.post_message(self.Wanted("archive"))

    def action_archived(self) -> None:
        """Show those that are put away, or the others."""
        self.post_message(self.Wanted("archived"))

    def action_filter(self) -> None:
        """Filter the list by name."""
        self.post_message(self.Wanted("filter"))

    def on_focus(self) -> None:
        """Show which one is selected."""
        self._shows = ()
        self.refresh()

    def on_blur(self) -> None:
        """Show it no more."""
        self._shows = ()
        self.refresh()

    def draw_again(self) -> None:
        """Draw everything: the day has changed."""
        self._shows = ()

    def on_resize(self) -> None:
        """Keep the selected one in sight."""
        self.set_rows(max(_ROWS * len(self._there), 1))
        self._bring_into_view()

    def on_click(self, event: events.Click) -> None:
        """Show the one that is clicked on."""
        number = (event.y + round(self.scroll_y)) // _ROWS
        if number < len(self._there):
            self.post_message(self.Opened(self._there[number].id))
