"""How the contracts' values look to a person. JSON does not come through here."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from balchat_host.api.errors import NotRunning
from balchat_host.api.frontend import MYSELF
from balchat_host.api.markdown import as_typed, plain
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import text_lines, visible, visible_lines
from balchat_host.api.types import Phase, ServiceState
from balchat_host.api.views import (
    ChangeKind,
    ChangeView,
    ContactInfoView,
    ContactState,
    ContactView,
    ConversationView,
    MessageInfoView,
    MessageState,
    MessageView,
    ReactionView,
    ReceiptView,
    RelayView,
    ReplyView,
    RequestView,
    ServiceStatus,
    TimerView,
    VersionView,
    WayView,
)
from balchat_ui_cli.account_status import AccountStatus
from balchat_ui_cli.alarms import SUSPICION, SUSPICIOUS, advice, alarm_words
from balchat_ui_cli.file_words import files_lines
from balchat_ui_cli.output import Line
from balchat_ui_cli.rows import markdown_rows, wrap_spans
from balchat_ui_cli.text import clock, columns, counted, day, duration, fit, moment, short_ids, width, wrap

IDENTITY_ADDRESS = "chat code"
"""How people call the address in their chat code, published or not."""
DEVICE_ADDRESS = "address"
"""How they call the address that their contacts use."""
ADDRESSES = (IDENTITY_ADDRESS, DEVICE_ADDRESS)

_YOU = "you"
"""Who wrote our own messages."""
_BAR = 20
"""Cells of a full progress bar."""
_QUOTE = 60
"""Cells of the longest quotation of the message that is answered."""
_MIN_TEXT = 20
"""Cells that a message's text gets, however narrow the terminal."""
_INDENT_BELOW = 8
"""Before a text that stands below its head: deeper than where times begin, so that no text is taken for a head."""
_LABEL = 12
"""Cells of the first column of a status."""

