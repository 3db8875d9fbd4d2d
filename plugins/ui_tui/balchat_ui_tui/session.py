"""What the program knows of its account, and the screens that show it.

`app` imports it once the first frame is there: what stands below it takes as long to import as Textual.
"""

from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from balchat_host.api.events import MessageAdded
from balchat_host.api.frontend import App as Account
from balchat_ui_tui import account as account_state
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens.lock import LockScreen
from balchat_ui_tui.actions import Action, ConnectionChanged, FocusChanged, Heard, chosen
from balchat_ui_tui.chat.actions import DraftDue
from balchat_ui_tui.connection import AccountConnection
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import OpenScreen
from balchat_ui_tui.main.screen import MainScreen
from balchat_ui_tui.performer import Asker, Performer
from balchat_ui_tui.screen import StatefulScreen
from balchat_ui_tui.screens import make_screen
from balchat_ui_tui.severity import Severity
from balchat_ui_tui.voice.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from balchat_ui_tui.app import BalchatTui

_LOCK: Final = "lock"
_LEAVE: Final = "leave-sure"
_MOST_NOTICES: Final = 5
"""Notices that are kept while the screen is locked."""


class Session:
    """One account at the terminal.

    The state of the account is here; each screen has its own. What the account tells goes to all screens that are
    open, so that the one below is right when it shows again.
    """

    def __init__(self, tui: "BalchatTui") -> None:
        self._tui = tui
        self.account = AccountState()
        self.performer = Performer(tui, tui.profile)
        self.connection = AccountConnection(tui.profile, self, tui.t.error)
        self.sound = Sound()
        self._openings: list[tuple[OpenScreen, Asker]] = []
        """Screens to be shown once the screen is no longer locked."""
        self._notices: deque[tuple[str, Severity]] = deque(maxlen=_MOST_NOTICES)
        self._focused = True
        self._has_terminal = True
        self._attentive = True

    def begin(self, opened: str | None) -> None:
        """Show the conversations, and connect."""
        self._tui.push_screen(MainScreen(opened))
        self._tui.run_worker(self.connection.run(), exit_on_error=True)

    # -- from the account

    def connected(self, app: Account | None) -> None:
        """Ask this account from now on, None while there is none."""
        self.performer.connected(app)

    def dispatch(self, action: Action) -> None:
        """Change what is known of the account, and tell the screens."""
        before = self.account
        self.account, effects = account_state.update(before, action)
        self.performer.carry_out(effects, self)
        self._tell_screens(action)
        if self.account.unread != before.unread:
            self._tui.show_title(self.account.unread)
        match action:
            case Heard(event=MessageAdded() as event):
                self._call_attention(event)
            case ConnectionChanged(connection=connection) if connection.phase is Phase.STOPPED:
                self._offer_entry()
            case ConnectionChanged(connection=connection) if connection.reason not in {None, before.connection.reason}:
                # The status line has seldom room for what is wrong with a configuration, and what to do.
                self._tui.show_notice(connection.reason or "", Severity.ERROR)
            case _:
                pass

    def _offer_entry(self) -> None:
        """Let the person make or start the account, unless they look at something else, or type; it is said again."""
        if isinstance(self._tui.screen, MainScreen) and not self._tui.somebody_types:
            self.open_screen(OpenScreen("entry"), self)

    def _call_attention(self, event: MessageAdded) -> None:
        """Ring for a message that came into a conversation that nobody looks at."""
        message = event.message
        conversation = self.account.conversation(message.conversation)
        muted = conversation is not None and conversation.muted
        attended = message.conversation in self.account.attended
        if message.author is not None and message.timer is None and not muted and not attended:
            self._tui.ring()

    # -- screens

    @property
    def shown_conversation(self) -> str | None:
        """The conversation that is shown on the main screen."""
        main = next((each for each in self._tui.screen_stack if isinstance(each, MainScreen)), None)
        return main.state.chat.conversation if main and main.state.chat else None

    def open_screen(self, opening: OpenScreen, asker: Asker) -> None:
        """Show another screen on top; where the screen is locked, as soon as it no longer is."""
        if self.locked:
            self._openings.append((opening, asker))
            return

        def close(result: object) -> None:
            if opening.closed is not None and result is not None:
                asker.dispatch(opening.closed(result))
            if opening.name == _LOCK:
                self._show_what_waited()

        if opening.name == _LOCK:
            self._tui.clear_notifications()
        screen = make_screen(opening.name, opening.arguments)
        screen.opened_as = opening.name
        self._tui.push_screen(screen, close)

    def close_screen(self, result: object, asker: Asker) -> None:
        """Leave the screen that asks for it; `result` is for whoever opened it."""
        if isinstance(asker, StatefulScreen) and not isinstance(asker, MainScreen):
            cast("StatefulScreen[Any]", asker).close(result)

    def open_page(self, name: str) -> None:
        """Show a page, unless the screen is locked; leave it where it is in front already."""
        front = self._tui.screen
        if isinstance(front, StatefulScreen) and front.opened_as == name:
            cast("StatefulScreen[Any]", front).close(None)
        elif not self.locked:
            self.open_screen(OpenScreen(name), self)

    def open_palette(self) -> None:
        """Show everything that can be done, where the main screen is in front."""
        if isinstance(self._tui.screen, MainScreen):
            self.open_screen(OpenScreen("palette", closed=chosen), self._tui.screen)

    @property
    def locked(self) -> bool:
        """Whether nothing is shown until somebody types the passphrase."""
        return any(isinstance(each, LockScreen) for each in self._tui.screen_stack)

    def lock(self) -> None:
        """Show nothing more until somebody types the passphrase."""
        # What was read of an account stays in sight when it is lost.
        if (self.account.connected or self.account.conversations) and not self.locked:
            self.open_screen(OpenScreen(_LOCK), self)

    def _show_what_waited(self) -> None:
        """Show what was not to be seen meanwhile."""
        openings, self._openings = self._openings, []
        for opening, asker in openings:
            self.open_screen(opening, asker)
        notices = [*self._notices]
        self._notices.clear()
        for notice in notices:
            self._tui.show_notice(*notice)

    def keep_notice(self, text: str, severity: Severity) -> None:
        """Show a notice once the screen is no longer locked: the last few of them."""
        self._notices.append((text, severity))

    # -- who looks

    def focus_changed(self, *, focused: bool) -> None:
        """Take whether the terminal's window has the keyboard."""
        self._focused = focused
        self.look_changed()

    def terminal_changed(self, *, ours: bool) -> None:
        """Take whether the terminal is the program's, or an editor's, a browser's, or the shell's for a while."""
        self._has_terminal = ours
        self.look_changed()

    def look_changed(self) -> None:
        """Tell the screens where somebody begins to look at the main screen, or looks at another one."""
        attentive = self._focused and self._has_terminal and isinstance(self._tui.screen, MainScreen)
        if attentive != self._attentive:
            self._attentive = attentive
            self._tell_screens(FocusChanged(focused=attentive))

    async def settle(self) -> None:
        """Have the account keep what was begun, and wait for a moment until it has: nobody may come back."""
        main = next((each for each in self._tui.screen_stack if isinstance(each, MainScreen)), None)
        if main is not None:
            main.dispatch(DraftDue())
        await self.performer.settle()

    @property
    def holds_unkept(self) -> bool:
        """Whether something was written that the account does not have."""
        main = next((each for each in self._tui.screen_stack if isinstance(each, MainScreen)), None)
        return main is not None and main.state.holds_unkept(self.account)

    @property
    def asks_to_leave(self) -> bool:
        """Whether it is being asked if that shall be lost."""
        front = self._tui.screen
        return isinstance(front, StatefulScreen) and front.opened_as == _LEAVE

    def ask_to_leave(self, answered: "Callable[[object], None]") -> None:
        """Ask whether that shall be lost, also in front of a locked screen."""
        screen = make_screen(_LEAVE, {"t": self._tui.t})
        screen.opened_as = _LEAVE
        self._tui.push_screen(screen, answered)

    def draw_soon(self) -> None:
        """Have all screens drawn again."""
        for screen in self._screens():
            screen.draw_soon()

    def draw_now(self) -> bool:
        """Draw the screen in front where it is to be drawn soon; return whether it was."""
        screen = self._tui.screen
        return isinstance(screen, StatefulScreen) and screen.draw_now()

    def _tell_screens(self, action: Action) -> None:
        for screen in self._screens():
            screen.dispatch(action)

    def _screens(self) -> "Iterator[StatefulScreen[Any]]":
        for screen in self._tui.screen_stack:
            if isinstance(screen, StatefulScreen):
                yield cast("StatefulScreen[Any]", screen)
