"""The program on the terminal: puts screens, account and terminal together.

The state of the account is here; each screen has its own. What the account tells goes to all screens that are open, so
that the one below is right when it shows again.
"""

import os
from typing import Any, ClassVar, Final, cast

from balchat_texts import Texts
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from balchat_host.api.events import MessageAdded
from balchat_host.api.frontend import App as Account
from balchat_host.api.frontend import Profile, Profiles
from balchat_host.api.text import visible, visible_lines
from balchat_ui_tui import account as account_state
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens.lock import LockScreen
from balchat_ui_tui.actions import Action, ConnectionChanged, FocusChanged, Heard
from balchat_ui_tui.connection import AccountConnection
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.drawing.cells import fit
from balchat_ui_tui.drawing.last_look import LastLook
from balchat_ui_tui.effects import OpenScreen, Severity
from balchat_ui_tui.idle import IdleLock
from balchat_ui_tui.key_order import Dealt, KeyOrder
from balchat_ui_tui.keymap import unknown
from balchat_ui_tui.main.screen import MainScreen
from balchat_ui_tui.performer import Asker, Performer
from balchat_ui_tui.screen import StatefulScreen
from balchat_ui_tui.screens import has_screen, make_screen
from balchat_ui_tui.settings import TuiSettings, changed
from balchat_ui_tui.terminal import keep_title, put_title_back, set_title
from balchat_ui_tui.themes import THEMES, theme_named
from balchat_ui_tui.voice.sound import Sound

_LONGEST_NOTICE: Final = 600
_NAME: Final = "balchat"
_NOTICE_SECONDS: Final = {Severity.INFORMATION: 4.0, Severity.WARNING: 8.0, Severity.ERROR: 12.0}


