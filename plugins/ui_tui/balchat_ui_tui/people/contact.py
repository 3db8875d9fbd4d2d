"""One contact: what is known of them, and what can be done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from balchat_texts import Texts

from balchat_host.api.events import ContactAlarm, ContactChanged, ContactRemoved, ConversationChanged
from balchat_host.api.frontend import MAX_NAME_LENGTH
from balchat_host.api.text import visible
from balchat_host.api.views import ContactInfoView, ContactState, ContactView, ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Heard
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.conversations.timer import seconds_of, timer_question, timer_words
from balchat_ui_tui.effects import Call, CloseScreen, Copy, Effects, Notice, OpenScreen
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.listing import ListPage
from balchat_ui_tui.pages.page import is_back
from balchat_ui_tui.pages.rows import Row, heading

_HOUR: Final = 3600
_MUTES: Final = (_HOUR, 8 * _HOUR, 86_400, 604_800, None)
_MEGABYTE: Final = 1_000_000
_FETCHES: Final = (None, 0, _MEGABYTE, 10 * _MEGABYTE, 100 * _MEGABYTE, 1000 * _MEGABYTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPageState:
    """Whom it is about, and what is known of them, None before it is read. `now` is when it was (Unix milliseconds)."""

    peer_id: str
    info: ContactInfoView | None = None
    now: int = 0

    @property
    def name(self) -> str:
        """The contact's name, harmless."""
        return visible(self.info.contact.name) if self.info else ""


class InfoCame(Action, frozen=True):
    """What is known came."""

    info: ContactInfoView


class Answered(Action, frozen=True):
    """A question was answered: `about` names it."""

    about: str
    answer: str


class Renewed(Action, frozen=True):
    """The keys are being renewed."""

    contact: ContactView


