"""Make an account again from a backup."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from balchat_texts import Texts

from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import CloseScreen, Effects, Notice, OpenScreen, ProfileCall
from balchat_ui_tui.pages.actions import Submitted
from balchat_ui_tui.pages.forms import Field, FormPage


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreState:
    """How far it is."""

    waiting: bool = False
    problem: str | None = None


class Restored(Action, frozen=True):
    """The account is there again."""

    answer: object = None


def update(state: RestoreState, action: Action, t: Texts) -> tuple[RestoreState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Submitted(values=values) if not state.waiting:
            source, secret = values["source"].strip(), values["secret"]
            if not source or not secret:
                return replace(state, problem=t("entry.nothing-typed")), ()
            slot = SlotKind.RECOVERY_CODE if values["recovery"] else SlotKind.PASSPHRASE
            restore = {"source": Path(source).expanduser(), "secret": Secret.from_text(secret), "slot": slot}
            call = ProfileCall("restore", restore, done=Restored, failed=Failed)
            return replace(state, waiting=True, problem=None), (call,)
        case Restored():
            return RestoreState(), (CloseScreen(), Notice(t("entry.restored")), OpenScreen("entry.unlock"))
        case Failed(error=error):
            return replace(state, waiting=False, problem=t.error(error)), ()
        case _:
            return state, ()


class Restore(FormPage[RestoreState]):
    """Asks where the backup is, and what opens it."""

    HEADING = "entry.restore"
    SUBMIT = "entry.restore-it"

    def __init__(self) -> None:
        super().__init__(RestoreState())

    def update_state(self, state: RestoreState, action: Action, account: AccountState) -> tuple[RestoreState, Effects]:
        """Take what was typed."""
        del account
        return update(state, action, self.tui.t)

    def fields(self) -> Sequence[Field]:
        """Return where the backup is, and its secret."""
        return [
            Field(name="source", label="entry.backup-path", placeholder="entry.backup-path-hint"),
            Field(name="secret", label="entry.backup-secret", secret=True),
        ]

    def switches(self) -> dict[str, str]:
        """Return whether the secret is the recovery code."""
        return {"recovery": "entry.is-recovery-code"}

    def text(self) -> str:
        """Say what becomes of contacts."""
        return self.tui.t("entry.restore-text")

    def problem(self) -> str | None:
        """Say what is wrong."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether it is being restored."""
        return self.state.waiting
