"""Conversations, contacts and contact requests."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from balchat_host.api.frontend import MYSELF
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import text_lines, visible
from balchat_host.api.views import (
    ContactInfoView,
    ContactState,
    ContactView,
    ConversationView,
    RequestView,
    RouteView,
    WayView,
)
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.alarms import SUSPICION, advice, alarm_words
from balchat_ui_cli.render.labels import LABEL, labelled
from balchat_ui_cli.render.message_info import way_words
from balchat_ui_cli.render.names import YOU, called
from balchat_ui_cli.text import QUOTE, columns, duration, fit, moment

_CONTACT_WORDS = {
    ContactState.ADDING: "not reached yet",
    ContactState.REQUESTED: "asked: the request waits for their approval",
    ContactState.ACTIVE: "active",
}
CONTACT_REASONS = {
    "no-key-package": "no relay that you use, or that their chat code names, knows them",
    "relay-unreachable": "a relay where they could be found cannot be reached",
    "crypto-rejected": "the KeyPackage that came from them, or from their relay, cannot be used; their balchat may be"
    " of another version",
    "unsupported-mls": "their balchat uses a version, cipher suite or extensions of MLS that this one does not",
    "bad-credential": "the KeyPackage that came from them, or from their relay, is not theirs",
    "malformed-envelope": "the KeyPackage that came from them, or from their relay, is too large",
    "internal": "balchat itself failed on what came from them, or from their relay; please report it",
    "sending-failed": "sending to them failed unexpectedly and is tried again; please report this",
}
_RESTORED_WORDS = "asked again after a restore: what you write waits until they have answered"


def conversation_words(view: ConversationView) -> list[str]:
    """Say everything about a conversation that its title does not."""
    words = ["only you"] if view.contact is None else contact_words(view.contact)
    if view.expire_after is None:
        return words
    by = YOU if view.timer_by == MYSELF else called(view.timer_by or "")
    return [*words, f"expires after {duration(view.expire_after)}, set by {by}"]


def conversation_lines(views: Sequence[ConversationView]) -> Iterable[Line]:
    """Show conversations, one a line: the title, when the newest message came, and what there is to know."""
    times = ("" if view.last_message is None else moment(view.last_message.sent_at) for view in views)
    rows = columns([[visible(view.title), when, ""] for view, when in zip(views, times, strict=True)])
    for view, (title, when, _) in zip(views, rows, strict=True):
        words = ", ".join(_conversation_words(view))
        line: Line = [Span(title, Style.STRONG), "  ", Span(when, Style.FAINT)]
        yield [*line, "  ", words] if words else line if when.strip() else line[:1]


def _conversation_words(view: ConversationView) -> list[str]:
    words = [f"{view.unread} unread"] if view.unread else []
    if view.muted:
        words.append("muted" if view.muted_until is None else f"muted until {moment(view.muted_until)}")
    words += ["mentions you"] if view.mentions else []
    words += [f"messages expire {duration(view.expire_after)} after they are read"] if view.expire_after else []
    words += ["archived"] if view.archived else []
    words += [f"draft: {fit(visible(text_lines(view.draft)[0]), QUOTE)}"] if view.draft else []
    return words


def contact_words(contact: ContactView) -> list[str]:
    """Say everything about a contact that its name does not."""
    words = ["blocked"] if contact.blocked else [_CONTACT_WORDS[contact.state]]
    if contact.reason == "restored" and not contact.blocked:
        # They had said yes before: there is no approval to wait for.
        words = [_RESTORED_WORDS]
    elif contact.reason and not contact.blocked:
        words = [f"{words[0]}: {CONTACT_REASONS.get(contact.reason, contact.reason)}"]
    if contact.state is ContactState.ACTIVE and not contact.blocked:
        words.append("verified" if contact.verified else "not verified")
        words.append("reachable" if contact.reachable else "not reachable now")
    if contact.unread:
        words.append(f"{contact.unread} unread")
    if contact.alarm is not None and contact.alarm.is_serious:
        words.append(f"{SUSPICION}: `balchat info`")
    return words


def contact_lines(contacts: Sequence[ContactView]) -> Iterable[Line]:
    """Show contacts, one a line."""
    rows = columns([[visible(contact.name), ""] for contact in contacts])
    for contact, (name, _) in zip(contacts, rows, strict=True):
        yield [Span(name, Style.STRONG), "  ", ", ".join(contact_words(contact))]


def renewal_words(contact: ContactView) -> str:
    """Say when the keys with a contact were renewed, and by whom."""
    by = [(contact.renewed_by_us, YOU), (contact.renewed_by_them, called(contact.name))]
    times = [f"{moment(at)} by {who}" for at, who in by if at is not None]
    return f"renewed {', '.join(times)}" if times else "those of the first contact"


def contact_info_lines(known: ContactInfoView) -> Iterable[Line]:
    """Show all that is known of a contact."""
    contact = known.contact
    yield labelled("name", Span(visible(contact.name), Style.STRONG))
    yield labelled("address", contact.onion)
    yield labelled("state", ", ".join(contact_words(replace(contact, alarm=None))))
    for device in known.devices:
        yield labelled("device", device)
    for number, route in enumerate(known.routes):
        yield labelled("reached" if number == 0 else "", *_route(route))
    if contact.state is ContactState.ACTIVE:
        yield labelled("keys", visible(renewal_words(contact)))
    for alarm in known.alarms:
        style = Style.BAD if alarm.kind.is_serious else Style.WARN
        when = moment(alarm.last_at) if alarm.times == 1 else f"{alarm.times} times, last {moment(alarm.last_at)}"
        yield labelled("alarm", Span(visible(alarm_words(alarm.kind, contact.name)), style), f" ({when})")
    for line in advice(known):
        yield [" " * LABEL, visible(line)]


def _route(route: RouteView) -> Iterable[str]:
    yield way_words(WayView(transport=route.transport, direct=route.direct, relay=route.onion))
    if route.direct and route.onion is not None:
        yield f", {route.onion}"
    if route.until is not None:
        yield f", until {moment(route.until)}"


def request_lines(requests: Sequence[RequestView]) -> Iterable[Line]:
    """Show contact requests, with what they say below each."""
    for request in requests:
        when = moment(request.received_at)
        yield [Span(request.name or "(no name)", Style.STRONG), f"  {when}  ", Span(request.onion, Style.FAINT)]
        for line in text_lines(request.introduction) if request.introduction else []:
            yield ["    ", line]