class BalchatTui(App[int]):
    """The terminal screen of one account."""

    CSS_PATH = "balchat.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "open('help')", id="app.help"),
        Binding("ctrl+p", "open_palette", id="app.palette"),
        # With priority: over a question or a list of choices, Textual gives the program no other keys.
        Binding("ctrl+l", "lock", id="app.lock", priority=True),
        Binding("ctrl+q", "leave", id="app.quit", priority=True),
        # In a field, Textual would undo. Undo has the keys of the shell (`composer.undo`).
        Binding("ctrl+z", "suspend_process", id="app.suspend", priority=True),
    ]

    def __init__(
        self, profiles: Profiles, profile: Profile, settings: TuiSettings, t: Texts, opened: str | None = None
    ) -> None:
        super().__init__()
        self.profiles = profiles
        self.profile = profile
        self.settings = settings
        self.t = t
        self.account = AccountState()
        self.performer = Performer(self, profile)
        self.connection = AccountConnection(profile, self, t.error)
        self.sound = Sound()
        self.next_profile: str | None = None
        """The profile to show when this program has ended, None where the person leaves."""
        self.failure: BaseException | None = None
        """What ended the program, where it was not the person."""
        self._opened = opened
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_named(settings.theme, os.environ)
        self._filters.append(LastLook())
        self.set_keymap(settings.keys)
        self._idle = IdleLock(self, settings.lock_minutes)
        self._keys = KeyOrder(self, super().on_event)

    def on_mount(self) -> None:
        """Show the conversations, and connect."""
        keep_title(self)
        self._show_title()
        self.push_screen(MainScreen(self._opened))
        if names := unknown(self.settings.keys):
            said = self.t("tui.unknown-keys", names=visible(", ".join(names)))
            self.show_notice(said, Severity.WARNING)
        self._idle.start()
        self.run_worker(self.connection.run(), exit_on_error=True)

    def on_unmount(self) -> None:
        """Leave the terminal's title as it was."""
        put_title_back(self)

    @property
    def shown_conversation(self) -> str | None:
        """The conversation that is shown on the main screen."""
        main = next((each for each in self.screen_stack if isinstance(each, MainScreen)), None)
        return main.state.chat.conversation if main and main.state.chat else None

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
            self._show_title()
        match action:
            case Heard(event=MessageAdded() as event):
                self._call_attention(event)
            case ConnectionChanged(connection=connection) if connection.phase is Phase.STOPPED:
                self._offer_entry()
            case _:
                pass

    def _tell_screens(self, action: Action) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, StatefulScreen):
                cast("StatefulScreen[Any]", screen).dispatch(action)

    def _offer_entry(self) -> None:
        """Let the person make or start the account, unless they look at something else."""
        if isinstance(self.screen, MainScreen) and has_screen("entry"):
            self.open_screen(OpenScreen("entry"), self)

    def _call_attention(self, event: MessageAdded) -> None:
        """Ring for a message that came into a conversation that nobody looks at."""
        message = event.message
        conversation = self.account.conversation(message.conversation)
        muted = conversation is not None and conversation.muted
        attended = message.conversation in self.account.attended
        if message.author is not None and message.timer is None and not muted and not attended:
            self.ring()

    # -- what effects ask for

    def ring(self) -> None:
        """Ring the bell, where the settings allow it."""
        if self.settings.bell:
            self.bell()

    def show_notice(self, text: str, severity: Severity = Severity.INFORMATION) -> None:
        """Show a text for some seconds, harmless and of a length that can be read meanwhile."""
        shown = fit("\n".join(visible_lines(text)), _LONGEST_NOTICE)
        self.notify(shown, severity=severity.value, timeout=_NOTICE_SECONDS[severity], markup=False)

    def open_screen(self, opening: OpenScreen, asker: Asker) -> None:
        """Show another screen on top."""

        def close(result: object) -> None:
            if opening.closed is not None and result is not None:
                asker.dispatch(opening.closed(result))

        self.push_screen(make_screen(opening.name, opening.arguments), close)

    def close_screen(self, result: object) -> None:
        """Leave the screen on top; `result` is for whoever opened it."""
        if not isinstance(self.screen, MainScreen):
            self.screen.dismiss(result)

    # -- from the terminal

    async def on_event(self, event: events.Event) -> None:
        """Remember that there is a person, and take keys in their order."""
        if isinstance(event, events.Key | events.MouseDown | events.Paste):
            self._idle.touch()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._keys.typed(event)
        else:
            await super().on_event(event)

    async def on_dealt(self, message: Dealt) -> None:
        """Take the next key."""
        message.stop()
        await self._keys.dealt(message)

    def switch_profile(self, name: str) -> None:
        """End, so that the program begins again for another profile."""
        self.next_profile = name
        self.exit(0)

    def take_setting(self, key: str, value: object) -> None:
        """Take another value of a setting of this program: at once, but for keys and the language."""
        self.settings = changed(self.settings, key, value)
        self.theme = theme_named(self.settings.theme, os.environ)
        self._idle.set_minutes(self.settings.lock_minutes)
        for screen in self.screen_stack:
            if isinstance(screen, StatefulScreen):
                cast("StatefulScreen[Any]", screen).draw_soon()

    def action_open(self, name: str) -> None:
        """Show a page."""
        if not isinstance(self.screen, LockScreen):
            self.open_screen(OpenScreen(name), self)

    def action_open_palette(self) -> None:
        """Show everything that can be done."""
        if isinstance(self.screen, MainScreen):
            self.open_screen(OpenScreen("palette", closed=_chosen), self.screen)

    def action_lock(self) -> None:
        """Show nothing more until somebody types the passphrase."""
        if self.account.connected and not any(isinstance(each, LockScreen) for each in self.screen_stack):
            self.open_screen(OpenScreen("lock"), self)

    def action_leave(self) -> None:
        """Leave. The account goes on."""
        self.exit(0)

    def on_app_focus(self) -> None:
        """The window has the keyboard."""
        self._tell_screens(FocusChanged(focused=True))

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Another window has the keyboard."""
        del event
        self._tell_screens(FocusChanged(focused=False))

    def _show_title(self) -> None:
        if self.settings.title:
            set_title(self, _NAME, self.account.unread)

    def _fatal_error(self) -> None:
        """End without what Textual prints: a traceback with local variables, in which there are conversations."""
        self.failure = self._exception
        self._close_messages_no_wait()


def _chosen(action: Action) -> Action:
    """Take a command of the palette that the main screen carries out."""
    return action
