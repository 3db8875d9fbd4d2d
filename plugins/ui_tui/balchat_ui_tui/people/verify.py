"""Verify a contact: compare the safety number, or let a picture of theirs or a pasted number be compared.

A person who only glances at it makes mistakes: so the button asks for all groups of digits, and a number that was
pasted is compared by the account, which refuses a wrong one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.content import Content

from balchat_host.api.errors import SafetyNumberDiffers
from balchat_host.api.text import visible
from balchat_host.api.views import ContactView, SafetyNumberView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Call, CloseScreen, Effects, Notice, OpenScreen
from balchat_ui_tui.jobs import ReadQrPicture, path_in
from balchat_ui_tui.pages.actions import Pressed, Submitted
from balchat_ui_tui.pages.forms import Field, FormPage
from balchat_ui_tui.pages.page import is_back

_GROUP: Final = 5
_GROUPS_IN_LINE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyState:
    """Whom, and the number."""

    peer_id: str
    name: str
    number: SafetyNumberView | None = None
    waiting: bool = False
    problem: str | None = None


class NumberCame(Action, frozen=True):
    """The number came."""

    number: SafetyNumberView


class TheirsRead(Action, frozen=True):
    """What stands in a picture of theirs; there may be no code in it."""

    text: str | None


class Verified(Action, frozen=True):
    """The numbers are the same."""

    contact: ContactView


def update(state: VerifyState, action: Action, account: AccountState, t: Texts) -> tuple[VerifyState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (Call("contacts.safety_number", {"contact": state.peer_id}, done=NumberCame),)
    match action:
        case NumberCame(number=number):
            return replace(state, number=number), ()
        case Pressed(name="picture") if state.number:
            shown = {"heading": t("people.number-picture"), "text": state.number.safety_number}
            return state, (OpenScreen("qr", shown),)
        case Submitted(values=values) if not state.waiting and state.number:
            return _submitted(state, values, state.number.safety_number, t)
        case TheirsRead(text=None):
            return replace(state, waiting=False, problem=t("people.no-qr")), ()
        case TheirsRead(text=str(text)):
            return _verify(state, text, t)
        case Verified(contact=contact):
            return state, (Notice(t("people.verified-now", name=visible(contact.name))), CloseScreen())
        case Failed(error=SafetyNumberDiffers()):
            return replace(state, waiting=False, problem=t("people.differs", name=visible(state.name))), ()
        case Failed(error=error):
            return replace(state, waiting=False, problem=t.error(error)), ()
        case _:
            return state, ()


def _submitted(state: VerifyState, values: Mapping[str, str], own: str, t: Texts) -> tuple[VerifyState, Effects]:
    theirs = values["theirs"].strip()
    if not theirs and not values["compared"]:
        return replace(state, problem=t("people.compare-first")), ()
    if not theirs:
        return _verify(state, own, t)
    path = path_in(theirs)
    if path is not None:
        return replace(state, waiting=True, problem=None), (ReadQrPicture(path=path, done=TheirsRead, failed=Failed),)
    return _verify(state, theirs, t)


def _verify(state: VerifyState, number: str, t: Texts) -> tuple[VerifyState, Effects]:
    digits = re.sub(r"[\s-]", "", number)
    if not digits.isdecimal():
        return replace(state, waiting=False, problem=t("people.no-number")), ()
    arguments = {"contact": state.peer_id, "safety_number": digits}
    call = Call("contacts.verify", arguments, done=Verified, failed=Failed)
    return replace(state, waiting=True, problem=None), (call,)


def in_groups(number: str, width: int) -> str:
    """Return a number in groups of five digits: in lines of four, or of two where there is little room."""
    digits = "".join(number.split())
    groups = [digits[place : place + _GROUP] for place in range(0, len(digits), _GROUP)]
    most = _GROUPS_IN_LINE if width >= _GROUPS_IN_LINE * (_GROUP + 2) else 2
    return "\n".join("  ".join(groups[place : place + most]) for place in range(0, len(groups), most))


class Verify(FormPage[VerifyState]):
    """Shows the safety number, and asks whether it is theirs."""

    SUBMIT = "people.verify-it"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "do('picture')", id="verify.picture")]

    def __init__(self, peer_id: str, name: str) -> None:
        super().__init__(VerifyState(peer_id=peer_id, name=name))

    def heading(self) -> str:
        """Return who is verified."""
        return self.tui.t("people.verify-heading", name=visible(self.state.name))

    def update_state(self, state: VerifyState, action: Action, account: AccountState) -> tuple[VerifyState, Effects]:
        """Take the comparison."""
        return update(state, action, account, self.tui.t)

    def text(self) -> Content:
        """Say what to do, and show the number."""
        number = self.state.number
        told = self.tui.t("people.verify-text", name=visible(self.state.name))
        groups = in_groups(number.safety_number, self.size.width - 4) if number else ""
        return Content.assemble(told, "\n\n", (groups, "bold $text-accent"))

    def fields(self) -> Sequence[Field]:
        """Return a field for their number, or a picture of it."""
        return [Field(name="theirs", label="people.their-number", placeholder="people.their-number-hint")]

    def switches(self) -> Mapping[str, str]:
        """Return what says that it was compared by eye or ear."""
        return {"compared": "tui.compared"}

    def problem(self) -> str | None:
        """Say that it is not the same."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether it is being compared."""
        return self.state.waiting
