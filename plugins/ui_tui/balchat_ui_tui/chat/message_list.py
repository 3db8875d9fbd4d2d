"""The messages on the screen, drawn line by line: what it costs does not grow with the conversation.

While a person reads back, nothing moves: the row at the top stays where it is, whatever comes, goes or changes.
"""

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from balchat_host.api.views import ConversationKind
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.chat import actions as do
from balchat_ui_tui.chat.blocks import Block, Place, block, places
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.drawing.cells import wrap
from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.line_view import LineView
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.keymap import key_words
from balchat_ui_tui.typed_app import program, texts

if TYPE_CHECKING:
    from balchat_host.api.views import MessageView

_GUTTER = 2
"""Cells before everything: a bar, and a space."""
_BAR = "▌"
_MARK = "◆"
_UNFOLD = "messages.unfold"


class MessageList(LineView, can_focus=True):
    """The messages of a chat. It shows a state, and says what is in sight and what a person wants of a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "act('up')", id="messages.up"),
        Binding("down,j", "act('down')", id="messages.down"),
        Binding("pageup,ctrl+b", "page(-1)", id="messages.page-up"),
        Binding("pagedown,ctrl+f", "page(1)", id="messages.page-down"),
        Binding("home,g", "act('first')", id="messages.first"),
        Binding("end,G", "act('end')", id="messages.end"),
        Binding("u", "act('unread')", id="messages.unread"),
        Binding("r", "act('reply')", id="messages.reply"),
        Binding("e", "act('edit')", id="messages.edit"),
        Binding("d,delete", "act('delete')", id="messages.delete"),
        Binding("plus", "act('react')", id="messages.react"),
        Binding("t", "act('retry')", id="messages.retry"),
        Binding("i,enter", "act('info')", id="messages.info"),
        Binding("c,y", "act('copy')", id="messages.copy"),
        Binding("space", "act('mark')", id="messages.mark"),
        Binding("z", "act('unfold')", id=_UNFOLD),
        Binding("o", "act('replied')", id="messages.replied"),
        Binding("f", "act('file')", id="messages.open-file"),
        Binding("l", "act('link')", id="messages.open-link"),
        Binding("U", "act('mark-unread')", id="messages.mark-unread"),
    ]
    ACTIONS: ClassVar[dict[str, Action]] = {
        "up": do.Move(-1),
        "down": do.Move(1),
        "first": do.GoToDate(0),
        "end": do.GoToEnd(),
        "unread": do.GoToUnread(),
        "reply": do.Reply(),
        "edit": do.Edit(),
        "delete": do.Delete(),
        "react": do.React(),
        "retry": do.Retry(),
        "info": do.ShowInfo(),
        "copy": do.CopyIt(),
        "mark": do.Mark(),
        "unfold": do.Unfold(),
        "replied": do.GoToReplied(),
        "file": do.OpenFile(),
        "link": do.AskToOpenLink(),
        "mark-unread": do.MarkUnread(),
    }

    class Did(Message):
        """Something happened that the state is to know."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(self) -> None:
        super().__init__(id="messages")
        self._state: ChatState | None = None
        self._account = AccountState()
        self._inks = Inks({})
        self._blocks: dict[str, tuple[MessageView, Place, Block]] = {}
        self._rows: list[Row] = []
        self._starts: list[int] = []
        """At which row the block of each message begins."""
        self._ids: list[str] = []
        self._aimed = 0
        """The last wish to show a message that was fulfilled."""
        self._told: do.Scrolled | None = None
        self._shows: tuple[object, ...] = ()
        """What is drawn: nothing is drawn again that has not changed."""
        self._laid_out_for = Size(0, 0)
        self._laying_out = False
        self._kept: tuple[str, int] | None = None
        """What a person scrolled to: the message at the top, and how many of its rows are above.

        It outlives sizes in which it cannot be at the top.
        """
        self._pad = 0
        """Empty rows above the messages, where they do not fill the screen."""

    # -- what is shown

    def show(self, state: ChatState | None, account: AccountState, inks: Inks) -> None:
        """Show a state."""
        other = state is None or self._state is None or state.conversation != self._state.conversation
        if inks is not self._inks or other:
            self._blocks.clear()
        if other:
            self._aimed, self._kept = 0, None
        if other or state is None or self._state is None or state.messages is not self._state.messages:
            self._told = None  # the same place means something else in another window
        follow = state is None or state.following
        shows = (_drawn(state), account.progress, inks)
        if shows == self._shows:
            self._state = state
            return
        self._shows = shows
        self._state, self._account, self._inks = state, account, inks
        self._lay_out(follow=follow)

    def draw_again(self) -> None:
        """Draw everything: the day has changed."""
        self._shows = ()
        self._blocks.clear()

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again, with the same row at the top."""
        del event
        self._lay_out(follow=self._state is None or self._state.following, resized=True)

    def _lay_out(self, *, follow: bool, resized: bool = False) -> None:
        self._laying_out = True
        self._laid_out_for = self.size
        self._rows, self._starts, self._ids = [], [], []
        state = self._state
        if state is not None and self.size.width:
            self._fill(state)
        height = max(len(self._rows), self.size.height)
        self._pad = height - len(self._rows)
        self.set_rows(height)
        aim = state.target if state else None
        if aim is not None and aim.number > self._aimed and aim.message in self._ids:
            self._aimed = aim.number
            self._bring_into_view(aim.message)
            self._kept = self._anchor()
        elif follow:
            self.scroll_to(y=height, animate=False)
        elif self._kept is not None:
            self._restore(self._kept)
        self._laying_out = False
        self.refresh()
        self.call_after_refresh(self._tell, resized=resized)

    def _fill(self, state: ChatState) -> None:
        t, now = texts(self), milliseconds_now()
        if not state.messages:
            if state.opened:
                conversation = self._account.conversation(state.conversation)
                ours = conversation is not None and conversation.kind is ConversationKind.SELF
                hint = t("conversations.notes-hint" if ours else "chat.no-messages-hint")
                self._rows = [[Piece(row, Ink.FAINT)] for row in wrap(hint, max(2, self.size.width - 3))]
            return
        cells = max(12, self.size.width - 2 * _GUTTER)
        kept: dict[str, tuple[MessageView, Place, Block]] = {}
        stand = places(
            t,
            state.messages,
            cells=cells,
            now=now,
            unread_from=state.unread_from,
            progress=self._account.progress,
            unfolded=state.unfolded,
            fold_key=key_words(program(self).settings.keys.get(_UNFOLD, "z")),
        )
        for message, place in zip(state.messages, stand, strict=True):
            known = self._blocks.get(message.id)
            if known is None or known[0] is not message or known[1] != place:
                known = (message, place, block(t, message, place, now))
            kept[message.id] = known
            self._starts.append(len(self._rows))
            self._ids.append(message.id)
            self._rows += known[2].rows
        self._blocks = kept

    # -- where the view is

    @property
    def top_message(self) -> str | None:
        """The message whose row is at the top."""
        anchor = self._anchor()
        return anchor[0] if anchor else None

    def _anchor(self) -> tuple[str, int] | None:
        """Return the message at the top, and how many of its rows are above."""
        top = max(0, round(self.scroll_y) - self._pad)
        if not self._ids:
            return None
        number = bisect_right(self._starts, top) - 1
        return self._ids[number], top - self._starts[number]

    def _restore(self, anchor: tuple[str, int]) -> None:
        message, above = anchor
        if message in self._ids:
            first, end = self._extent(message)
            self.scroll_to(y=min(first + above, end - 1) + self._pad, animate=False)

    def _bring_into_view(self, message: str) -> None:
        first, last = self._extent(message)
        first, last = first + self._pad, last + self._pad
        top, height = round(self.scroll_y), self.size.height
        if last - first >= height or first < top:
            self.scroll_to(y=max(0, first - 1), animate=False)
        elif last > top + height:
            self.scroll_to(y=last - height, animate=False)

    def _extent(self, message: str) -> tuple[int, int]:
        number = self._ids.index(message)
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._rows)
        return self._starts[number], end

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw, and tell what is in sight."""
        super().watch_scroll_y(old_value, new_value)
        by_person = not self._laying_out and self.size == self._laid_out_for
        if by_person:
            self._kept = self._anchor()
        if round(old_value) != round(new_value):
            self._tell(resized=not by_person)

    def _tell(self, *, resized: bool = False) -> None:
        """Tell what is in sight, where that has changed. That a larger screen shows the end, nobody has wanted."""
        if self._state is None or not self._ids or self.size != self._laid_out_for:
            return  # for another size, it is laid out again first
        top = round(self.scroll_y) - self._pad
        bottom = top + self.size.height
        margin = 2 * self.size.height
        last = bisect_right(self._starts, bottom - 1) - 1
        if last + 1 < len(self._starts) or bottom < len(self._rows):
            last -= self._extent(self._ids[last])[1] > bottom  # all of it has to be in sight
        # The state may not have been drawn yet that follows what was told last.
        was_at_end = self._state.following or (self._told is not None and self._told.at_end)
        # Of a window that is shown for the first time nothing was told before it had its size.
        by_size = (resized and self._told is not None) or self._kept not in {None, self._anchor()}
        told = do.Scrolled(
            last=self._ids[last] if last >= 0 else None,
            at_end=bottom >= len(self._rows) and (was_at_end or not by_size),
            near_first=top < margin,
            near_last=bottom > len(self._rows) - margin,
        )
        if told != self._told:
            self._told = told
            self.post_message(self.Did(told))

    # -- drawing

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        number = y + round(self.scroll_y) - self._pad
        cells = self.size.width
        if not 0 <= number < len(self._rows):
            return self.blank()
        state = self._state
        message = self._message_at(number)
        if message is not None and number < self._starts[self._ids.index(message)] + self._blocks[message][2].above:
            message = None  # what stands between messages belongs to none
        selected = state is not None and message is not None and message == state.selected
        marked = state is not None and message in state.marked
        ground = self.get_component_rich_style("messages--selected") if selected else self.ground
        sign = _MARK if marked else _BAR if selected else " "
        row = [Piece(sign, Ink.ACCENT), Piece(" "), *self._rows[number]]
        return self._inks.strip(row, ground).adjust_cell_length(cells, ground)

    COMPONENT_CLASSES: ClassVar[set[str]] = {"messages--selected"}

    def _message_at(self, number: int) -> str | None:
        if not self._starts:
            return None
        return self._ids[bisect_right(self._starts, number) - 1]

    # -- from the person

    def action_act(self, name: str) -> None:
        """Say what is wanted."""
        self.post_message(self.Did(self.ACTIONS[name]))

    def action_page(self, direction: int) -> None:
        """Scroll by a page, but for a row."""
        self.scroll_to(y=self.scroll_y + direction * max(1, self.size.height - 1), animate=False)
        self._kept = self._anchor()  # where the screen shows the end already, a page down is a wish to stay there
        self._tell()

    def on_click(self, event: events.Click) -> None:
        """Select the message that is clicked on."""
        message = self._message_at(event.y + round(self.scroll_y) - self._pad)
        if message is not None:
            self.post_message(self.Did(do.Select(message)))


def _drawn(state: ChatState | None) -> tuple[object, ...]:
    """Return what of a state the list shows."""
    if state is None:
        return ()
    return (
        state.conversation,
        state.opened,
        state.messages,
        state.unread_from,
        state.target,
        state.selected,
        state.marked,
        state.unfolded,
        state.following,
    )
