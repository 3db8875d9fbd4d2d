"""A question with several answers.

OpenScreen("choose", {"question": t("…"), "answers": (("off", t("…")), …), "chosen": "off"}, closed=Chosen)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.asking.picking import PickState, pick
from balchat_ui_tui.drawing.cells import wrap
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.effects import Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: what is left when it is taken, what it says, and what is to be known of it."""

    value: object
    text: str
    note: str = ""


class Choose(Picker[PickState]):
    """Asks for one of several answers. Space takes one, too."""

    HAS_FIELD = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "take", show=False)]

    def __init__(self, question: str = "", answers: Sequence[tuple[str, str]] = (), chosen: str | None = None) -> None:
        names = [name for name, _ in answers]
        super().__init__(PickState(place=names.index(chosen) if chosen in names else 0))
        self._question = question
        self._answers = [Answer(value=name, text=f"{'●' if name == chosen else '○'} {said}") for name, said in answers]

    @property
    def heading(self) -> str:
        """What is asked."""
        return self._question

    @property
    def answers(self) -> Sequence[Answer]:
        """What can be answered."""
        return self._answers

    @property
    def place(self) -> int:
        """Which answer is selected."""
        return self.state.place

    def update_state(self, state: PickState, action: Action, account: AccountState) -> tuple[PickState, Effects]:
        """Take an answer."""
        del account
        return pick(state, action, lambda _: [each.value for each in self.answers])

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        """Return the answers, what is to be known of each below it."""
        return [
            [
                *([Piece(row)] for row in wrap(each.text, cells)),
                *([Piece(row, Ink.FAINT)] for row in (wrap(each.note, cells) if each.note else ())),
            ]
            for each in self.answers
        ]
