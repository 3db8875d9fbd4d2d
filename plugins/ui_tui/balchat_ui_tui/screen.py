"""What all screens have in common: a frozen state, a pure `update`, and a widget tree that only draws.

    class AddContact(StatefulScreen[AddState]):
        def update_state(self, state, action, account):
            return update(state, action, account)

        def draw(self, before):
            self.query_one(Input).disabled = self.state.waiting

`dispatch` runs `update_state`, keeps the state, and has the effects carried out. `draw` is called soon after: once for
everything that came meanwhile, and at most thirty times a second; eight times for what can wait (`Action.CAN_WAIT`).

Textual calls `on_mount`, and every other `on_…`, of each class by itself, that of the subclass first. With `super()`,
what the base class does would be done twice.
"""

from abc import ABCMeta, abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from textual.message_pump import _MessagePumpMeta  # pyright: ignore[reportPrivateUsage]  # the type of Screen's class
from textual.screen import Screen

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.later import call_later
from balchat_ui_tui.typed_app import program

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

S = TypeVar("S")

_FRAME: Final = 1 / 30
"""Seconds between two drawings, at least."""
_SLOW_FRAME: Final = 1 / 8
"""The same for what can wait: while many messages come, drawing is most of the work."""


class _AbstractScreens(ABCMeta, _MessagePumpMeta):
    """Screens of which none can be made before it has all that a screen needs."""


class StatefulScreen(Screen[object], Generic[S], metaclass=_AbstractScreens):
    """A screen that draws a state."""

    def __init__(self, state: S) -> None:
        super().__init__()
        self.state = state
        self.opened_as = ""
        """Its name, where it was opened by one (`screens`)."""
        self._drawn: S | None = None
        self._drawn_at = 0.0
        self._due: float | None = None
        """When the state is drawn next, None where nothing is to be drawn."""
        self._result: tuple[object] | None = None
        """What it leaves, where it is to be closed as soon as it is in front."""

    @property
    def tui(self) -> "BalchatTui":
        """The program."""
        return program(self)

    @property
    def account(self) -> AccountState:
        """What is known of the account."""
        return self.tui.account

    @abstractmethod
    def update_state(self, state: S, action: Action, account: AccountState) -> tuple[S, Effects]:
        """Return the state after an action, and what is to be done. It changes nothing by itself."""

    @abstractmethod
    def draw(self, before: S | None) -> None:
        """Show the state. `before` is the one that was shown last, None the first time."""

    def dispatch(self, action: Action) -> None:
        """Change the state by an action, and have done what that asks for."""
        self.state, effects = self.update_state(self.state, action, self.account)
        self._draw_within(_SLOW_FRAME if action.CAN_WAIT else _FRAME)
        self.tui.session.performer.carry_out(effects, self)

    def on_mount(self) -> None:
        """Draw for the first time, with the notices that were there before."""
        self._due = 0.0
        self.draw_now()
        self.tui.show_notices_again()

    def draw_soon(self) -> None:
        """Have the state drawn once what is happening now has happened."""
        self._draw_within(_FRAME)

    def _draw_within(self, seconds: float) -> None:
        """Have the state drawn when so many seconds have passed since it was drawn last, or sooner."""
        due = self._drawn_at + seconds
        if not self.is_mounted or (self._due is not None and self._due <= due):
            return
        self._due = due
        wait = due - monotonic()
        if wait > 0:
            call_later(self, wait, self.draw_now)
        else:
            self.call_next(self.draw_now)

    def draw_now(self) -> bool:
        """Draw the state where it is to be drawn soon; return whether it was."""
        if self._due is None or self._pruning:
            return False  # when the screen goes, its widgets go before it
        self._draw_now()
        return True

    def close(self, result: object) -> None:
        """Leave, as soon as no other screen is in front: a locked one stays, and a question is answered first."""
        if self.tui.screen is self:
            self.dismiss(result)
        else:
            self._result = (result,)

    def on_screen_resume(self) -> None:
        """Leave where that was asked for meanwhile."""
        if self._result is not None:
            [result], self._result = self._result, None
            self.close(result)

    def _draw_now(self) -> None:
        self._due = None
        self._drawn_at = monotonic()
        before, self._drawn = self._drawn, self.state
        self.draw(before)
