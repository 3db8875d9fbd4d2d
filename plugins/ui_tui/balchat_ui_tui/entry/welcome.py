"""The first page where no account runs: what can be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from balchat_texts import Texts

from balchat_host.api.text import visible
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, ConnectionChanged
from balchat_ui_tui.connection_state import Phase
from balchat_ui_tui.effects import CloseScreen, Effects, OpenScreen, Quit
from balchat_ui_tui.jobs import LookAtProfiles, ProfilesFound
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeState:
    """Whether there is an account in the profile, and what the profile is called, once it was `looked`."""

    profile: str = ""
    exists: bool = False
    looked: bool = False


class Looked(Action, frozen=True):
    """It was looked whether there is an account."""

    found: ProfilesFound


def update(state: WelcomeState, action: Action) -> tuple[WelcomeState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Opened():
            return state, (LookAtProfiles(done=Looked),)
        case Looked(found=found):
            # Somebody who comes back every day is asked for the passphrase at once.
            looked = WelcomeState(profile=found.shown, exists=found.exists, looked=True)
            return looked, (OpenScreen("entry.unlock"),) if found.exists else ()
        case Pressed(name="choose", row=row) if row == "quit":
            return state, (Quit(),)
        case Pressed(name="choose", row=str(row)):
            return state, (OpenScreen(row),)
        case ConnectionChanged(connection=connection) if connection.phase is Phase.UP:
            return replace(state, exists=True), (CloseScreen(),)
        case _:
            return state, ()


def rows(state: WelcomeState, t: Texts) -> Sequence[Row]:
    """Return what can be done."""
    if not state.looked:
        return ()
    if state.exists:
        choices = [
            ("entry.unlock", t("entry.unlock"), t("entry.unlock-note")),
            ("entry.recover", t("entry.with-recovery-code"), t("entry.with-recovery-code-note")),
        ]
    else:
        choices = [
            ("entry.create", t("entry.create"), t("entry.create-note")),
            ("entry.restore", t("entry.restore"), t("entry.restore-note")),
        ]
    choices += [
        ("account.profiles", t("entry.another-profile"), ""),
        ("quit", t("entry.quit"), ""),
    ]
    return [Row(id=name, text=text, note=note) for name, text, note in choices]


class Welcome(ListPage[WelcomeState]):
    """The first page where no account runs."""

    CAN_GO_BACK = False

    def __init__(self) -> None:
        super().__init__(WelcomeState())

    def heading(self) -> str:
        """Return the program's name and the profile's."""
        return f"balchat · {visible(self.state.profile)}" if self.state.profile else "balchat"

    def action_close_page(self) -> None:
        """There is nothing to go back to: the way out is in the list."""

    def update_state(self, state: WelcomeState, action: Action, account: AccountState) -> tuple[WelcomeState, Effects]:
        """Take a choice."""
        del account
        return update(state, action)

    def text(self) -> str:
        """Say what balchat is, or that the account does not run."""
        if not self.state.looked:
            return ""
        return self.tui.t("entry.not-running" if self.state.exists else "entry.welcome")

    def rows(self) -> Sequence[Row]:
        """Return what can be done."""
        return rows(self.state, self.tui.t)
