"""The main screen's widgets: they draw its state, and say what a person does."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from balchat_host.api.errors import TextTooLong
from balchat_host.api.frontend import MAX_NAME_LENGTH, MAX_TEXT_SIZE, MYSELF
from balchat_host.api.text import visible
from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.chat.composer import Composer
from balchat_ui_tui.chat.message_list import MessageList
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.conversations.rows import title
from balchat_ui_tui.conversations.widget import ConversationList
from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.row_widget import Rows
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.jobs import LookForFile, path_in
from balchat_ui_tui.main import actions as do
from balchat_ui_tui.main import heads
from balchat_ui_tui.main.state import MainState, Pane
from balchat_ui_tui.main.update import update
from balchat_ui_tui.screen import StatefulScreen
from balchat_ui_tui.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_ui_tui.chat.completion import Completion

WIDE: Final = 72
"""Cells from which on list and chat stand side by side."""
_MINUTE: Final = 60.0
_PANES: Final = {
    "conversations": Pane.LIST,
    "filter": Pane.FILTER,
    "messages": Pane.MESSAGES,
    "composer": Pane.COMPOSER,
}
"""Which part of the screen each widget is."""


class MainScreen(StatefulScreen[MainState]):
    """The conversations, and one of them."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", id="main.back"),
        Binding("alt+up", "show_next(-1)", id="main.previous", priority=True),
        Binding("alt+down", "show_next(1)", id="main.next", priority=True),
        Binding("alt+shift+down,alt+n", "show_unread", id="main.next-unread", priority=True),
        Binding("ctrl+k", "open('jump')", id="main.jump", priority=True),
        Binding("ctrl+f", "search", id="main.search", priority=True),
        Binding("ctrl+r", "record", id="main.voice", priority=True),
        Binding("ctrl+g", "open('jump-date')", id="main.jump-date", priority=True),
        Binding("tab", "focus_next_pane(1)", id="main.next-pane"),
        Binding("shift+tab", "focus_next_pane(-1)", id="main.previous-pane"),
    ]

    def __init__(self, opened: str | None) -> None:
        super().__init__(MainState(opening=opened))
        self._completions: Sequence[Completion] = ()
        self._inks = Inks({})
        self._day = ""

    def compose(self) -> ComposeResult:
        """Lay the widgets out."""
        with Horizontal(id="panes"):
            with Vertical(id="side"):
                yield Rows(id="list-head")
                yield Input(id="filter", compact=True, placeholder=self.tui.t("tui.filter"), max_length=MAX_NAME_LENGTH)
                yield ConversationList()
            with Vertical(id="chat"):
                yield Rows(id="chat-head")
                yield MessageList()
                yield Rows(id="below")
                yield Rows(id="banner")
                yield Composer()
            yield Rows(id="welcome")
        yield Rows(id="status")

    def on_mount(self) -> None:
        """Draw again whenever the theme or the day changes."""
        self._read_theme()
        self.tui.theme_changed_signal.subscribe(self, lambda _: self._change_theme())
        self._day = self._today()
        self.set_interval(_MINUTE, self._look_at_clock)

    def _today(self) -> str:
        now = milliseconds_now()
        return self.tui.t.day(now, 0)

    def _look_at_clock(self) -> None:
        """Draw everything again on a new day: what was today is yesterday."""
        if (today := self._today()) != self._day:
            self._day = today
            self._draw_again()

    def _draw_again(self) -> None:
        self.query_one(ConversationList).draw_again()
        self.query_one(MessageList).draw_again()
        self.draw_soon()

    def _change_theme(self) -> None:
        self._read_theme()
        self.draw_soon()

    def _read_theme(self) -> None:
        self._inks = Inks(self.tui.theme_variables)

    def update_state(self, state: MainState, action: Action, account: AccountState) -> tuple[MainState, Effects]:
        return update(state, action, account, self.tui.t)

    # -- drawing

    @property
    def _conversation(self) -> ConversationView | None:
        return self.account.conversation(self.state.chat.conversation) if self.state.chat else None

    def draw(self, before: MainState | None) -> None:
        t, state, account, inks = self.tui.t, self.state, self.account, self._inks
        self._place_panes()
        side = self.query_one("#side").size.width or 30
        self.query_one("#list-head", Rows).show([heads.list_head(t, state, account, side)], inks)
        self.query_one("#filter", Input).display = state.pane is Pane.FILTER or bool(state.list.words)
        opened = state.chat.conversation if state.chat else None
        self.query_one(ConversationList).show(state.list, account, inks, opened)
        row = heads.status(t, state, account, self.size.width, enter_sends=self.tui.settings.enter_sends)
        self.query_one("#status", Rows).show([row], inks)
        beside = state.chat is None and self.size.width >= WIDE
        keys, room = self.tui.settings.keys, self.size.width - side - 1
        self.query_one("#welcome", Rows).show(heads.welcome(t, account, keys, room) if beside else (), inks)
        conversation = self._conversation
        if state.chat is not None and conversation is not None:
            self._draw_chat(state.chat, conversation)
        if before is None or before.pane is not state.pane or (before.chat is None) != (state.chat is None):
            self._focus(state.pane)

    def _draw_chat(self, chat: ChatState, conversation: ConversationView) -> None:
        t, account, inks = self.tui.t, self.account, self._inks
        cells = self.query_one("#chat").size.width or self.size.width
        self.query_one("#chat-head", Rows).show([heads.chat_head(t, conversation, account, cells)], inks)
        self.query_one(MessageList).show(chat, account, inks)
        self.query_one("#below", Rows).show(heads.below(t, chat, conversation, cells), inks)
        self.query_one("#banner", Rows).show(heads.banner(t, chat, self._completions, cells), inks)
        composer = self.query_one(Composer)
        composer.enter_sends = self.tui.settings.enter_sends
        composer.names = (*((visible(conversation.contact.name),) if conversation.contact else ()), MYSELF)
        composer.placeholder = t("chat.write-to", name=title(t, conversation))
        composer.show(chat)

    def _place_panes(self) -> None:
        wide = self.size.width >= WIDE
        in_list = self.state.pane in {Pane.LIST, Pane.FILTER}
        self.query_one("#side").display = wide or in_list
        self.query_one("#chat").display = self.state.chat is not None and (wide or not in_list)
        self.set_class(not wide, "narrow")
        self.set_class(self.state.chat is None, "no-chat")

    def _focus(self, pane: Pane) -> None:
        match pane:
            case Pane.LIST:
                self.query_one(ConversationList).focus()
            case Pane.FILTER:
                self.query_one("#filter", Input).focus()
            case Pane.MESSAGES:
                self.query_one(MessageList).focus()
            case Pane.COMPOSER:
                self.query_one(Composer).focus()

    def on_screen_suspend(self) -> None:
        """Another screen is in front: nobody looks at the messages."""
        self.tui.session.look_changed()

    def on_screen_resume(self) -> None:
        """Somebody looks again."""
        self.tui.session.look_changed()

    def on_resize(self, event: events.Resize) -> None:
        """Place the panes for the new size."""
        del event
        self.draw_soon()

    def on_paste(self, event: events.Paste) -> None:
        """Take what is pasted while the messages have the keyboard into the composer: it was meant for somebody."""
        if self.state.pane is Pane.MESSAGES:
            event.stop()
            self.dispatch(do.Focus(Pane.COMPOSER))
            self.query_one(Composer).post_message(events.Paste(event.text))

    # -- what widgets say

    @on(MessageList.Did)
    @on(Composer.Did)
    def _did(self, message: "MessageList.Did | Composer.Did") -> None:
        self.dispatch(message.action)

    @on(Composer.Completing)
    def _completing(self, message: Composer.Completing) -> None:
        self._completions = message.completions
        self.draw_soon()

    @on(Composer.Pasted)
    def _pasted(self, message: Composer.Pasted) -> None:
        path = path_in(message.text)
        chat = self.state.chat
        if path is not None and chat is not None:
            looking = LookForFile(path=path, done=partial(do.PathFound, chat.conversation, message.text))
            self.tui.session.performer.carry_out((looking,), self)

    @on(Composer.PastedTooMuch)
    def _pasted_too_much(self, message: Composer.PastedTooMuch) -> None:
        error = TextTooLong(size=message.size, limit=MAX_TEXT_SIZE)
        self.tui.show_notice(self.tui.t.error(error), Severity.ERROR)

    @on(Composer.ScrollMessages)
    def _scroll_messages(self, message: Composer.ScrollMessages) -> None:
        self.query_one(MessageList).action_page(message.pages)

    @on(ConversationList.Moved)
    def _moved(self, message: ConversationList.Moved) -> None:
        self.dispatch(do.StepInList(message.by))

    @on(ConversationList.Opened)
    def _opened(self, message: ConversationList.Opened) -> None:
        if message.conversation is None:
            self.dispatch(do.ShowSelected())
        else:
            self.dispatch(do.Show(message.conversation))

    @on(ConversationList.Wanted)
    def _wanted(self, message: ConversationList.Wanted) -> None:
        wanted: dict[str, Action] = {
            "mute": do.SwitchMuted(),
            "mark": do.SwitchUnread(),
            "archive": do.SwitchArchived(),
            "archived": do.SwitchShown(),
            "filter": do.Focus(Pane.FILTER),
        }
        self.dispatch(wanted[message.what])

    @on(Input.Changed, "#filter")
    def _filtered(self, message: Input.Changed) -> None:
        if message.value != self.state.list.words:
            self.dispatch(do.Filter(message.value))

    @on(Input.Submitted, "#filter")
    def _filter_chosen(self) -> None:
        self.dispatch(do.ShowSelected())
        self.query_one("#filter", Input).value = ""
        # The field tells of it too, but later: on a busy machine, after the keys that follow.
        self.dispatch(do.Filter(""))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow where the keyboard goes, by mouse too."""
        pane = _PANES.get(event.widget.id or "")
        if pane is not None and pane is not self.state.pane:
            self.dispatch(do.Focus(pane))

    # -- keys

    def action_back(self) -> None:
        """Leave the innermost thing."""
        if self.state.pane is Pane.FILTER:
            self.query_one("#filter", Input).value = ""
        self.dispatch(do.Back())

    def action_show_next(self, by: int) -> None:
        """Show the next conversation, or the one before."""
        self.dispatch(do.ShowNext(by))

    def action_show_unread(self) -> None:
        """Show the next conversation with something unread."""
        self.dispatch(do.ShowNext(1, unread_only=True))

    def action_record(self) -> None:
        """Record a voice message."""
        self.dispatch(do.RecordVoice())

    def action_focus_next_pane(self, by: int) -> None:
        """Give the keyboard to the next part."""
        order = [Pane.LIST, Pane.COMPOSER, Pane.MESSAGES] if self.state.chat else [Pane.LIST]
        place = order.index(self.state.pane) if self.state.pane in order else 0
        self.dispatch(do.Focus(order[(place + by) % len(order)]))

    def action_open(self, name: str) -> None:
        """Open another screen."""
        self.dispatch(do.Open(name))

    def action_search(self) -> None:
        """Search in the messages."""
        self.dispatch(do.Search())
