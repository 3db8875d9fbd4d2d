"""What front ends see: plain values, as they also stand in `--json` output and on the local socket.

Ids are lower-case hexadecimal, times are Unix milliseconds. Nothing here is secret to the account's owner, and
nothing here lets a front end reach keys.
"""

from dataclasses import dataclass
from enum import StrEnum

from balchat_host.api.types import ONLINE, ServiceState


class MessageState(StrEnum):
    """How far a message has come. One that we wrote goes through the first five, in this order, or ends as failed."""

    QUEUED = "queued"
    SENT = "sent"
    RELAYED = "relayed"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    RECEIVED = "received"
    """Somebody else wrote it."""


class ContactState(StrEnum):
    """How far we are with a contact."""

    ADDING = "adding"
    """Not yet reached: our request has not left us."""
    REQUESTED = "requested"
    """The request is with them, or with a relay of theirs, and waits for their approval."""
    ACTIVE = "active"
    """We can write to each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionView:
    """One emoji that people answered a message with: how many of them, and whether we are one.

    `state` is how far ours has come to the others, None where we are none of them.
    """

    emoji: str
    count: int
    ours: bool
    state: MessageState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyView:
    """What a message answers: as its author saw it, and no more than its beginning.

    `author` is the contact's name, or None when we wrote it. `edited`: it has been edited since. `deleted`: its author
    has deleted it.
    """

    id: str
    author: str | None
    author_id: str
    content_type: str
    text: str | None
    edited: bool
    deleted: bool


class FileState(StrEnum):
    """How far a file is here."""

    WRITING = "writing"
    """A front end of ours is writing it; no message has it yet."""
    OFFERED = "offered"
    """Somebody else offers it, and nobody here has asked for it."""
    FETCHING = "fetching"
    """It is wanted: it comes whenever its sender is there."""
    PAUSED = "paused"
    """Our owner has stopped it for a while; what is here of it stays."""
    COMPLETE = "complete"
    """All of it is here, sealed."""
    GONE = "gone"
    """Nothing of it is here, and it cannot come: ours was removed, or its sender does not offer it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceView:
    """A voice message: its duration in milliseconds, and how loud it is: up to 64 numbers of 0 to 255, in its order."""

    duration: int
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """One file.

    `id` has 32 hexadecimal digits. `message` and `conversation` are of the message that has it, the newest of several;
    None before it is sent. `author` is who offers it, None for us. `name` is harmless in every folder; `content_type`
    is what its sender says, and may be wrong. `size` is in octets; so many of them are `here`. Of one of ours,
    `received_by` of the `recipients` have all of it. `reason` says why a state is no better: `no-room` (the disk has no
    room for it), `lost` (what was here is not any more), `not-offered` (its sender does not have it any more); while it
    is being fetched, or left at a relay, what keeps it from that now, as in `file.progress`.

    Of one of ours, `there` is how many octets have been confirmed by a recipient who has not got all of it yet, by the
    one who has most, and `at_relays` how many lie at relays for somebody now. `ways` are those by which parts have come
    lately: `direct`, `relay` or both.

    `preview`: there is a small picture of it (`Files.preview`). `width` and `height` are those of a picture in pixels,
    as its sender says. `voice` is what its sender says of a voice message. Of one of ours, `metadata_removed` says what
    was taken out of a picture before it was sealed: `location`, `device`, `time`, `text`, `thumbnail`, `color-profile`,
    `other`; and `may_hold_metadata` that nothing was, so that it may say more than it shows.
    """

    id: str
    message: str | None
    conversation: str | None
    author: str | None
    ours: bool
    name: str
    content_type: str
    size: int
    state: FileState
    here: int
    received_by: int = 0
    recipients: int = 0
    reason: str | None = None
    there: int = 0
    at_relays: int = 0
    ways: tuple[str, ...] = ()
    preview: bool = False
    width: int | None = None
    height: int | None = None
    voice: VoiceView | None = None
    metadata_removed: tuple[str, ...] = ()
    may_hold_metadata: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerView:
    """That somebody set a conversation's timer: what is written from then on expires so long after it is read.

    `expire_after` is in seconds, None where it does not expire.
    """

    expire_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One message of a conversation.

    `author` is the contact's name, or None when we wrote it. `text` is None where the content is of a type that is
    not shown as text; `content_type` says which. `reason` says why a state is no better. `missing_before` is how many
    messages its author wrote just before this one that have not arrived, or not yet. Of one that we wrote,
    `delivered_to` of the `recipients` have it. Where we have edited or deleted it, `state`, `reason` and `delivered_to`
    are of that: how far what is shown here has come.

    `edited`: this is not its first version. `deleted`: its author deleted it; it has no text any more. `reply` is what
    it answers, None where it answers nothing, or nothing that is here. It expires at `expires_at` (Unix milliseconds);
    where that is None, `expires_after` seconds after it is read, if that is not. Text of the type `text/markdown` has
    mentions in it as links to `balchat:` addresses, under our own names for the people. `mentions_us`: one is to us.
    `files` are those that came with it.

    Where there is a `timer`, it is no message, but says in its place that `author` set the conversation's timer. It is
    never unread.
    """

    id: str
    conversation: str
    author: str | None
    author_id: str
    sent_at: int
    content_type: str
    text: str | None
    in_reply_to: str | None
    state: MessageState
    reason: str | None = None
    delivered_to: int = 0
    recipients: int = 0
    missing_before: int = 0
    edited: bool = False
    deleted: bool = False
    reactions: tuple[ReactionView, ...] = ()
    reply: ReplyView | None = None
    expires_after: int | None = None
    expires_at: int | None = None
    mentions_us: bool = False
    timer: TimerView | None = None
    files: tuple[FileView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One version of a message, and when its author wrote it."""

    id: str
    sent_at: int
    content_type: str
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WayView:
    """By which way something came or went. `transport` is the name of the plugin that carried it.

    It went `direct`, or lay at a relay until it was fetched: `relay` is that one's onion address, as far as the
    transport says so.
    """

    transport: str
    direct: bool
    relay: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """How far something of ours has come with one person.

    `at` is since when; while it is queued, since when it waits. `way` is the one by which it went, or lies somewhere
    now, None while it is queued and where that is not known. `reason` says why it is no further.
    """

    name: str
    peer_id: str
    state: MessageState
    at: int
    reason: str | None = None
    way: WayView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReactionView:
    """What one person answered a message with. `name` is what we call them, or None for us.

    `edited`: they had seen an earlier version than the one that is shown.
    """

    name: str | None
    peer_id: str
    emoji: str
    sent_at: int
    edited: bool = False


