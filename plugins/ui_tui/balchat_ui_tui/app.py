"""The program on the terminal: the first frame, keys, notices, theme and title.

Nothing of the account is imported before the first frame is there (`session`), so that it comes as soon as Textual can
draw one. What is typed meanwhile waits.
"""

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Final

from balchat_common.settings import updated
from balchat_texts import Texts
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen

from balchat_host.api.text import visible, visible_lines
from balchat_ui_tui.drawing.cells import fit
from balchat_ui_tui.drawing.last_look import LastLook
from balchat_ui_tui.driver import TerminalDriver, ToldToLeave
from balchat_ui_tui.first_screen import FirstScreen
from balchat_ui_tui.idle import IdleLock
from balchat_ui_tui.key_order import Dealt, KeyOrder
from balchat_ui_tui.keymap import unknown
from balchat_ui_tui.settings import TABLE, TuiSettings
from balchat_ui_tui.severity import Severity
from balchat_ui_tui.terminal import keep_title, put_title_back, set_title
from balchat_ui_tui.themes import THEMES, theme_named

if TYPE_CHECKING:
    from balchat_host.api.frontend import Profile
    from balchat_host.api.programs import Profiles
    from balchat_ui_tui.account import AccountState
    from balchat_ui_tui.session import Session

_LONGEST_NOTICE: Final = 600
_NAME: Final = "balchat"
_BELL_SECONDS: Final = 1.0
"""Seconds between two rings, at least: an account that was away may tell of hundreds of messages at once."""
_NOTICE_SECONDS: Final = {Severity.INFORMATION: 4.0, Severity.WARNING: 8.0, Severity.ERROR: 12.0}


