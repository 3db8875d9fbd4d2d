"""The relays that keep messages for us: add, check, remove, and which one contacts try first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType

from balchat_host.api.views import RelayView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens.network import relay_row
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.effects import Call, Effects, Notice, OpenScreen
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.page import is_back
from balchat_ui_tui.pages.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaysState:
    """The relays, None before they are read; what is being done, and what went wrong."""

    relays: tuple[RelayView, ...] | None = None
    busy: str | None = None
    problem: str | None = None


class RelaysCame(Action, frozen=True):
    """The relays came."""

    relays: Sequence[RelayView]


class Changed(Action, frozen=True):
    """Something was done with one."""

    answer: object


class AddressTyped(Action, frozen=True):
    """The person typed the address of a relay to add."""

    address: str


class RemoveAgreed(Action, frozen=True):
    """The person wants one removed."""

    relay: str


def update(  # noqa: C901  # a line or two for each action
    state: RelaysState, action: Action, account: AccountState, t: Texts
) -> tuple[RelaysState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (_read(),)
    match action:
        case RelaysCame(relays=relays):
            return replace(state, relays=tuple(relays)), ()
        case Pressed(name="add"):
            ask = {"question": t("network.add-relay-text"), "agree": t("common.add")}
            return state, (OpenScreen("ask", ask, closed=lambda typed: AddressTyped(str(typed))),)
        case AddressTyped(address=address) if address.strip():
            return _busy(state, t("network.going-there")), (_call("relays.add", "address", address.strip()),)
        case Pressed(name="choose" | "check", row=str(relay)):
            return _busy(state, t("network.going-there")), (_call("relays.check", "relay", relay),)
        case Pressed(name="default", row=str(relay)):
            return _busy(state, t("common.moment")), (_call("relays.set_default", "relay", relay),)
        case Pressed(name="remove", row=str(relay)):
            ask = {"question": t("network.remove-relay-sure"), "agree": t("common.remove"), "serious": True}
            return state, (OpenScreen("confirm", ask, closed=lambda _: RemoveAgreed(relay)),)
        case RemoveAgreed(relay=relay):
            return _busy(state, t("common.moment")), (_call("relays.remove", "relay", relay),)
        case Changed(answer=RelayView()):
            return replace(state, busy=None), (Notice(t("network.relay-answers")), _read())
        case Changed():
            return replace(state, busy=None), (_read(),)
        case Failed(error=error):
            return replace(state, busy=None, problem=t.error(error)), (_read(),) if state.relays else ()
        case _:
            return state, ()


def _busy(state: RelaysState, words: str) -> RelaysState:
    return replace(state, busy=words, problem=None)


def _read() -> Call:
    return Call("relays.list", done=RelaysCame, failed=Failed)


def _call(method: str, parameter: str, value: str) -> Call:
    return Call(method, {parameter: value}, done=Changed, failed=Failed)


class RelaysPage(ListPage[RelaysState]):
    """Our relays."""

    HEADING = "network.relays"
    WITHOUT_ROW = frozenset({"add"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "do('add')", id="relays.add"),
        Binding("c", "do('check')", id="relays.check"),
        Binding("d", "do('default')", id="relays.default"),
        Binding("x,delete", "do('remove')", id="relays.remove"),
    ]

    def __init__(self) -> None:
        super().__init__(RelaysState())

    def update_state(self, state: RelaysState, action: Action, account: AccountState) -> tuple[RelaysState, Effects]:
        """Take a choice."""
        return update(state, action, account, self.tui.t)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to add one only where something uses relays."""
        if (action, parameters) == ("do", ("add",)) and "relays.add" not in self.account.capabilities:
            return False
        return super().check_action(action, parameters)

    def text(self) -> str:
        """Say what is being done, what went wrong, or what relays are for."""
        t = self.tui.t
        return (
            self.state.busy or self.state.problem or t("network.relays-text" if self.state.relays else "network.none")
        )

    def rows(self) -> Sequence[Row]:
        """Return the relays."""
        now = milliseconds_now()
        return [relay_row(each, self.tui.t, now) for each in self.state.relays or ()]