_CONTACT_WORDS = {
    ContactState.ADDING: "not reached yet",
    ContactState.REQUESTED: "asked: the request waits for their approval",
    ContactState.ACTIVE: "active",
}
_CONTACT_REASONS = {
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
_WORKS_AS = {
    "direct-only": ": no enabled transport keeps messages for people who are away",
    "relay-only": ": no enabled transport reaches people themselves",
}
_CHANGES = {
    ChangeKind.EDIT: "edited",
    ChangeKind.DELETE: "deleted",
    ChangeKind.REACT: "reacted",
    ChangeKind.TAKE_BACK: "taken back",
}
"""What `info` calls what we did with a message."""
DISK = "disk"
"""How people call what the vault lies on."""
_RESTORED_WORDS = "asked again after a restore: what you write waits until they have answered"
_MESSAGE_STYLES = {
    MessageState.DELIVERED: Style.GOOD,
    MessageState.READ: Style.GOOD,
    MessageState.FAILED: Style.BAD,
}
_REASONS = {
    "relay-full": "their relay is full",
    "queue-full": "too much waits for them at their relay",
    "denied": "their relay does not know their queue",
    "relay-misbehaved": "their relay cannot be trusted now",
    "too-many-requests": "their relay has too much to do",
    "too-many-connections": "their relay has too many connections",
    "draining": "their relay is being shut down",
    "storage-full": "their disk is full",
}
"""What is said of the codes that transports give."""
_PHASE_STYLES = {Phase.ONLINE: Style.GOOD, Phase.DEGRADED: Style.WARN, Phase.STARTING: Style.PLAIN}


# -- states


def service(state: ServiceState, *, bar: bool = False) -> list[Span]:
    """Show a state, while it starts with a bar if wanted."""
    style = _PHASE_STYLES.get(state.phase, Style.FAINT)
    reason = f"  {state.reason}" if state.reason else ""
    remark = Style.WARN if state.phase is Phase.ONLINE else Style.FAINT
    if bar and state.phase is Phase.STARTING and state.percent is not None:
        full = _BAR * min(state.percent, 100) // 100
        return [Span("█" * full + "░" * (_BAR - full), Style.OTHER), Span(f" {state.percent:3} %{reason}")]
    percent = "" if state.percent is None else f" {state.percent} %"
    return [Span(f"{state.phase}{percent}", style), Span(reason, remark)]


def services(status: ServiceStatus) -> Mapping[str, ServiceState]:
    """Name everything that has a state, as people call it; two that would be called the same, in full."""
    named = {_spoken(name, "network_"): state for name, state in status.network.items()}
    named[DEVICE_ADDRESS] = status.device_onion
    named[IDENTITY_ADDRESS] = status.identity_onion
    for name, state in status.transports.items():
        spoken = _spoken(name, "transport_")
        named[name if spoken in named else spoken] = state
    return named


def troubled(status: ServiceStatus) -> Mapping[str, ServiceState]:
    """Name what else does not work: the disk, and the plugins beside network and transports."""
    others = {DISK: status.storage, **status.plugins}
    return {name: state for name, state in others.items() if state.phase is not Phase.ONLINE}


def remarkable(status: ServiceStatus) -> Mapping[str, ServiceState]:
    """Name what works, and still has something to say of itself: a network that hides nothing, for example."""
    return {name: state for name, state in services(status).items() if state.phase is Phase.ONLINE and state.reason}


def _spoken(plugin: str, prefix: str) -> str:
    return plugin.removeprefix(prefix).replace("_", " ")


def status_lines(status: AccountStatus, *, bars: bool = False) -> Iterable[Line]:
    """Show the state of everything."""
    yield _labelled("profile", status.profile)
    yield _labelled("vault", status.vault)
    yield from service_lines(status, bars=bars)
    yield _labelled("policy", *_policy(status))
    yield from people_lines(status)
    for contact, line in zip(status.contacts, contact_lines(status.contacts), strict=True):
        yield [" " * (_LABEL + 2), *line]
        if (contact.renewed_by_us or contact.renewed_by_them) and not contact.blocked:
            yield [" " * (_LABEL + 4), Span(f"keys {visible(renewal_words(contact))}", Style.FAINT)]
    if status.requests:
        waits = "1 waits" if status.requests == 1 else f"{status.requests} wait"
        yield _labelled("requests", Span(f"{waits} for you: `balchat requests list`", Style.WARN))
    yield outbox_line(status)
    if not status.running:
        yield [str(NotRunning())]


def _policy(status: ServiceStatus) -> list[Span | str]:
    if status.works_as == status.policy:
        return [status.policy]
    why = _WORKS_AS.get(status.works_as, "")
    return [status.policy, Span(f"  works as {status.works_as}{why}", Style.FAINT)]


def service_lines(status: ServiceStatus, *, bars: bool) -> Iterable[Line]:
    """Show the states of network, address and transports, and of other plugins that do not work."""
    for name, state in {**services(status), **troubled(status)}.items():
        yield _labelled(name, *service(state, bar=bars))


def people_lines(status: AccountStatus) -> Iterable[Line]:
    """Say how many contacts there are, and whom of them we reach."""
    if not status.contacts:
        yield _labelled("contacts", Span("none yet: `balchat code` is what others need of you", Style.FAINT))
        return
    reachable = sum(contact.reachable for contact in status.contacts)
    yield _labelled("contacts", f"{reachable} of {len(status.contacts)} reachable")


def outbox_line(status: ServiceStatus) -> Line:
    """Say what waits to be sent."""
    outbox = status.outbox
    at_relays = f", {outbox.relayed} at relays" if outbox.relayed else ""
    if not outbox.waiting and not outbox.in_flight:
        return _labelled("outbox", Span(f"empty{at_relays}", Style.FAINT))
    since = "" if outbox.oldest is None else f" since {day(outbox.oldest)} {clock(outbox.oldest)}"
    on_its_way = f", {outbox.in_flight} on the way" if outbox.in_flight else ""
    return _labelled("outbox", f"{outbox.waiting} waiting{since}{on_its_way}{at_relays}")


def _labelled(label: str, *value: Span | str) -> Line:
    return [Span(f"{label:<{_LABEL - 1}} ", Style.FAINT), *value]


# -- people


def conversation_words(view: ConversationView) -> list[str]:
    """Say everything about a conversation that its title does not."""
    words = ["only you"] if view.contact is None else contact_words(view.contact)
    if view.expire_after is None:
        return words
    by = _YOU if view.timer_by == MYSELF else called(view.timer_by or "")
    return [*words, f"expires after {duration(view.expire_after)}, set by {by}"]


def timer_words(message: MessageView, timer: TimerView) -> str:
    """Say what the timer of a conversation was set to, and by whom."""
    by = visible(author(message))
    if timer.expire_after is None:
        return f"Messages do not expire from now on; set by {by}."
    return f"Messages expire {duration(timer.expire_after)} after they are read from now on; set by {by}."


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
    words += [f"draft: {fit(visible(text_lines(view.draft)[0]), _QUOTE)}"] if view.draft else []
    return words


def contact_words(contact: ContactView) -> list[str]:
    """Say everything about a contact that its name does not."""
    words = ["blocked"] if contact.blocked else [_CONTACT_WORDS[contact.state]]
    if contact.reason == "restored" and not contact.blocked:
        # They had said yes before: there is no approval to wait for.
        words = [_RESTORED_WORDS]
    elif contact.reason and not contact.blocked:
        words = [f"{words[0]}: {_CONTACT_REASONS.get(contact.reason, contact.reason)}"]
    if contact.state is ContactState.ACTIVE and not contact.blocked:
        words.append("verified" if contact.verified else "not verified")
        words.append("reachable" if contact.reachable else "not reachable now")
    if contact.unread:
        words.append(f"{contact.unread} unread")
    if contact.alarm in SUSPICIOUS:
        words.append(f"{SUSPICION}: `balchat info`")
    return words


def contact_lines(contacts: Sequence[ContactView]) -> Iterable[Line]:
    """Show contacts, one a line."""
    rows = columns([[visible(contact.name), ""] for contact in contacts])
    for contact, (name, _) in zip(contacts, rows, strict=True):
        yield [Span(name, Style.STRONG), "  ", ", ".join(contact_words(contact))]


def renewal_words(contact: ContactView) -> str:
    """Say when the keys with a contact were renewed, and by whom."""
    by = [(contact.renewed_by_us, _YOU), (contact.renewed_by_them, called(contact.name))]
    times = [f"{moment(at)} by {who}" for at, who in by if at is not None]
    return f"renewed {', '.join(times)}" if times else "those of the first contact"


def contact_info_lines(known: ContactInfoView) -> Iterable[Line]:
    """Show all that is known of a contact."""
    contact = known.contact
    yield _labelled("name", Span(visible(contact.name), Style.STRONG))
    yield _labelled("address", contact.onion)
    yield _labelled("state", ", ".join(contact_words(replace(contact, alarm=None))))
    for device in known.devices:
        yield _labelled("device", device)
    if contact.state is ContactState.ACTIVE:
        yield _labelled("keys", visible(renewal_words(contact)))
    for alarm in known.alarms:
        style = Style.BAD if alarm.kind in SUSPICIOUS else Style.WARN
        when = moment(alarm.last_at) if alarm.times == 1 else f"{alarm.times} times, last {moment(alarm.last_at)}"
        yield _labelled("alarm", Span(visible(alarm_words(alarm.kind, contact.name)), style), f" ({when})")
    for line in advice(known):
        yield [" " * _LABEL, visible(line)]


def request_lines(requests: Sequence[RequestView]) -> Iterable[Line]:
    """Show contact requests, with what they say below each."""
    for request in requests:
        when = f"{day(request.received_at)} {clock(request.received_at)}"
        yield [Span(request.name or "(no name)", Style.STRONG), f"  {when}  ", Span(request.onion, Style.FAINT)]
        for line in text_lines(request.introduction) if request.introduction else []:
            yield ["    ", line]


# -- relays


def relay_lines(relays: Sequence[RelayView]) -> Iterable[Line]:
    """Show relays: address and which is the default; below, how each is and what lies there."""
    for relay in relays:
        facts = [counted(relay.queues, "queue")]
        if relay.round_trip is not None:
            facts.append(f"{relay.round_trip} ms")
        if relay.answered_at is not None:
            facts.append(f"answered {day(relay.answered_at)} {clock(relay.answered_at)}")
        default = [Span("  default", Style.STRONG)] if relay.default else []
        yield [relay.onion, *default]
        yield ["    ", *service(relay.state), Span(f"  {', '.join(facts)}", Style.FAINT)]


# -- messages


def quotation(message: MessageView) -> str:
    """Return one line of a message that is answered: who wrote it, and how it begins."""
    first = text_lines(message.text)[0] if message.text else f"[{message.content_type}]"
    return fit(visible(f"{author(message)}: {first}"), _QUOTE)


def author(message: MessageView) -> str:
    """Name who wrote a message."""
    return _YOU if message.author is None else called(message.author)


def called(name: str) -> str:
    """Return a contact's name as it stands before what they wrote. Quotes tell whoever is called "you" from us."""
    return f"“{name}”" if unicodedata.normalize("NFKC", name).casefold() == _YOU else name


class MessageList:
    """Lays out messages of one conversation, so that short ids and columns fit the ones in sight.

    `cells` is the terminal's width, or None where lines may have any length. `name` is the longest name that an author
    besides us has, empty where there is none. `known` finds what is answered. `styled`: markdown has styles, in place
    of its marks.
    """

    def __init__(self, cells: int | None, name: str, *, styled: bool) -> None:
        self.cells = cells
        self._styled = styled
        self._author_width = max(3, width(visible(called(name))))
        self._day = ""

    def lines(self, messages: Sequence[MessageView], known: Mapping[str, MessageView]) -> Iterable[Line]:
        """Show messages, with the date above the first of each day."""
        ids = short_ids([*known, *(message.id for message in messages)])
        for date, group in groupby(messages, lambda message: day(message.sent_at)):
            if date != self._day:
                self._day = date
                yield [Span(date, Style.FAINT)]
            for message in group:
                yield from self.message(message, ids[message.id])

    def message(self, message: MessageView, short_id: str) -> Iterable[Line]:
        """Show one message: what is missing before it; time, id, author, text, and its state if it is ours."""
        if message.missing_before:
            # Where times stand, and no text can: whoever writes one cannot write this.
            yield ["  ", missing_span(message)]
        name = visible(author(message))
        style = Style.STRONG if message.author is None else Style.OTHER
        head: list[Span | str] = [f"  {clock(message.sent_at)}  ", Span(f"{short_id}  ", Style.FAINT)]
        # Where the author stands: nobody is called so, and no text begins there.
        by = "──" if message.timer else name
        head.append(Span(by + " " * (self._author_width - width(by)) + "  ", style))
        indent = sum(width(piece if isinstance(piece, str) else piece.text) for piece in head)
        below = self.cells is not None and self.cells - indent - 1 < _MIN_TEXT
        if below:  # a narrow terminal, or a long name
            indent = _INDENT_BELOW
        room = None if self.cells is None else max(_MIN_TEXT, self.cells - indent - 1)
        body = self._body(message, room)
        if message.state is not MessageState.RECEIVED:
            _add_state(body, message, room)
        yield head if below else [*head, *body.pop(0)]
        # The indent shows that what follows belongs to the same message, whatever it looks like.
        yield from ([" " * indent, *row] for row in body)

    def _body(self, message: MessageView, room: int | None) -> list[list[Span]]:
        rows: list[list[Span]] = []
        if message.in_reply_to is not None:
            quote = message.in_reply_to[:8] if message.reply is None else reply_words(message.reply)
            rows.append([Span(fit(f"↳ {quote}", room or _QUOTE), Style.FAINT)])
        if message.timer:
            words = timer_words(message, message.timer)
            return [[Span(row, Style.FAINT)] for row in (wrap(words, room) if room else [words])]
        if message.deleted:
            return [*rows, [Span("[deleted]", Style.FAINT)]]
        if message.text is None and not message.files:
            rows.append([Span(f"[{message.content_type}: this version cannot show it]", Style.FAINT)])
        if message.text is not None:
            rows += self._text(message.content_type, message.text, room)
        for words in files_lines(message):
            rows += ([Span(row, Style.FAINT)] for row in (wrap(words, room) if room else [words]))
        if remarks := message_remarks(message):
            rows += ([Span(row, Style.FAINT)] for row in (wrap(remarks, room) if room else [remarks]))
        return rows

    def _text(self, content_type: str, text: str, room: int | None) -> Iterator[list[Span]]:
        if self._styled and is_markdown(content_type) and as_typed(text)[1]:
            yield from markdown_rows(text, room)
            return
        for line in visible_lines(shown_text(content_type, text)):
            yield from wrap_spans([Span(line)], room) if room else [[Span(line)]]


def shown_text(content_type: str, text: str) -> str:
    """Return a text as it is shown: markdown without its links and escapes."""
    return plain(text) if is_markdown(content_type) else text


def message_as_typed(message: MessageView) -> tuple[str, bool]:
    """Return the text of a message as a person would type it, and whether it is markdown."""
    text = message.text or ""
    return as_typed(text) if is_markdown(message.content_type) else (text, False)


def is_markdown(content_type: str) -> bool:
    """Say whether a text of a content type is markdown."""
    return content_type.lower().startswith("text/markdown")


def reply_words(reply: ReplyView) -> str:
    """Return one line of what a message answers: who wrote it, how it begins, and what became of it."""
    name = _YOU if reply.author is None else called(reply.author)
    first = (
        next(iter(text_lines(shown_text(reply.content_type, reply.text))), "")
        if reply.text
        else f"[{reply.content_type}]"
    )
    became = ", edited since" if reply.edited else ""
    return visible(f"{name}: {'[deleted]' if reply.deleted else first}{became}")


def message_remarks(message: MessageView) -> str:
    """Say in a line what belongs to a message besides its text: reactions, that it was edited, and when it expires."""
    remarks = [visible(f"{each.emoji} {each.count}{_not_there_yet(each)}") for each in message.reactions]
    if message.edited:
        remarks.append("edited")
    if message.mentions_us:
        remarks.append("mentions you")
    if message.expires_at is not None:
        remarks.append(f"expires {moment(message.expires_at)}")
    elif message.expires_after is not None:
        remarks.append(f"expires {duration(message.expires_after)} after it is read")
    return " · ".join(remarks)


def _not_there_yet(reaction: ReactionView) -> str:
    """Say how far a reaction of ours is, while the others do not have it."""
    return "" if reaction.state in {None, MessageState.DELIVERED} else f" ({reaction.state})"


def info_lines(known: MessageInfoView) -> Iterable[Line]:
    """Show all that is known of a message."""
    message = known.message
    yield _labelled("id", message.id)
    yield _labelled("written by", visible(author(message)))
    yield _labelled("written", moment(message.sent_at))
    if message.state is not MessageState.RECEIVED:
        yield _labelled("state", state_words(message))
    if known.received_at is not None:
        way = f", {way_words(known.way)}" if known.way else ""
        yield _labelled("came", f"{moment(known.received_at)}{way}")
    if message.deleted:
        yield _labelled("text", "deleted")
    if remarks := message_remarks(message):
        yield _labelled("besides", remarks)
    for receipt in known.receipts:
        yield _labelled("who has it", receipt_words(receipt))
    for reaction in known.reactions:
        name = _YOU if reaction.name is None else called(reaction.name)
        since = ", edited since" if reaction.edited else ""
        yield _labelled("reaction", f"{visible(name)}: {visible(reaction.emoji)}, {moment(reaction.sent_at)}{since}")
    for change in known.changes:
        yield _labelled(_CHANGES[change.kind], change_words(change))
    yield from version_lines(known.versions)


def receipt_words(receipt: ReceiptView) -> str:
    """Say how far something of ours has come with a person, since when, and by which way."""
    reason = f": {reason_words(receipt.reason)}" if receipt.reason else ""
    way = f", {way_words(receipt.way)}" if receipt.way else ""
    return visible(f"{receipt.name}: {receipt.state}, {moment(receipt.at)}{way}{reason}")


def change_words(change: ChangeView) -> str:
    """Say what we did with a message, and how far that has come."""
    what = f"{visible(change.emoji)}, " if change.emoji else ""
    reached = "; ".join(receipt_words(receipt) for receipt in change.receipts)
    return f"{what}{moment(change.made_at)}{'; ' if reached else ''}{reached}"


def way_words(way: WayView) -> str:
    """Say by which way something came or went."""
    if way.direct:
        return f"directly ({_spoken(way.transport, 'transport_')})"
    return f"by the relay {way.relay}" if way.relay else f"by a relay ({_spoken(way.transport, 'transport_')})"


def version_lines(versions: Sequence[VersionView]) -> Iterable[Line]:
    """Show versions of a message."""
    for number, version in enumerate(versions, start=1):
        text = f"[{version.content_type}]" if version.text is None else version.text
        yield _labelled(f"version {number}", moment(version.sent_at))
        yield from ([" " * (_LABEL + 2), line] for line in visible_lines(text))


def missing_span(message: MessageView) -> Span:
    """Say that what was written before a message is not here. It stands on a line of its own, before the message."""
    before = counted(message.missing_before, "message")
    has = "has" if message.missing_before == 1 else "have"
    return Span(f"{before} before this one {has} not arrived", Style.WARN)


def _add_state(body: list[list[Span]], message: MessageView, room: int | None) -> None:
    """Put the state at the right edge of the last row, or of a new one where it does not fit."""
    words = state_words(message)
    used = sum(width(span.text) for span in body[-1])
    if room is None:
        free = 2
    elif (free := room - used - width(words)) < 2:  # noqa: PLR2004  # a gap of two cells, as between columns
        words = fit(words, room)
        free = room - width(words)
        body.append([])
    body[-1] += [Span(" " * free), Span(words, state_style(message.state))]


def state_words(message: MessageView) -> str:
    """Name a message's state, with the reason why it is no better. That of an edit or a deletion says that it is."""
    words = str(message.state)
    if message.state not in {MessageState.DELIVERED, MessageState.READ, MessageState.RECEIVED}:
        words = f"{'deletion ' if message.deleted else 'edit ' if message.edited else ''}{words}"
    return visible(f"{words}: {reason_words(message.reason)}" if message.reason else words)


def reason_words(reason: str) -> str:
    """Say in words why a message is no further, where there are words for it."""
    return _REASONS.get(reason, reason)


def state_style(state: MessageState) -> Style:
    """Return the style of a message's state."""
    return _MESSAGE_STYLES.get(state, Style.FAINT)


def sent_line(message: MessageView) -> Line:
    """Say what has become of a message that was just written."""
    return [Span(f"{message.id[:8]} ", Style.FAINT), Span(state_words(message), state_style(message.state))]
