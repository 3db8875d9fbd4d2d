"""The small screens that a message has: how to delete it, and with which emoji to answer it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.drawing.cells import wrap
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.effects import CloseScreen, Effects
from balchat_ui_tui.emoji import emoji_starting_with
from balchat_ui_tui.picking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.picking.screen import Picker

_USUAL = ("thumbsup", "heart", "joy", "open_mouth", "cry", "pray", "tada", "eyes")
_MOST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several: what is left when it is taken, what it is called, and what is to be known of it."""

    value: object
    name: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickState:
    """What was typed, and which choice is selected."""

    words: str = ""
    place: int = 0


def update(state: PickState, action: Action, choices: Sequence[object]) -> tuple[PickState, Effects]:
    """Return the state after an action, and what is to be done. What is taken is left to whoever opened the screen."""
    match action:
        case Words(words=words):
            return replace(state, words=words, place=0), ()
        case Step(by=by):
            return replace(state, place=min(max(0, state.place + by), max(0, len(choices) - 1))), ()
        case Point(place=place) if place < len(choices):
            return state, (CloseScreen(choices[place]),)
        case Take() if state.place < len(choices):
            return state, (CloseScreen(choices[state.place]),)
        case Leave():
            return state, (CloseScreen(),)
        case _:
            return state, ()


class DeleteMessage(Picker[PickState]):
    """Delete a message for everybody, or here only; or not at all."""

    HAS_FIELD = False

    def __init__(self, message: str, *, for_everybody: bool) -> None:
        super().__init__(PickState())
        self.message = message
        self._for_everybody = for_everybody

    @property
    def _choices(self) -> Sequence[Choice]:
        t = self.tui.t
        everybody = Choice(value=False, name=t("chat.delete-for-all"), hint=t("chat.delete-hint"))
        here = Choice(value=True, name=t("chat.delete-here"), hint=t("chat.delete-here-hint"))
        return [everybody, here] if self._for_everybody else [here]

    def update_state(self, state: PickState, action: Action, account: AccountState) -> tuple[PickState, Effects]:
        del account
        return update(state, action, [each.value for each in self._choices])

    @property
    def heading(self) -> str:
        return self.tui.t("tui.delete-question")

    @property
    def place(self) -> int:
        return self.state.place

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        return [
            [[Piece(each.name)], *([Piece(row, Ink.FAINT)] for row in wrap(each.hint, cells))] for each in self._choices
        ]


def emoji_choices(state: PickState) -> Sequence[tuple[str, str]]:
    """Return the emoji that are offered, each with its name: those that are usual before something is typed."""
    typed = state.words.strip().strip(":").lower()
    if not typed:
        return [found for name in _USUAL for found in emoji_starting_with(name, 1)]
    found = emoji_starting_with(typed, _MOST)
    return found or ([] if typed.isascii() else [(typed, typed)])


class ReactToMessage(Picker[PickState]):
    """Choose an emoji: by its name, from those that are usual, or by typing it."""

    def __init__(self, ours: tuple[str, ...]) -> None:
        super().__init__(PickState())
        self._ours = ours

    def update_state(self, state: PickState, action: Action, account: AccountState) -> tuple[PickState, Effects]:
        del account
        return update(state, action, [emoji for _, emoji in emoji_choices(state)])

    @property
    def heading(self) -> str:
        return self.tui.t("chat.react")

    @property
    def placeholder(self) -> str:
        return self.tui.t("chat.emoji-search")

    @property
    def place(self) -> int:
        return self.state.place

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        del cells
        t = self.tui.t
        return [
            [[Piece(f"{emoji}  "), Piece(name if name != emoji else ""), *self._taken(t("tui.take-back"), emoji)]]
            for name, emoji in emoji_choices(self.state)
        ]

    def _taken(self, words: str, emoji: str) -> Sequence[Piece]:
        return [Piece(f"  {words}", Ink.WARN)] if emoji in self._ours else []