class ChangeKind(StrEnum):
    """What we did with a message after it was written, and others hear of."""

    EDIT = "edit"
    DELETE = "delete"
    REACT = "react"
    TAKE_BACK = "take-back"
    """Of a reaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One change of ours to a message, when we made it, and how far it has come with each person.

    `emoji` is what a reaction is, None otherwise.
    """

    id: str
    kind: ChangeKind
    emoji: str | None
    made_at: int
    receipts: tuple[ReceiptView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageInfoView:
    """All that is known of a message.

    Its versions, the first one first; how far it has come with each person, where it is ours; who reacted with what;
    our own `changes`, the first one first. `received_at` and `way` are when and by which way one of others came here.
    """

    message: MessageView
    versions: tuple[VersionView, ...]
    receipts: tuple[ReceiptView, ...]
    reactions: tuple[PersonReactionView, ...]
    changes: tuple[ChangeView, ...] = ()
    received_at: int | None = None
    way: WayView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A message that a search found.

    `title` is that of its conversation. `excerpt` is a part of its text in one line: with the first word that was
    found, or the beginning where that word stands far behind in a long text.
    """

    message: MessageView
    title: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """What a search found, the newest first. `resume_before` is the message before which to go on, None at the end."""

    hits: list[SearchHit]
    resume_before: str | None


class AlarmKind(StrEnum):
    """What our owner should hear about a contact, the most serious first."""

    FOREIGN_ERA = "foreign-era"
    """Keys were renewed with the contact in our name, and not here. Somebody else may hold our keys."""
    FOREIGN_MESSAGE = "foreign-message"
    """The contact has something in our name that was not said here. Somebody else may hold our keys."""
    SET_UP_AGAIN = "set-up-again"
    """The conversation could not go on, and is set up again by itself."""

    @property
    def is_serious(self) -> bool:
        """Whether somebody else may hold our keys."""
        return self is not AlarmKind.SET_UP_AGAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """An alarm about a contact: when it came first and last (Unix milliseconds), and how often."""

    kind: AlarmKind
    first_at: int
    last_at: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """One contact. `verified`: its safety number was compared. `unread`: messages not yet marked as read.

    `reason` says what keeps us from going on with one that we are adding, as far as is known now: `no-key-package` (no
    relay that we may ask knows them), `relay-unreachable`, or the code of what is wrong with the KeyPackage that came
    from them or their relay (`unsupported-mls`, `crypto-rejected`, `bad-credential`, `malformed-envelope`, `internal`);
    or, of any contact, `sending-failed` (an unexpected failure stopped what we send to them; it is tried again).
    It is `restored` where the account went on from a backup, and the contact, who is asked again, has not answered yet.
    `alarm` is the most serious of the alarms about them that stand; `contacts.info` shows all.

    `renewed_by_us` and `renewed_by_them` say when the keys with them were last renewed, and who began it (Unix
    milliseconds, None: never yet). No event tells of that alone.
    """

    name: str
    peer_id: str
    onion: str
    conversation: str
    state: ContactState
    verified: bool
    blocked: bool
    unread: int
    reachable: bool = False
    reason: str | None = None
    alarm: AlarmKind | None = None
    renewed_by_us: int | None = None
    renewed_by_them: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """A way to a contact that is used now: one that a device of theirs named, or where they may be found without one.

    `transport` is the name of the plugin that it is for. It leads `direct` to the device, or to a relay, which keeps
    what comes until it is fetched. `onion` is the address of whichever it is, as far as the transport says so. `device`
    is whose it is, None where whichever device answers will do. It holds `until` then (Unix milliseconds), None where
    it does not end by itself.
    """

    transport: str
    direct: bool
    onion: str | None = None
    device: str | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactInfoView:
    """All that is known of a contact: also the ids of the devices that they use, and the alarms, the newest first.

    `routes` are the ways to them, the favourite first; there is none where the account does not run.
    """

    contact: ContactView
    devices: tuple[str, ...]
    alarms: tuple[AlarmView, ...]
    routes: tuple[RouteView, ...] = ()


class ConversationKind(StrEnum):
    """What a conversation is."""

    DIRECT = "direct"
    """With one contact."""
    GROUP = "group"
    """With several people."""
    SELF = "self"
    """With ourselves: notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationView:
    """One conversation.

    `contact` is whom it is with, None where it is not with one contact. `unread` is how many messages are not yet read,
    `first_unread` the id of the first of them. `last_message` is the newest one. `draft` is what was begun and not
    sent. `muted`: front ends do not call attention to it; `muted_until` says when that ends by itself (Unix
    milliseconds), None where it does not. `archived`: it is put away. `mentions` is how many of the unread messages
    mention us. What is written in it expires `expire_after` seconds after it is read, None where it does not;
    `timer_by` says who set that last: a contact's name, `MYSELF`, or None where nobody has. Files of others in it of up
    to `fetch_up_to` octets are fetched by themselves; None where it is as the configuration says.
    """

    id: str
    kind: ConversationKind
    title: str
    unread: int
    first_unread: str | None
    last_message: MessageView | None
    draft: str
    muted: bool
    muted_until: int | None
    archived: bool
    contact: ContactView | None
    mentions: int = 0
    expire_after: int | None = None
    timer_by: str | None = None
    fetch_up_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A contact request that waits for our approval. `name` and `introduction` are what the sender says of itself."""

    peer_id: str
    onion: str
    name: str
    introduction: str
    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeView:
    """Our own chat code: what to give to people so that they can ask us."""

    code: str
    peer_id: str
    onion: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayView:
    """One relay of ours.

    `state` says how it is, and why it is no better: full, slow, misbehaving, gone. `queues`: how many of ours are
    there. `round_trip` is what the last answer took, in milliseconds; `answered_at` when it came; None before
    the first.
    """

    onion: str
    default: bool
    state: ServiceState
    queues: int
    round_trip: int | None = None
    answered_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyNumberView:
    """Sixty digits, the same on both sides exactly when both hold each other's true key."""

    contact: str
    safety_number: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxView:
    """How much waits to be sent, and since when (Unix milliseconds, None when nothing waits).

    `relayed`: how much lies at relays, as far as we know, and has not been confirmed by whom it is for.
    """

    waiting: int
    in_flight: int
    oldest: int | None
    relayed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The honest state of everything. `network`, `transports` and `plugins` are by plugin name.

    `identity_onion` is the address in our chat code, where strangers ask for contact, and `device_onion` the one that
    our contacts use; each is `stopped` while nothing publishes it. `accepts_requests`: whether strangers may ask.
    `plugins` has every other enabled plugin that serves in the account's process, and those that are broken.
    `works_as` is the delivery policy that `policy` comes to with the transports in use: `both` works as `direct-only`
    where none of them stores and forwards. `storage` is the disk that the vault lies on: `online`, or `degraded` while
    it takes nothing more; what is there is safe, and goes on when there is room again.
    """

    vault: str
    profile: str
    running: bool
    network: dict[str, ServiceState]
    identity_onion: ServiceState
    device_onion: ServiceState
    transports: dict[str, ServiceState]
    plugins: dict[str, ServiceState]
    policy: str
    works_as: str
    requests: int
    outbox: OutboxView
    storage: ServiceState = ONLINE
    accepts_requests: bool = True
