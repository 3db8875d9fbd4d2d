"""A question with several answers (`choose`), and a QR code alone (`qr`).

OpenScreen("choose", {"question": t("…"), "answers": (("off", t("…")), …), "chosen": "off"}, closed=Chosen)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import CloseScreen, Effects
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.qr_picture import QrPicture, size_of
from balchat_ui_tui.screen import StatefulScreen


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is asked, what can be answered, and which answer holds now."""

    question: str
    answers: Sequence[tuple[str, str]]
    chosen: str | None = None


def update(state: Choice, action: Action) -> tuple[Choice, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Pressed(name="choose", row=str(row)):
            return state, (CloseScreen(result=row),)
        case Pressed(name="cancel"):
            return state, (CloseScreen(),)
        case _:
            return state, ()


class Choose(StatefulScreen[Choice], ModalScreen[object]):
    """Asks for one of several answers."""

    DEFAULT_CSS = """
    Choose { align: center middle; background: $background 60%; }
    Choose > Vertical { width: 56; max-width: 96%; height: auto; max-height: 96%; padding: 1 2; background: $panel; }
    Choose Static { height: auto; margin: 0 0 1 0; }
    Choose OptionList { border: none; background: $panel; height: auto; max-height: 14; padding: 0; }
    Choose OptionList:focus { border: none; background-tint: $background 0%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", id="pages.close")]

    def __init__(self, question: str, answers: Sequence[tuple[str, str]], chosen: str | None = None) -> None:
        super().__init__(Choice(question=question, answers=answers, chosen=chosen))

    def compose(self) -> Iterable[Widget]:
        """Put question and answers together."""
        with Vertical():
            yield Static(Content(self.state.question))
            yield OptionList(
                *(
                    Option(Content(f"{'●' if name == self.state.chosen else '○'} {said}"), id=name)
                    for name, said in self.state.answers
                ),
                markup=False,
            )

    def on_mount(self) -> None:
        """Begin at the answer that holds."""
        listing = self.query_one(OptionList)
        names = [name for name, _ in self.state.answers]
        listing.highlighted = names.index(self.state.chosen) if self.state.chosen in names else 0
        listing.focus()

    def update_state(self, state: Choice, action: Action, account: AccountState) -> tuple[Choice, Effects]:
        """Take an answer."""
        del account
        return update(state, action)

    def draw(self, before: Choice | None) -> None:
        """Show nothing more than what is there."""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the answer."""
        event.stop()
        self.dispatch(Pressed("choose", event.option.id))

    def action_cancel(self) -> None:
        """Leave the question."""
        self.dispatch(Pressed("cancel"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The text of a QR code, and what it is."""

    heading: str
    text: str


class QrPage(Page[Shown]):
    """Shows a QR code."""

    DEFAULT_CSS = "QrPage > .page-body { padding: 0; align-horizontal: center; }"

    def __init__(self, heading: str, text: str) -> None:
        super().__init__(Shown(heading=heading, text=text))

    def heading(self) -> str:
        """Return what it is."""
        return self.state.heading

    def update_state(self, state: Shown, action: Action, account: AccountState) -> tuple[Shown, Effects]:
        """Nothing changes."""
        del action, account
        return state, ()

    def compose_body(self) -> Iterable[Widget]:
        """Put the picture there, or say that there is no room."""
        yield QrPicture()
        yield Static(Content(self.tui.t("people.no-room-for-picture")), classes="qr-note")

    def on_resize(self) -> None:
        """Look whether it fits now."""
        super().on_resize()
        self.draw_soon()

    def draw(self, before: Shown | None) -> None:
        """Show it where it fits."""
        del before
        size, room = size_of(self.state.text), Size(self.size.width, self.size.height - 2)
        fits = size.width <= room.width and size.height <= room.height
        self.query_one(QrPicture).show(self.state.text if fits else "")
        self.query_one(".qr-note").display = not fits
