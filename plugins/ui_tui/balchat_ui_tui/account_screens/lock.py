"""The locked screen: it shows nothing of the account, which goes on, until somebody types the passphrase."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import BindingType

from balchat_host.api.errors import WrongSecret
from balchat_host.api.types import Secret
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Call, CloseScreen, Effects, ProfileCall, Reconnect
from balchat_ui_tui.pages.actions import Submitted
from balchat_ui_tui.pages.forms import Field, FormPage


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """Whether an answer is awaited, what went wrong, and how many secrets were wrong."""

    waiting: bool = False
    problem: str | None = None
    tries: int = 0


class Right(Action, frozen=True):
    """It is the passphrase."""

    answer: object = None


def update(state: LockState, action: Action, account: AccountState, t: Texts) -> tuple[LockState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Submitted(values=values) if not state.waiting and values["passphrase"]:
            secret = Secret.from_text(values["passphrase"])
            if account.connected:
                ask = Call("account.verify_passphrase", {"passphrase": secret}, done=Right, failed=Failed)
                return replace(state, waiting=True, problem=None), (ask,)
            # It has ended meanwhile: what starts it again opens the screen as well.
            start = ProfileCall("start", {"secret": secret}, done=Right, failed=Failed)
            return replace(state, waiting=True, problem=None), (start,)
        case Right():
            return state, (CloseScreen(), Reconnect())
        case Failed(error=WrongSecret()):
            tries = state.tries + 1
            said = f"{t('settings.wrong-passphrase')} {t('entry.tries', count=tries)}"
            return replace(state, waiting=False, tries=tries, problem=said), ()
        case Failed(error=error):
            return replace(state, waiting=False, problem=t.error(error)), ()
        case _:
            return state, ()


class LockScreen(FormPage[LockState]):
    """Asks for the passphrase."""

    HEADING = "settings.locked-heading"
    CAN_GO_BACK = False
    SUBMIT = "settings.unlock-screen"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__(LockState())

    def action_close_page(self) -> None:
        """Stay: only the passphrase opens it."""

    def update_state(self, state: LockState, action: Action, account: AccountState) -> tuple[LockState, Effects]:
        """Take the passphrase."""
        return update(state, action, account, self.tui.t)

    def text(self) -> str:
        """Say that the account goes on."""
        return self.tui.t("settings.locked-text")

    def fields(self) -> Sequence[Field]:
        """Return the one field."""
        return [Field(name="passphrase", label="entry.passphrase", secret=True)]

    def problem(self) -> str | None:
        """Say that it was wrong."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether it is being looked at."""
        return self.state.waiting

    def draw(self, before: LockState | None) -> None:
        """Empty the field after a passphrase that was wrong."""
        super().draw(before)
        if before is not None and self.state.tries != before.tries:
            self.empty("passphrase")
