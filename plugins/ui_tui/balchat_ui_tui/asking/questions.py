"""Questions before something is done: yes or no (`confirm`), and one line of text (`ask`).

    OpenScreen("confirm", {"question": t("people.remove-sure", name=name), "agree": t("common.remove")}, closed=…)

`confirm` leaves True, `ask` the text; nobody hears of a question that was left by Escape.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from balchat_texts import Texts
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import CloseScreen, Effects
from balchat_ui_tui.pages.actions import Pressed, Submitted
from balchat_ui_tui.screen import StatefulScreen

_HIGHEST: Final = 16
"""Rows of a question that are shown at once, at most."""
_OTHERS: Final = 7
"""Rows of what stands around a question: a field, two buttons, and what is left empty."""
_NARROW: Final = 60
_LOW: Final = 16
_PAGE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `agree` is what the button says that does it; `serious`: it cannot be undone."""

    question: str
    agree: str
    serious: bool = False
    value: str = ""
    secret: bool = False
    limit: int = 4096


def update(state: Question, action: Action) -> tuple[Question, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Pressed(name="agree"):
            return state, (CloseScreen(result=True),)
        case Submitted(values=values):
            return state, (CloseScreen(result=values["answer"]),)
        case Pressed(name="cancel"):
            return state, (CloseScreen(),)
        case _:
            return state, ()


class Dialog(StatefulScreen[Question], ModalScreen[object]):
    """A question over the screen that asks it."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > .dialog { width: 64; max-width: 96%; height: auto; max-height: 96%; padding: 1 2; background: $panel; }
    Dialog .dialog-question { height: auto; scrollbar-size-vertical: 1; }
    Dialog .dialog-question > Static { height: auto; }
    Dialog Input, Dialog Input:focus { border: none; height: 1; margin: 1 0 0 0; padding: 0 1; background: $boost; }
    Dialog .dialog-buttons { height: 1; margin: 1 0 0 0; align-horizontal: right; }
    Dialog Button { width: auto; min-width: 10; margin: 0 0 0 2; }
    Dialog.-narrow .dialog-buttons { layout: vertical; height: auto; align-horizontal: left; }
    Dialog.-narrow Button { margin: 0; max-width: 100%; }
    Dialog.-low > .dialog { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", id="pages.close"),
        Binding("pageup", "scroll_question(-1)", show=False),
        Binding("pagedown", "scroll_question(1)", show=False),
    ]

    def update_state(self, state: Question, action: Action, account: AccountState) -> tuple[Question, Effects]:
        """Take an answer."""
        del account
        return update(state, action)

    def draw(self, before: Question | None) -> None:
        """Show nothing more than what is there."""

    def question(self) -> str:
        """Return what is asked."""
        return self.state.question

    def agree(self) -> str:
        """Return what the button says that does it."""
        return self.state.agree

    def compose_question(self) -> ComposeResult:
        """Put the question there. What is longer than the window can be scrolled."""
        with VerticalScroll(classes="dialog-question", can_focus=False):
            yield Static(Content(self.question()))

    def on_resize(self) -> None:
        """Keep field and buttons in sight."""
        window = self.tui.size
        self.set_class(window.width < _NARROW, "-narrow")
        self.set_class(window.height < _LOW, "-low")
        self.query_one(".dialog-question").styles.max_height = max(1, min(window.height - _OTHERS, _HIGHEST))

    def action_scroll_question(self, by: int) -> None:
        """Scroll a question that is longer than the window."""
        self.query_one(".dialog-question", VerticalScroll).scroll_relative(y=by * _PAGE, animate=False)

    def compose_buttons(self) -> ComposeResult:
        """Put the two buttons together."""
        with Horizontal(classes="dialog-buttons"):
            yield Button(Content(self.tui.t("common.cancel")), id="cancel", compact=True)
            kind = "error" if self.state.serious else "primary"
            yield Button(Content(self.agree()), variant=kind, id="agree", compact=True)

    def action_cancel(self) -> None:
        """Leave the question."""
        self.dispatch(Pressed("cancel"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        event.stop()
        self.dispatch(Pressed(event.button.id or "cancel"))


class Confirm(Dialog):
    """Asks whether something is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", show=False),
        Binding("n", "cancel", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, agree: str, *, serious: bool = False) -> None:
        super().__init__(Question(question=question, agree=agree, serious=serious))

    def compose(self) -> ComposeResult:
        """Put the question together."""
        with Vertical(classes="dialog"):
            yield from self.compose_question()
            yield from self.compose_buttons()

    def on_mount(self) -> None:
        """Begin at the button that changes nothing, where something cannot be undone."""
        self.query_one("#cancel" if self.state.serious else "#agree", Button).focus()

    def action_agree(self) -> None:
        """Do it."""
        self.dispatch(Pressed("agree"))


class LeaveSure(Confirm):
    """Asks whether to leave although what was written is lost then."""

    def __init__(self, t: Texts) -> None:
        super().__init__(t("tui.leave-sure"), t("tui.leave-anyway"), serious=True)


class Ask(Dialog):
    """Asks for one line of text."""

    def __init__(self, question: str, agree: str, *, value: str = "", secret: bool = False, limit: int = 4096) -> None:
        super().__init__(Question(question=question, agree=agree, value=value, secret=secret, limit=limit))

    def compose(self) -> ComposeResult:
        """Put the question together."""
        with Vertical(classes="dialog"):
            yield from self.compose_question()
            yield Input(self.state.value, password=self.state.secret, max_length=self.state.limit)
            yield from self.compose_buttons()

    def on_mount(self) -> None:
        """Begin in the field."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the text."""
        event.stop()
        self.dispatch(Submitted({"answer": event.value}))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the text, or leave it."""
        event.stop()
        if event.button.id == "agree":
            self.dispatch(Submitted({"answer": self.query_one(Input).value}))
        else:
            self.dispatch(Pressed("cancel"))
