"""Who asks to become a contact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType

from balchat_host.api.errors import BalchatError, NameTaken
from balchat_host.api.events import RequestClosed, RequestReceived
from balchat_host.api.frontend import MAX_NAME_LENGTH
from balchat_host.api.text import visible
from balchat_host.api.views import ContactView, RequestView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Heard
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.effects import Call, Effects, Notice, OpenScreen
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.page import is_back
from balchat_ui_tui.pages.rows import Row
from balchat_ui_tui.severity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsState:
    """The requests that wait, None before they are read."""

    requests: tuple[RequestView, ...] | None = None


class Listed(Action, frozen=True):
    """The requests came."""

    requests: Sequence[RequestView]


class Accepted(Action, frozen=True):
    """One became a contact."""

    contact: ContactView


class AcceptFailed(Action, frozen=True):
    """One could not be accepted."""

    request: str
    error: BalchatError


class Named(Action, frozen=True):
    """The person chose a name for somebody who asks."""

    request: str
    name: str


class RejectAgreed(Action, frozen=True):
    """The person wants one rejected."""

    request: str


class BlockAgreed(Action, frozen=True):
    """The person wants one rejected, and to hear no more from them."""

    request: str


def update(  # noqa: C901, PLR0912  # a line or two for each action
    state: RequestsState, action: Action, account: AccountState, t: Texts
) -> tuple[RequestsState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (Call("requests.list", done=Listed),)
    match action:
        case Listed(requests=requests):
            return replace(state, requests=tuple(requests)), ()
        case Heard(event=RequestReceived(request=request)):
            return replace(state, requests=(*_without(state, request.peer_id), request)), ()
        case Heard(event=RequestClosed(peer_id=peer)):
            return replace(state, requests=_without(state, peer)), ()
        case Pressed(name="choose" | "accept", row=str(request)):
            return state, (_accept(request, None),)
        case Pressed(name="name", row=str(request)):
            known = next((each.name for each in state.requests or () if each.peer_id == request), "")
            return state, (_ask_name(request, t("people.what-name"), visible(known), t),)
        case Pressed(name="reject", row=str(request)):
            question = t("people.reject-sure", name=_name(state, request))
            ask = {"question": question, "agree": t("people.reject"), "serious": True}
            return state, (OpenScreen("confirm", ask, closed=lambda _: RejectAgreed(request)),)
        case Pressed(name="block", row=str(request)):
            question = t("people.reject-block-title", name=_name(state, request))
            ask = {
                "question": f"{question} {t('people.block-text')}",
                "agree": t("people.reject-and-block"),
                "serious": True,
            }
            return state, (OpenScreen("confirm", ask, closed=lambda _: BlockAgreed(request)),)
        case Named(request=request, name=name):
            return state, (_accept(request, name.strip() or None),)
        case RejectAgreed(request=request):
            return state, (Call("requests.reject", {"request": request}),)
        case BlockAgreed(request=request):
            return state, (Call("requests.block", {"request": request}),)
        case Accepted(contact=contact):
            return state, (Notice(t("people.accepted", name=visible(contact.name))),)
        case AcceptFailed(request=request, error=error):
            said = t.error(error)
            again = _ask_name(request, said, "", t) if isinstance(error, NameTaken) else Notice(said, Severity.ERROR)
            return state, (again,)
        case _:
            return state, ()


def _without(state: RequestsState, peer: str) -> tuple[RequestView, ...]:
    return tuple(each for each in state.requests or () if each.peer_id != peer)


def _name(state: RequestsState, request: str) -> str:
    return next((visible(each.name) for each in state.requests or () if each.peer_id == request), "")


def _accept(request: str, name: str | None) -> Call:
    arguments = {"request": request, "name": name}
    return Call("requests.accept", arguments, done=Accepted, failed=partial(AcceptFailed, request))


def _ask_name(request: str, question: str, name: str, t: Texts) -> OpenScreen:
    ask = {"question": question, "agree": t("people.accept"), "value": name, "limit": MAX_NAME_LENGTH}
    return OpenScreen("ask", ask, closed=partial(Named, request))


def rows(state: RequestsState, t: Texts, now: int) -> Sequence[Row]:
    """Return a row for each request."""
    return [
        Row(
            id=each.peer_id,
            text=visible(each.name) or t("people.nameless"),
            style="bold",
            side=t.relative(each.received_at, now),
            note="\n".join(filter(None, [visible(each.introduction), each.onion])),
        )
        for each in state.requests or ()
    ]


class Requests(ListPage[RequestsState]):
    """Who asks to become a contact."""

    HEADING = "people.requests"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "do('accept')", id="requests.accept"),
        Binding("n", "do('name')", id="requests.name"),
        Binding("x,delete", "do('reject')", id="requests.reject"),
        Binding("b", "do('block')", id="requests.block"),
    ]

    def __init__(self) -> None:
        super().__init__(RequestsState())

    def update_state(
        self, state: RequestsState, action: Action, account: AccountState
    ) -> tuple[RequestsState, Effects]:
        """Take a choice."""
        return update(state, action, account, self.tui.t)

    def text(self) -> str:
        """Say that there are none, or what accepting does."""
        if self.state.requests is None:
            return ""
        return self.tui.t("people.requests-text" if self.state.requests else "tui.no-requests")

    def rows(self) -> Sequence[Row]:
        """Return the requests."""
        return rows(self.state, self.tui.t, milliseconds_now())
