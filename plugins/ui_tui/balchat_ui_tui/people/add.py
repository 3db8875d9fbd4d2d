"""Add a contact: one field takes a chat code, a link, an onion address, or the path of a picture of a QR code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from balchat_texts import Texts

from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE, MAX_NAME_LENGTH
from balchat_host.api.text import visible
from balchat_host.api.views import ContactView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Call, CloseScreen, Effects, Notice
from balchat_ui_tui.jobs import ReadQrPicture, path_in
from balchat_ui_tui.pages.actions import Submitted
from balchat_ui_tui.pages.forms import Field, FormPage


@dataclass(frozen=True, slots=True, kw_only=True)
class AddState:
    """What is being added. `name` and `introduction` wait while a picture is read."""

    waiting: bool = False
    problem: str | None = None
    name: str = ""
    introduction: str = ""


class QrRead(Action, frozen=True):
    """A picture was read; there may be no code in it."""

    text: str | None


class Added(Action, frozen=True):
    """The contact is asked."""

    contact: ContactView


def update(state: AddState, action: Action, t: Texts) -> tuple[AddState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Submitted(values=values) if not state.waiting:
            return _submitted(state, values, t)
        case QrRead(text=None):
            return replace(state, waiting=False, problem=t("people.no-qr")), ()
        case QrRead(text=str(text)):
            return state, (_add(text, state.name, state.introduction),)
        case Added(contact=contact):
            return AddState(), (Notice(t("people.added", name=visible(contact.name))), CloseScreen())
        case Failed(error=error):
            return replace(state, waiting=False, problem=t.error(error)), ()
        case _:
            return state, ()


def _submitted(state: AddState, values: Mapping[str, str], t: Texts) -> tuple[AddState, Effects]:
    code = values["code"].strip()
    if not code:
        return replace(state, problem=t("people.code-missing")), ()
    asked = replace(
        state, waiting=True, problem=None, name=values["name"].strip(), introduction=values["introduction"].strip()
    )
    path = path_in(code)
    if path is not None:
        return asked, (ReadQrPicture(path=path, done=QrRead, failed=Failed),)
    return asked, (_add(code, asked.name, asked.introduction),)


def _add(code: str, name: str, introduction: str) -> Call:
    arguments = {"code": code, "name": name or None, "introduction": introduction}
    return Call("contacts.add", arguments, done=Added, failed=Failed)


class AddContact(FormPage[AddState]):
    """Asks whom to add."""

    HEADING = "people.add"
    SUBMIT = "people.ask"

    def __init__(self, code: str = "") -> None:
        super().__init__(AddState())
        self._code = code

    def update_state(self, state: AddState, action: Action, account: AccountState) -> tuple[AddState, Effects]:
        """Take what was typed."""
        del account
        return update(state, action, self.tui.t)

    def text(self) -> str:
        """Say what happens."""
        return self.tui.t("people.add-text")

    def fields(self) -> Sequence[Field]:
        """Return code, name and introduction."""
        return [
            Field(name="code", label="people.code", placeholder="people.code-hint", value=self._code),
            Field(name="name", label="people.name", placeholder="people.name-hint", limit=MAX_NAME_LENGTH),
            Field(
                name="introduction",
                label="people.introduction",
                placeholder="people.introduction-hint",
                limit=MAX_INTRODUCTION_SIZE,
            ),
        ]

    def problem(self) -> str | None:
        """Say what is wrong."""
        return self.state.problem

    def waiting(self) -> bool:
        """Return whether the contact is being added."""
        return self.state.waiting