class BalchatTui(App[int]):
    """The terminal screen of one account."""

    CSS_PATH = "balchat.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: over a question or a list of choices, Textual gives the program no other keys.
        Binding("f1", "open('help')", id="app.help", priority=True),
        Binding("ctrl+p", "open_palette", id="app.palette"),
        Binding("ctrl+l", "lock", id="app.lock", priority=True),
        Binding("ctrl+q", "leave", id="app.quit", priority=True),
        # In a field, Textual would undo. Undo has the keys of the shell (`composer.undo`).
        Binding("ctrl+z", "suspend", id="app.suspend", priority=True),
    ]

    def __init__(
        self,
        profiles: "Profiles",
        settings: TuiSettings,
        t: Texts,
        *,
        profile: str | None = None,
        opened: str | None = None,
    ) -> None:
        super().__init__()
        self.profiles = profiles
        self.profile: Profile
        """The profile that is shown, once there is more than the first frame."""
        self.settings = settings
        self.t = t
        self.next_profile: str | None = None
        """The profile to show when this program has ended, None where the person leaves."""
        self.failure: BaseException | None = None
        """What ended the program, where it was not the person."""
        self._named = profile
        self._opened = opened
        self._session: Session | None = None
        self._rang_at = -_BELL_SECONDS
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_named(settings.theme, os.environ)
        self._filters.append(LastLook())
        self.set_keymap(settings.keys)
        self._idle = IdleLock(self, settings.lock_minutes)
        self._keys = KeyOrder(self, super().on_event)

    def get_driver_class(self) -> type[Driver]:
        """Return what reads the terminal."""
        return TerminalDriver

    def get_default_screen(self) -> Screen[Any]:
        """Return what is shown first."""
        return FirstScreen(self.t)

    def on_mount(self) -> None:
        """Show the first frame, then everything else."""
        keep_title(self)
        self.show_title(0)
        self.screen.call_after_refresh(self.begin)

    async def begin(self) -> None:
        """Show the conversations, connect, and take what was typed."""
        make, self.profile = await asyncio.to_thread(_prepare, self.profiles, self._named)
        self._session = make(self)
        self._session.begin(self._opened)
        if names := unknown(self.settings.keys):
            said = self.t("tui.unknown-keys", names=visible(", ".join(names)))
            self.show_notice(said, Severity.WARNING)
        self._idle.start()
        await self._keys.begin()

    def on_unmount(self) -> None:
        """Leave the terminal's title as it was."""
        put_title_back(self)

    @property
    def has_begun(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    @property
    def session(self) -> "Session":
        """What is known of the account, once there is more than the first frame."""
        assert self._session is not None, "nothing asks before"
        return self._session

    @property
    def account(self) -> "AccountState":
        """What is known of the account."""
        return self.session.account

    @property
    def somebody_types(self) -> bool:
        """Whether a key was pressed just now."""
        return self._session is not None and self.session.shown_conversation is not None and self._idle.is_touched

    # -- what effects ask for

    def ring(self) -> None:
        """Ring the bell, where the settings allow it: once for everything that comes together."""
        now = monotonic()
        if self.settings.bell and now - self._rang_at >= _BELL_SECONDS:
            self._rang_at = now
            self.bell()

    def show_notice(self, text: str, severity: Severity = Severity.INFORMATION) -> None:
        """Show a text for some seconds, harmless and of a length that can be read meanwhile.

        Where the screen is locked, it is shown afterwards: it may have a name in it.
        """
        if self._session is not None and self._session.locked:
            self._session.keep_notice(text, severity)
            return
        shown = fit("\n".join(visible_lines(text)), _LONGEST_NOTICE)
        self.notify(shown, severity=severity.value, timeout=_NOTICE_SECONDS[severity], markup=False)

    def show_notices_again(self) -> None:
        """Show on a new screen the notices that came before it could show any."""
        if self._notifications:
            self._refresh_notifications()

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

    async def switch_profile(self, name: str) -> None:
        """End, so that the program begins again for another profile."""
        self.next_profile = name
        await self.action_leave()

    async def leave(self, code: int) -> None:
        """Leave with an exit code, once the account has what was begun. The account goes on."""
        if self._session is not None:
            await self._session.settle()
        self.exit(code)

    def take_setting(self, key: str, value: object) -> None:
        """Take another value of a setting of this program: at once, but for keys and the language."""
        had_title = self.settings.title
        self.settings = updated(self.settings, {key: value}, table=TABLE)
        self.theme = theme_named(self.settings.theme, os.environ)
        self._idle.set_minutes(self.settings.lock_minutes)
        if had_title and not self.settings.title:
            set_title(self, _NAME, 0)
        self.show_title(self.account.unread)
        self.session.draw_soon()

    def action_open(self, name: str) -> None:
        """Show a page."""
        self.session.open_page(name)

    def action_open_palette(self) -> None:
        """Show everything that can be done."""
        self.session.open_palette()

    def action_lock(self) -> None:
        """Show nothing more until somebody types the passphrase."""
        self.session.lock()

    async def action_leave(self) -> None:
        """Leave, after a question where what was written would be lost. The account goes on."""
        if self._session is not None:
            await self._session.settle()
            if self._session.holds_unkept and not self._session.asks_to_leave:
                self._session.ask_to_leave(self._leave_if)
                return
        self.exit(0)

    def _leave_if(self, sure: object) -> None:
        if sure:
            self.exit(0)
        else:
            self.next_profile = None

    async def on_told_to_leave(self, message: ToldToLeave) -> None:
        """Leave where a signal says so, or the terminal is gone."""
        await self.leave(message.code)

    @contextmanager
    def suspend(self) -> Generator[None]:
        """Give the terminal to another program for a while: nobody looks at the screen meanwhile."""
        self.session.terminal_changed(ours=False)
        try:
            with super().suspend():
                yield
        finally:
            self.session.terminal_changed(ours=True)

    async def action_suspend(self) -> None:
        """Go back to the shell for a while, once the account knows that nobody looks, and has what was begun."""
        if self._session is not None:
            self._session.terminal_changed(ours=False)
            await self._session.settle()
            # It goes on here when the shell says `fg`.
            self.action_suspend_process()
            self._session.terminal_changed(ours=True)

    def on_app_focus(self) -> None:
        """The window has the keyboard."""
        if self._session is not None:
            self._session.focus_changed(focused=True)

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Another window has the keyboard."""
        del event
        if self._session is not None:
            self._session.focus_changed(focused=False)

    def show_title(self, unread: int) -> None:
        """Say in the terminal's title how many conversations have something unread, where the settings allow it."""
        if self.settings.title:
            set_title(self, _NAME, unread)

    def _fatal_error(self) -> None:
        """End without what Textual prints: a traceback with local variables, in which there are conversations."""
        self.failure = self._exception
        self._close_messages_no_wait()


def _prepare(profiles: "Profiles", name: str | None) -> "tuple[type[Session], Profile]":
    """Return what makes the session, and the profile to show. Blocks. Raise BalchatError."""
    # They take longer than Textual itself, and the person sees something already.
    from balchat_ui_tui.external_editor import remove_left_over  # noqa: PLC0415  # see above
    from balchat_ui_tui.session import Session  # noqa: PLC0415  # see above

    profile = profiles.profile(name)
    remove_left_over(profile.runtime_directory())
    return Session, profile
