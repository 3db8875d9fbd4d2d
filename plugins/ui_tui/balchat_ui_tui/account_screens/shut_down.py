"""The question before the account is shut down."""

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.questions import Confirm, Question
from balchat_ui_tui.asking.questions import update as answer
from balchat_ui_tui.effects import Call, CloseScreen, Effects
from balchat_ui_tui.pages.actions import Pressed


def update(state: Question, action: Action) -> tuple[Question, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Pressed(name="agree"):
            return state, (CloseScreen(), Call("account.shut_down"))
        case _:
            return answer(state, action)


class ShutDown(Confirm):
    """Asks whether the account is to end."""

    def __init__(self) -> None:
        super().__init__("", "", serious=True)

    def question(self) -> str:
        """Return what is asked."""
        return self.tui.t("settings.shut-down-sure")

    def agree(self) -> str:
        """Return what the button says."""
        return self.tui.t("settings.shut-down")

    def update_state(self, state: Question, action: Action, account: AccountState) -> tuple[Question, Effects]:
        """Take an answer."""
        del account
        return update(state, action)
