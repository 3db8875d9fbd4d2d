"""The accounts on this machine: take another one, or begin a new one beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType

from balchat_host.api.text import visible
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Effects, OpenScreen
from balchat_ui_tui.jobs import LookAtProfiles, ProfilesFound, SwitchProfile
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesState:
    """The profiles that have an account, and which one is shown."""

    names: tuple[str, ...] = ()
    shown: str = ""


class Looked(Action, frozen=True):
    """It was looked which there are."""

    found: ProfilesFound


class NewNamed(Action, frozen=True):
    """The person named a new profile."""

    name: str


def update(state: ProfilesState, action: Action, t: Texts) -> tuple[ProfilesState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Opened():
            return state, (LookAtProfiles(done=Looked),)
        case Looked(found=found):
            return replace(state, names=found.names, shown=found.shown), ()
        case Pressed(name="choose", row=str(name)) if name != state.shown:
            return state, (SwitchProfile(name=name),)
        case Pressed(name="new"):
            ask = {"question": t("settings.new-profile-text"), "agree": t("common.continue"), "limit": 40}
            return state, (OpenScreen("ask", ask, closed=lambda name: NewNamed(str(name))),)
        case NewNamed(name=name) if name.strip():
            return state, (SwitchProfile(name=name.strip()),)
        case _:
            return state, ()


def rows(state: ProfilesState, t: Texts) -> Sequence[Row]:
    """Return a row for each profile."""
    return [
        Row(id=name, text=visible(name), side=t("settings.this-profile") if name == state.shown else "")
        for name in state.names
    ]


class ProfilesPage(ListPage[ProfilesState]):
    """The accounts on this machine."""

    HEADING = "settings.profiles"
    WITHOUT_ROW = frozenset({"new"})
    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "do('new')", id="profiles.new")]

    def __init__(self) -> None:
        super().__init__(ProfilesState())

    def update_state(
        self, state: ProfilesState, action: Action, account: AccountState
    ) -> tuple[ProfilesState, Effects]:
        """Take a choice."""
        del account
        return update(state, action, self.tui.t)

    def text(self) -> str:
        """Say what a profile is."""
        return self.tui.t("tui.profiles-text")

    def rows(self) -> Sequence[Row]:
        """Return the profiles."""
        return rows(self.state, self.tui.t)