def update(
    state: ContactPageState, action: Action, account: AccountState, t: Texts
) -> tuple[ContactPageState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (_read(state),)
    match action:
        case InfoCame(info=info):
            return replace(state, info=info), ()
        case Heard(event=ContactChanged(contact=contact)) if contact.peer_id == state.peer_id:
            return state, (_read(state),)
        case Heard(event=ContactAlarm(peer_id=peer)) if peer == state.peer_id:
            return state, (_read(state),)
        case Heard(event=ContactRemoved(peer_id=peer)) if peer == state.peer_id:
            return state, (CloseScreen(),)
        case Heard(event=ConversationChanged()):
            return replace(state), ()
        case Pressed(name="choose", row=str(row)) if state.info:
            return state, _chosen(state, state.info.contact, row, account, t)
        case Answered(about=about, answer=answer):
            return state, _answered(state, about, answer)
        case Renewed():
            return state, (Notice(t("people.renewing", name=state.name)), _read(state))
        case _:
            return state, ()


def _read(state: ContactPageState) -> Call:
    return Call("contacts.info", {"contact": state.peer_id}, done=InfoCame)


def _chosen(  # noqa: C901  # a line or two for each row
    state: ContactPageState, contact: ContactView, row: str, account: AccountState, t: Texts
) -> Effects:
    conversation = account.conversation(contact.conversation)
    match row:
        case "address":
            return (Copy(contact.onion), Notice(t("people.address-copied")))
        case "verify":
            return (OpenScreen("people.verify", {"peer_id": contact.peer_id, "name": contact.name}),)
        case "rename":
            ask = {"question": t("people.what-name"), "agree": t("common.save"), "value": state.name}
            return (OpenScreen("ask", ask | {"limit": MAX_NAME_LENGTH}, closed=_about("rename")),)
        case "timer" if conversation:
            return (timer_question(conversation, t, _about("timer")),)
        case "mute" if conversation and conversation.muted:
            return (Call("conversations.unmute", {"conversation": conversation.id}),)
        case "mute":
            answers = tuple((_word(each), _mute_words(each, t)) for each in _MUTES)
            return (_choose(t("people.mute-question"), answers, None, "mute"),)
        case "fetch":
            chosen = _word(conversation.fetch_up_to if conversation else None)
            answers = tuple((_word(each), fetch_words(each, t)) for each in _FETCHES)
            return (_choose(t("people.fetch-question"), answers, chosen, "fetch"),)
        case "renew":
            return (Call("contacts.renew", {"contact": contact.peer_id}, done=Renewed),)
        case "block" if contact.blocked:
            return (Call("contacts.unblock", {"contact": contact.peer_id}),)
        case "block":
            return (_confirm(t("people.block-sure", name=state.name), t("people.block"), "block"),)
        case "remove":
            return (_confirm(t("people.remove-sure", name=state.name), t("common.remove"), "remove"),)
        case _:
            return ()


def _answered(state: ContactPageState, about: str, answer: str) -> Effects:
    assert state.info is not None, "nothing is asked before it is read"
    contact, conversation = state.info.contact.peer_id, state.info.contact.conversation
    number = None if answer == "none" else int(answer) if answer.isdecimal() else None
    match about:
        case "rename" if answer.strip():
            return (Call("contacts.rename", {"contact": contact, "name": answer.strip()}),)
        case "timer":
            return (Call("conversations.set_timer", {"conversation": conversation, "seconds": seconds_of(answer)}),)
        case "mute":
            until = None if number is None else state.now + number * 1000
            return (Call("conversations.mute", {"conversation": conversation, "until": until}),)
        case "fetch":
            return (Call("files.set_automatic", {"conversation": conversation, "up_to": number}),)
        case "block":
            return (Call("contacts.block", {"contact": contact}),)
        case "remove":
            return (Call("contacts.remove", {"contact": contact}),)
        case _:
            return ()


def _about(about: str) -> Callable[[object], Action]:
    return lambda answer: Answered(about, str(answer))


def _choose(question: str, answers: tuple[tuple[str, str], ...], chosen: str | None, about: str) -> OpenScreen:
    ask = {"question": question, "answers": answers, "chosen": chosen}
    return OpenScreen("choose", ask, closed=_about(about))


def _confirm(question: str, agree: str, about: str) -> OpenScreen:
    return OpenScreen("confirm", {"question": question, "agree": agree, "serious": True}, closed=_about(about))


def _word(number: int | None) -> str:
    return "none" if number is None else str(number)


def _mute_words(seconds: int | None, t: Texts) -> str:
    return t("people.mute-always") if seconds is None else t("people.mute-for", span=t.span(seconds * 1000))


def fetch_words(octets: int | None, t: Texts) -> str:
    """Say which files come by themselves."""
    if octets is None:
        return t("people.fetch-as-set")
    return t("people.fetch-none") if octets == 0 else t("people.fetch-up-to", size=t.size(octets))


def state_words(contact: ContactView, t: Texts, *, reachable: bool) -> str:
    """Say how far we are with a contact."""
    if contact.blocked:
        return t("people.blocked")
    said = t(f"states.contact.{contact.state}")
    if contact.state is ContactState.ACTIVE:
        said = t("people.reachable" if reachable else "people.away")
    return f"{said}. {t.known('states.reason', contact.reason)}" if contact.reason else said


def rows(state: ContactPageState, account: AccountState, t: Texts) -> Sequence[Row]:
    """Return what is known, and what can be done."""
    if state.info is None:
        return ()
    contact, conversation = state.info.contact, account.conversation(state.info.contact.conversation)
    return [
        *_known(state, contact, account, t),
        *(_conversation_rows(conversation, t) if conversation else ()),
        heading(t("people.contact-heading")),
        Row(id="verify", text=t("people.verify"), side=_verified(contact, t), side_style=_verified_style(contact)),
        Row(id="rename", text=t("people.rename")),
        Row(id="renew", text=t("people.renew"), note=_renewed(contact, state.now, t)),
        Row(id="block", text=t("people.unblock" if contact.blocked else "people.block")),
        Row(id="remove", text=t("people.remove"), style="$text-error"),
    ]


def _known(state: ContactPageState, contact: ContactView, account: AccountState, t: Texts) -> Iterable[Row]:
    assert state.info is not None, "it is read"
    reachable = contact.peer_id in account.reachable
    yield Row(id=None, text=state_words(contact, t, reachable=reachable), style="$text-success" if reachable else "")
    for alarm in state.info.alarms:
        said = t(f"states.alarm.{alarm.kind}", name=state.name)
        note = t("people.alarm-advice", name=state.name) if alarm.kind.is_serious else ""
        style = "bold $text-error" if alarm.kind.is_serious else "$text-warning"
        yield Row(id=None, text=said, style=style, note=note, side=t.relative(alarm.last_at, state.now))
    devices = t("tui.devices", count=len(state.info.devices))
    yield Row(id="address", text=contact.onion, note=f"{t('tui.enter-copies')} · {devices}")
    for route in state.info.routes:
        until = f" · {t('people.route-until', when=t.moment(route.until, state.now))}" if route.until else ""
        said = t("people.route-direct" if route.direct else "people.route-relay")
        yield Row(id=None, text=f"{said}{until}", note=route.onion or "")


def _conversation_rows(conversation: ConversationView, t: Texts) -> Iterable[Row]:
    yield heading(t("people.conversation-heading"))
    yield Row(id="timer", text=t("people.timer"), side=timer_words(conversation.expire_after, t))
    muted = t("people.muted") if conversation.muted else ""
    yield Row(id="mute", text=t("people.unmute" if conversation.muted else "people.mute"), side=muted)
    yield Row(id="fetch", text=t("people.fetch"), side=fetch_words(conversation.fetch_up_to, t))


def _verified(contact: ContactView, t: Texts) -> str:
    return t("people.verified" if contact.verified else "people.not-verified")


def _verified_style(contact: ContactView) -> str:
    return "$text-success" if contact.verified else "$text-warning"


def _renewed(contact: ContactView, now: int, t: Texts) -> str:
    at = max(contact.renewed_by_us or 0, contact.renewed_by_them or 0)
    return t("people.renewed-at", when=t.moment(at, now)) if at else t("people.never-renewed")


class Contact(ListPage[ContactPageState]):
    """One contact."""

    def __init__(self, peer_id: str) -> None:
        super().__init__(ContactPageState(peer_id=peer_id, now=milliseconds_now()))

    def heading(self) -> str:
        """Return the contact's name."""
        return self.state.name

    def update_state(
        self, state: ContactPageState, action: Action, account: AccountState
    ) -> tuple[ContactPageState, Effects]:
        """Take a choice."""
        return update(replace(state, now=milliseconds_now()), action, account, self.tui.t)

    def rows(self) -> Sequence[Row]:
        """Return what is known, and what can be done."""
        return rows(self.state, self.account, self.tui.t)
