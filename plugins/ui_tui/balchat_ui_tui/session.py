"""What the program knows of its account, and the screens that show it.

`app` imports it once the first frame is there: what stands below it takes as long to import as Textual.
"""

from typing import TYPE_CHECKING, Any, cast

from balchat_host.api.events import MessageAdded
from balchat_host.api.frontend import App as Account
from balchat_ui_tui import account as account_state
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens.lock import LockScreen
from balchat_ui_tui.actions import Action, ConnectionChanged, FocusChanged, Heard
from balchat_ui_tui.connection import AccountConnection
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import OpenScreen
from balchat_ui_tui.main.screen import MainScreen
from balchat_ui_tui.performer import Asker, Performer
from balchat_ui_tui.screen import StatefulScreen
from balchat_ui_tui.screens import has_screen, make_screen
from balchat_ui_tui.voice.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from balchat_ui_tui.app import BalchatTui


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
            case _:
                pass

    def _offer_entry(self) -> None:
        """Let the person make or start the account, unless they look at something else."""
        if isinstance(self._tui.screen, MainScreen) and has_screen("entry"):
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
        """Show another screen on top."""

        def close(result: object) -> None:
            if opening.closed is not None and result is not None:
                asker.dispatch(opening.closed(result))

        self._tui.push_screen(make_screen(opening.name, opening.arguments), close)

    def close_screen(self, result: object) -> None:
        """Leave the screen on top; `result` is for whoever opened it."""
        if not isinstance(self._tui.screen, MainScreen):
            self._tui.screen.dismiss(result)

    def open_page(self, name: str) -> None:
        """Show a page, unless the screen is locked."""
        if not isinstance(self._tui.screen, LockScreen):
            self.open_screen(OpenScreen(name), self)

    def open_palette(self) -> None:
        """Show everything that can be done, where the main screen is in front."""
        if isinstance(self._tui.screen, MainScreen):
            self.open_screen(OpenScreen("palette", closed=_chosen), self._tui.screen)

    def lock(self) -> None:
        """Show nothing more until somebody types the passphrase."""
        locked = any(isinstance(each, LockScreen) for each in self._tui.screen_stack)
        if self.account.connected and not locked:
            self.open_screen(OpenScreen("lock"), self)

    def focus_changed(self, *, focused: bool) -> None:
        """Take whether the terminal's window has the keyboard."""
        self._tell_screens(FocusChanged(focused=focused))

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


def _chosen(action: Action) -> Action:
    """Take what was chosen: it is an action already."""
    return action
