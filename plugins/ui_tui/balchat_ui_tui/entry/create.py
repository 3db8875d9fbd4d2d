"""Make an account: a name and a passphrase, and then its recovery code, which is shown once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Static

from balchat_host.api.errors import BalchatError
from balchat_host.api.frontend import MAX_NAME_LENGTH
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, ConnectionChanged, Failed
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import CloseScreen, Copy, Effects, Notice, OpenScreen, ProfileCall, Reconnect
from balchat_ui_tui.entry.unlock import Started
from balchat_ui_tui.jobs import CheckPassphrase
from balchat_ui_tui.pages.actions import Pressed, Submitted, Typed
from balchat_ui_tui.pages.forms import Field, FormPage
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.pages.tick import Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateState:
    """What was typed so far comes to. `strength` says what the vault thinks of the passphrase, `sound` that it is fine.

    `passphrase` is kept until the account is started, so that nobody types it three times.
    """

    waiting: bool = False
    problem: str | None = None
    strength: str | None = None
    sound: bool = False
    passphrase: Secret | None = field(default=None, repr=False)


class Checked(Action, frozen=True):
    """The vault takes the passphrase."""

    answer: object = None


class TooWeak(Action, frozen=True):
    """The vault does not take it."""

    error: BalchatError


class Created(Action, frozen=True):
    """The account is made."""

    recovery_code: Secret


def update(state: CreateState, action: Action, t: Texts) -> tuple[CreateState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Typed(name="passphrase", value=""):
            return replace(state, strength=None, sound=False), ()
        case Typed(name="passphrase", value=value):
            return state, (CheckPassphrase(passphrase=Secret.from_text(value), done=Checked, failed=TooWeak),)
        case Checked():
            return replace(state, strength=t("entry.passphrase-fine"), sound=True), ()
        case TooWeak(error=error):
            return replace(state, strength=t.error(error), sound=False), ()
        case Submitted(values=values) if not state.waiting:
            return _submitted(state, values, t)
        case Created(recovery_code=code):
            shown = OpenScreen("entry.recovery-code", {"code": code, "passphrase": state.passphrase})
            return CreateState(), (CloseScreen(), shown)
        case Failed(error=error):
            return replace(state, waiting=False, passphrase=None, problem=t.error(error)), ()
        case _:
            return state, ()


def _submitted(state: CreateState, values: Mapping[str, str], t: Texts) -> tuple[CreateState, Effects]:
    name = values["name"].strip()
    if not name:
        return replace(state, problem=t("entry.name-missing")), ()
    if values["passphrase"] != values["again"]:
        return replace(state, problem=t("entry.passphrases-differ")), ()
    passphrase = Secret.from_text(values["passphrase"])
    call = ProfileCall("create", {"name": name, "passphrase": passphrase}, done=Created, failed=Failed)
    return replace(state, waiting=True, problem=None, passphrase=passphrase), (call,)


class Create(FormPage[CreateState]):
    """Asks for what an account needs."""

    HEADING = "entry.create"
    SUBMIT = "entry.create-it"

    def __init__(self) -> None:
        super().__init__(CreateState())

    def update_state(self, state: CreateState, action: Action, account: AccountState) -> tuple[CreateState, Effects]:
        """Take what was typed."""
        del account
        return update(state, action, self.tui.t)

    def fields(self) -> Sequence[Field]:
        """Return name, passphrase, and that once more."""
        return [
            Field(name="name", label="entry.name", placeholder="entry.name-hint", limit=MAX_NAME_LENGTH),
            Field(name="passphrase", label="entry.new-passphrase", secret=True, watched=True),
            Field(name="again", label="entry.passphrase-again", secret=True),
        ]

    def text(self) -> str:
        """Say what the name is for."""
        return self.tui.t("entry.create-text")

    def note(self) -> str:
        """Say what the vault thinks of the passphrase."""
        if self.state.waiting:
            return self.tui.t("entry.creating")
        return self.state.strength or self.tui.t("entry.passphrase-hint")

    def problem(self) -> str | None:
        """Say what is wrong."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether the account is being made."""
        return self.state.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """The recovery code, while it is shown."""

    code: Secret
    passphrase: Secret | None
    kept: bool = False
    waiting: bool = False
    problem: str | None = None


