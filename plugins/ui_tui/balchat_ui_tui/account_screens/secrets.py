"""The account's secrets, and its backup: another passphrase, a new recovery code, a locked copy of the vault."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from balchat_texts import Texts

from balchat_host.api.text import visible
from balchat_host.api.types import Secret
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Call, CloseScreen, Effects, Notice, OpenScreen
from balchat_ui_tui.pages.actions import Submitted
from balchat_ui_tui.pages.forms import Field, FormPage


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsState:
    """Whether an answer is awaited, and what went wrong. `target` is where a backup goes."""

    waiting: bool = False
    problem: str | None = None
    target: str = ""


class Done(Action, frozen=True):
    """It is done."""

    answer: object = None


class CodeMade(Action, frozen=True):
    """There is a new recovery code."""

    code: Secret


def update_passphrase(state: SecretsState, action: Action, t: Texts) -> tuple[SecretsState, Effects]:
    """Return the state after an action, and what is to be done: another passphrase."""
    match action:
        case Submitted(values=values) if not state.waiting and values["new"] != values["again"]:
            return replace(state, problem=t("entry.passphrases-differ")), ()
        case Submitted(values=values) if not state.waiting:
            secrets = {"old": Secret.from_text(values["old"]), "new": Secret.from_text(values["new"])}
            return _ask(state, Call("account.change_passphrase", secrets, done=Done, failed=Failed))
        case Done():
            return SecretsState(), (Notice(t("settings.passphrase-changed")), CloseScreen())
        case _:
            return _rest(state, action, t)


def update_code(state: SecretsState, action: Action, t: Texts) -> tuple[SecretsState, Effects]:
    """Return the state after an action, and what is to be done: a new recovery code."""
    match action:
        case Submitted(values=values) if not state.waiting:
            secret = {"passphrase": Secret.from_text(values["passphrase"])}
            return _ask(state, Call("account.renew_recovery_code", secret, done=CodeMade, failed=Failed))
        case CodeMade(code=code):
            return SecretsState(), (CloseScreen(), OpenScreen("entry.recovery-code", {"code": code}))
        case _:
            return _rest(state, action, t)


def update_backup(state: SecretsState, action: Action, t: Texts) -> tuple[SecretsState, Effects]:
    """Return the state after an action, and what is to be done: a backup."""
    match action:
        case Submitted(values=values) if not state.waiting and not values["target"].strip():
            return replace(state, problem=t("entry.nothing-typed")), ()
        case Submitted(values=values) if not state.waiting:
            # The account may run in another folder than this program.
            target = str(Path(values["target"].strip()).expanduser().absolute())
            asked = Call("account.backup", {"target": target}, done=Done, failed=Failed)
            return _ask(replace(state, target=target), asked)
        case Done():
            return SecretsState(), (Notice(t("settings.backup-made", target=visible(state.target))), CloseScreen())
        case _:
            return _rest(state, action, t)


def _ask(state: SecretsState, call: Call) -> tuple[SecretsState, Effects]:
    return replace(state, waiting=True, problem=None), (call,)


def _rest(state: SecretsState, action: Action, t: Texts) -> tuple[SecretsState, Effects]:
    if isinstance(action, Failed):
        return replace(state, waiting=False, problem=t.error(action.error)), ()
    return state, ()


class SecretsPage(FormPage[SecretsState]):
    """What the three pages have in common."""

    def __init__(self) -> None:
        super().__init__(SecretsState())

    def problem(self) -> str | None:
        """Say what is wrong."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether an answer is awaited."""
        return self.state.waiting


class Passphrase(SecretsPage):
    """Asks for another passphrase."""

    HEADING = "settings.passphrase"

    def update_state(self, state: SecretsState, action: Action, account: AccountState) -> tuple[SecretsState, Effects]:
        """Take what was typed."""
        del account
        return update_passphrase(state, action, self.tui.t)

    def fields(self) -> Sequence[Field]:
        """Return the old one, or the recovery code, and the new one twice."""
        return [
            Field(name="old", label="settings.old-secret", secret=True),
            Field(name="new", label="settings.new-passphrase", secret=True),
            Field(name="again", label="entry.passphrase-again", secret=True),
        ]


class RecoveryCodePage(SecretsPage):
    """Asks whether to make a new recovery code."""

    HEADING = "settings.recovery-code"
    SUBMIT = "settings.make-code"

    def update_state(self, state: SecretsState, action: Action, account: AccountState) -> tuple[SecretsState, Effects]:
        """Take what was typed."""
        del account
        return update_code(state, action, self.tui.t)

    def text(self) -> str:
        """Say what becomes of the old one."""
        return self.tui.t("settings.recovery-code-text")

    def fields(self) -> Sequence[Field]:
        """Return the passphrase."""
        return [Field(name="passphrase", label="entry.passphrase", secret=True)]


class Backup(SecretsPage):
    """Asks where a backup goes."""

    HEADING = "tui.backup"
    SUBMIT = "settings.make-backup"

    def update_state(self, state: SecretsState, action: Action, account: AccountState) -> tuple[SecretsState, Effects]:
        """Take what was typed."""
        del account
        return update_backup(state, action, self.tui.t)

    def text(self) -> str:
        """Say what a backup is."""
        return self.tui.t("tui.backup-text")

    def fields(self) -> Sequence[Field]:
        """Return where it goes."""
        return [Field(name="target", label="settings.backup-target", placeholder="entry.backup-path-hint")]
