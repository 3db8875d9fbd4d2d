"""What lists of choices have in common: a title or question, maybe a field, choices, and hints."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from balchat_ui_tui.asking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.asking.pick_list import PickList
from balchat_ui_tui.drawing.cells import fit, wrap
from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.drawing.row_widget import Rows
from balchat_ui_tui.screen import StatefulScreen

S = TypeVar("S")

_WIDEST: Final = 72
_BORDER: Final = 2
_MARGINS: Final = 2
_HIGHEST: Final = 16
"""Rows of choices that are shown at once, at most."""
_HIGHEST_HEAD: Final = 6
_LONGEST: Final = 200
"""Characters of the longest words that are looked for."""
_LOW: Final = 16
"""Rows of a window in which nothing is left empty."""


class Picker(StatefulScreen[S], ModalScreen[object]):
    """A screen in which one of several choices is taken. Subclasses say what is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", id="choices.leave"),
        Binding("up", "step(-1)", id="choices.up", priority=True),
        Binding("down", "step(1)", id="choices.down", priority=True),
        Binding("pageup", "step(-8)", id="choices.page-up", priority=True),
        Binding("pagedown", "step(8)", id="choices.page-down", priority=True),
        Binding("enter", "take", id="choices.take"),
    ]
    HAS_FIELD: ClassVar[bool] = True

    @property
    @abstractmethod
    def heading(self) -> str:
        """What the screen is called, or asks."""

    @property
    def hints(self) -> str:
        """Which keys do something."""
        return self.tui.t("tui.hints-choices")

    @property
    def placeholder(self) -> str:
        """What stands in the empty field."""
        return ""

    @abstractmethod
    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        """Return the rows of each choice."""

    @property
    def nothing(self) -> str:
        """What is said where there is no choice."""
        return ""

    @property
    @abstractmethod
    def place(self) -> int:
        """Which choice is selected."""

    def compose(self) -> ComposeResult:
        """Lay the widgets out."""
        with Vertical(id="picker"):
            yield Rows(id="picker-head")
            if self.HAS_FIELD:
                yield Input(
                    id="picker-words",
                    compact=True,
                    placeholder=self.placeholder,
                    select_on_focus=False,
                    max_length=_LONGEST,
                )
            yield PickList()
            yield Rows(id="picker-hints")

    def on_mount(self) -> None:
        """Begin in the field, and at the first choice."""
        if self.HAS_FIELD:
            self.query_one(Input).focus()
        self.dispatch(Step(0))

    def draw(self, before: S | None) -> None:
        """Show what can be chosen."""
        del before
        inks = Inks(self.tui.theme_variables)
        # The program's size: the widgets have none before they are laid out for the first time.
        window = self.tui.size
        cells = max(10, min(window.width, _WIDEST) - _BORDER)
        head = [[Piece(f" {line}", Ink.STRONG)] for line in wrap(self.heading, cells - 2)][:_HIGHEST_HEAD]
        low = window.height < _LOW
        self.set_class(low, "-low")
        around = _BORDER + len(head) + self.HAS_FIELD + (0 if low else _MARGINS) + 1
        self.query_one(PickList).styles.max_height = max(1, min(window.height - around, _HIGHEST))
        self.query_one("#picker-head", Rows).show(head, inks)
        self.query_one("#picker-hints", Rows).show([[Piece(f" {fit(self.hints, cells - 1)}", Ink.FAINT)]], inks)
        self.query_one(PickList).show(self.choices, self.place, self.nothing, inks)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.draw_soon()

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        self.dispatch(Words(message.value))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.dispatch(Take())

    @on(PickList.Pointed)
    def _pointed(self, message: PickList.Pointed) -> None:
        self.dispatch(Point(message.place))

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dispatch(Leave())

    def action_step(self, by: int) -> None:
        """Select another choice."""
        self.dispatch(Step(by))

    def action_take(self) -> None:
        """Take the selected choice."""
        self.dispatch(Take())