def update_code(state: CodeState, action: Action, t: Texts) -> tuple[CodeState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Pressed(name="copy"):
            return state, (Copy(state.code.reveal().decode()), Notice(t("entry.code-copied")))
        case Typed(name="kept", value=value):
            return replace(state, kept=bool(value), problem=None), ()
        case Pressed(name="go-on") if not state.kept:
            return replace(state, problem=t("entry.code-not-kept")), ()
        case Pressed(name="go-on") if state.passphrase is None:
            return state, (CloseScreen(),)
        case Pressed(name="go-on") if not state.waiting:
            start = {"secret": state.passphrase, "slot": SlotKind.PASSPHRASE}
            call = ProfileCall("start", start, done=Started, failed=Failed)
            return replace(state, waiting=True, problem=None), (call,)
        case Started():
            return state, (Reconnect(),)
        case Failed(error=error):
            return replace(state, waiting=False, problem=t.error(error)), ()
        case ConnectionChanged(connection=connection) if connection.phase is Phase.UP and state.waiting:
            return replace(state, waiting=False), (CloseScreen(),)
        case _:
            return state, ()


class RecoveryCode(Page[CodeState]):
    """Shows a recovery code, once."""

    HEADING = "entry.recovery-code"
    CAN_GO_BACK = False
    DEFAULT_CSS = """
    RecoveryCode .code { margin: 1 0; padding: 0 1; width: auto; max-width: 100%; height: auto; text-style: bold;
        color: $text-accent; background: $boost; }
    RecoveryCode .code-text, RecoveryCode .code-problem { height: auto; max-width: 72; }
    RecoveryCode .code-problem { color: $text-error; margin: 1 0 0 0; }
    RecoveryCode Horizontal { height: 1; margin: 1 0 0 0; }
    RecoveryCode Button { width: auto; min-width: 12; margin: 0 2 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "do('go-on')", show=False)]

    def __init__(self, code: Secret, passphrase: Secret | None = None) -> None:
        super().__init__(CodeState(code=code, passphrase=passphrase))

    def update_state(self, state: CodeState, action: Action, account: AccountState) -> tuple[CodeState, Effects]:
        """Take that it was written down."""
        del account
        return update_code(state, action, self.tui.t)

    def action_close_page(self) -> None:
        """Leave it by the button only: it is never shown again."""
        self.dispatch(Pressed("go-on"))

    def compose_body(self) -> Iterable[Widget]:
        """Put the code and the question together."""
        t = self.tui.t
        yield Static(Content(t("entry.code-text")), classes="code-text")
        yield Static(Content(self.state.code.reveal().decode()), classes="code")
        yield Tick(Content(t("entry.code-kept")), id="kept")
        yield Static(classes="code-problem", markup=False)
        yield Horizontal(
            Button(Content(t("common.continue")), variant="primary", id="go-on", compact=True),
            Button(Content(t("common.copy")), id="copy", compact=True),
        )

    def draw(self, before: CodeState | None) -> None:
        """Show what is wrong, or that it takes a while."""
        t = self.tui.t
        said = t("entry.starting") if self.state.waiting else self.state.problem or ""
        problem = self.query_one(".code-problem", Static)
        problem.display = bool(said)
        problem.update(Content(said))
        go_on = self.query_one("#go-on", Button)
        go_on.disabled = self.state.waiting
        if before is not None and before.waiting and not self.state.waiting:
            go_on.focus()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Take the tick."""
        event.stop()
        self.dispatch(Typed("kept", "yes" if event.value else ""))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Copy, or go on."""
        event.stop()
        self.dispatch(Pressed(event.button.id or ""))
