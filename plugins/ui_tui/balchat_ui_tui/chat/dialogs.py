"""The small screens that a message has: how to delete it, and with which emoji to answer it."""

from collections.abc import Sequence

from balchat_host.api.views import MessageView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.choose import Answer, Choose
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.asking.picking import PickState, pick
from balchat_ui_tui.chat import words
from balchat_ui_tui.drawing.cells import fit
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.emoji import emoji_starting_with

_USUAL = ("thumbsup", "heart", "joy", "open_mouth", "cry", "pray", "tada", "eyes")
_MOST = 40
_LONGEST_HEADING = 120


class DeleteMessage(Choose):
    """Delete a message for everybody, or here only; or not at all."""

    def __init__(self, message: MessageView, *, for_everybody: bool, waits: bool) -> None:
        super().__init__()
        self._message = message
        self._for_everybody = for_everybody
        self._waits = waits

    @property
    def heading(self) -> str:
        t = self.tui.t
        return fit(f"{t('tui.delete-question')} “{words.summary(t, self._message)}”", _LONGEST_HEADING)

    @property
    def answers(self) -> Sequence[Answer]:
        t = self.tui.t
        hint = t("chat.delete-waiting-hint" if self._waits else "chat.delete-hint")
        everybody = Answer(value=False, text=t("chat.delete-for-all"), note=hint)
        here = Answer(value=True, text=t("chat.delete-here"), note=t("chat.delete-here-hint"))
        return [everybody, here] if self._for_everybody else [here]


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
        return pick(state, action, lambda now: [emoji for _, emoji in emoji_choices(now)])

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
