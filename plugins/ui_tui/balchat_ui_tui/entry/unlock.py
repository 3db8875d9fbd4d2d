"""Start an account that does not run: by its passphrase (`entry.unlock`), or by its recovery code (`entry.recover`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType

from balchat_host.api.errors import BalchatError, WrongSecret
from balchat_host.api.storage import SlotKind
from balchat_host.api.text import visible
from balchat_host.api.types import Secret
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, ConnectionChanged, Failed
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import CloseScreen, Effects, OpenScreen, ProfileCall, Reconnect
from balchat_ui_tui.pages.actions import Pressed, Submitted
from balchat_ui_tui.pages.forms import Field, FormPage


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockState:
    """How an account is started. `tries` counts secrets that did not open it; `runs`: something else started it."""

    slot: SlotKind = SlotKind.PASSPHRASE
    waiting: bool = False
    problem: str | None = None
    tries: int = 0
    runs: bool = False


class Started(Action, frozen=True):
    """The account runs."""

    answer: object = None


def update(state: UnlockState, action: Action, t: Texts) -> tuple[UnlockState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Submitted() if state.runs:
            return state, (CloseScreen(),)
        case Submitted(values=values) if not state.waiting:
            typed = values["secret"] if state.slot is SlotKind.PASSPHRASE else values["secret"].strip()
            if not typed:
                return replace(state, problem=t("entry.nothing-typed")), ()
            start = {"secret": Secret.from_text(typed), "slot": state.slot}
            return replace(state, waiting=True, problem=None), (
                ProfileCall("start", start, done=Started, failed=Failed),
            )
        case Started():
            return state, (Reconnect(),)
        case Failed(error=error):
            return _failed(state, error, t), ()
        case Pressed(name="other-secret") if state.slot is SlotKind.PASSPHRASE:
            return state, (CloseScreen(), OpenScreen("entry.recover"))
        case Pressed(name="other-secret"):
            return state, (CloseScreen(), OpenScreen("entry.unlock"))
        case ConnectionChanged(connection=connection) if connection.phase is Phase.UP and state.waiting:
            return replace(state, waiting=False), (CloseScreen(),)
        case ConnectionChanged(connection=connection):
            # Where it closed by itself, the rest of a passphrase that is being typed would go to whoever is written to.
            return replace(state, runs=connection.phase is Phase.UP), ()
        case _:
            return state, ()


def _failed(state: UnlockState, error: BalchatError, t: Texts) -> UnlockState:
    if not isinstance(error, WrongSecret):
        return replace(state, waiting=False, problem=t.error(error))
    tries = state.tries + 1
    said = "entry.wrong-passphrase" if state.slot is SlotKind.PASSPHRASE else "entry.wrong-recovery-code"
    problem = t(said) if tries == 1 else f"{t(said)} {t('entry.tries', count=tries)}"
    return replace(state, waiting=False, tries=tries, problem=problem)


class Unlock(FormPage[UnlockState]):
    """Asks for the secret that opens the account."""

    SUBMIT = "entry.start"
    SLOT = SlotKind.PASSPHRASE
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "do('other-secret')", id="entry.other-secret")]

    def __init__(self) -> None:
        super().__init__(UnlockState(slot=self.SLOT))

    def heading(self) -> str:
        """Return whose account it is."""
        return self.tui.t("entry.unlock-heading", name=visible(self.tui.profile.name))

    def update_state(self, state: UnlockState, action: Action, account: AccountState) -> tuple[UnlockState, Effects]:
        """Take the secret."""
        del account
        return update(state, action, self.tui.t)

    def fields(self) -> Sequence[Field]:
        """Return the one field."""
        if self.SLOT is SlotKind.PASSPHRASE:
            return [Field(name="secret", label="entry.passphrase", secret=True)]
        return [Field(name="secret", label="entry.recovery-code")]

    def note(self) -> str:
        """Say that it takes a while, or need not be started any more."""
        said = "entry.starting" if self.state.waiting else "entry.runs" if self.state.runs else "entry.stays-up"
        return self.tui.t(said)

    def problem(self) -> str | None:
        """Say why it did not open."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether it is being opened."""
        return self.state.waiting

    def draw(self, before: UnlockState | None) -> None:
        """Empty the field after a secret that was wrong."""
        super().draw(before)
        if before is not None and self.state.tries != before.tries:
            self.empty("secret")


class Recover(Unlock):
    """Asks for the recovery code."""

    SLOT = SlotKind.RECOVERY_CODE
