"""What stands inside an MLS application message: draft-ietf-mimi-content-08 and draft-mahy-mimi-message-status-01.

The law, with what we take of the drafts and what we add, is docs/spec/content.md.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent

TEXT: Final = "text/plain;charset=utf-8"
STATUS: Final = "application/mimi-message-status"
ACCEPTED: Final = "application/vnd.balchat.contact-accepted"
ROUTES: Final = "application/vnd.balchat.routes"

MESSAGE_ID_SIZE: Final = 32
SALT_SIZE: Final = 16
MAX_STATUSES: Final = 512
"""How many messages one status report may speak of."""
MAX_ITEMS: Final = 4096
"""How many CBOR items a content message may hold: what reading it costs goes by them."""
MAX_DEPTH: Final = 8
"""How deep its arrays and maps may nest."""

_SHA256: Final = b"\x01"
_SENT_AT: Final = "balchat.sent-at"
_SEQUENCE: Final = "balchat.sequence"
_MAX_SERIES: Final = 16
_STATUS_ITEMS: Final = 3
"""CBOR items of one status: an array of two."""
_MAX_CONTENT_TYPE: Final = 255
_MAX_DISPOSITION: Final = 255
_NULL_PART, _SINGLE_PART, _EXTERNAL_PART, _MULTI_PART = range(4)


class Disposition(IntEnum):
    """What a part is for (section 4.3 of the draft); others are kept as numbers."""

    UNSPECIFIED = 0
    RENDER = 1
    REACTION = 2
    PROFILE = 3
    INLINE = 4
    ICON = 5
    ATTACHMENT = 6
    SESSION = 7
    PREVIEW = 8


class MessageStatus(IntEnum):
    """The states of the message-status draft, section 3."""

    UNREAD = 0
    DELIVERED = 1
    READ = 2
    EXPIRED = 3
    DELETED = 4
    HIDDEN = 5
    ERROR = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Which of its author's messages one is: `number` counts from 1 within a `series`, at most 16 octets."""

    series: bytes
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MimiContent:
    """A MIMI content message, as far as we look into it.

    `sent_at` is the author's clock in Unix milliseconds, and `sequence` its count: our extensions. The draft takes time
    and order from a hub, and we have none. `content_type` is None for a null part. A part that is not single has no
    `body` here, and is shown by its `content_type` alone: `multipart/mixed` or `message/external-body`.
    """

    salt: bytes
    content_type: str | None
    body: bytes
    sent_at: int
    sequence: Sequence | None = None
    disposition: int = Disposition.RENDER
    replaces: bytes | None = None
    in_reply_to: bytes | None = None

    def encode(self) -> bytes:
        """Give the deterministic CBOR (section 3 of the draft)."""
        part: list[object] = [int(self.disposition), ""]
        part += [_NULL_PART] if self.content_type is None else [_SINGLE_PART, self.content_type, self.body]
        extensions: dict[str, object] = {_SENT_AT: self.sent_at}
        if self.sequence is not None:
            extensions[_SEQUENCE] = [self.sequence.series, self.sequence.number]
        return cbor.encode([self.salt, self.replaces, b"", None, self.in_reply_to, extensions, part])

    @classmethod
    def decode(cls, octets: bytes) -> "MimiContent":
        """Read a content message. Raises MalformedContent."""
        try:
            item = cbor.decode(octets, max_items=MAX_ITEMS, max_depth=MAX_DEPTH, maps=True)
        except ValueError as error:
            raise MalformedContent(problem=str(error)) from error
        match item:
            case [
                bytes(salt),
                (bytes() | None) as replaces,
                bytes(),
                expires,
                (bytes() | None) as in_reply_to,
                extensions,
                [int(disposition), str(), *part],
            ] if len(salt) == SALT_SIZE and isinstance(extensions, dict) and _is_disposition(disposition):
                pass
            case _:
                raise MalformedContent(problem="it is no mimiContent")
        _check_expires(expires)
        for reference in (replaces, in_reply_to):
            if reference is not None and len(reference) != MESSAGE_ID_SIZE:
                raise MalformedContent(problem="a message id has the wrong size")
        content_type, body = _part(cast("list[object]", part))
        return cls(
            salt=salt,
            content_type=content_type,
            body=body,
            sent_at=_sent_at(cast("dict[Any, object]", extensions)),
            sequence=_sequence(cast("dict[Any, object]", extensions)),
            disposition=disposition,
            replaces=replaces,
            in_reply_to=in_reply_to,
        )

    @property
    def text(self) -> str | None:
        """The text to show, or None where this is not text.

        Raises MalformedContent where it claims to be text and is none.
        """
        if self.content_type is None or not self.content_type.lower().startswith(("text/plain", "text/markdown")):
            return None
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise MalformedContent(problem="a text is not UTF-8") from error


def message_id(*, sender_uri: str, room_uri: str, content: bytes, salt: bytes) -> bytes:
    """Derive a message's id (section 3.1 of the draft): 32 octets, the first of which names SHA-256."""
    sender, room = sender_uri.encode(), room_uri.encode()
    hashed = hashlib.sha256(
        len(sender).to_bytes(2) + sender + len(room).to_bytes(2) + room + content + salt,
    )
    return _SHA256 + hashed.digest()[:31]


def encode_status(statuses: list[tuple[bytes, MessageStatus]]) -> bytes:
    """Give a MessageStatusReport."""
    return cbor.encode([[identifier, int(status)] for identifier, status in statuses])


def decode_status(octets: bytes) -> list[tuple[bytes, int]]:
    """Read a MessageStatusReport; unknown states are kept as numbers. Raises MalformedContent."""
    try:
        report = cbor.decode(octets, max_items=1 + MAX_STATUSES * _STATUS_ITEMS, max_depth=2)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    if not isinstance(report, list) or len(cast("list[object]", report)) > MAX_STATUSES:
        raise MalformedContent(problem=f"it is no report on at most {MAX_STATUSES} messages")
    statuses: list[tuple[bytes, int]] = []
    for entry in cast("list[object]", report):
        match entry:
            case [bytes(identifier), int(status)] if len(identifier) == MESSAGE_ID_SIZE:
                statuses.append((identifier, status))
            case _:
                raise MalformedContent(problem="a status has the wrong shape")
    return statuses


def _part(part: list[object]) -> tuple[str | None, bytes]:
    match part:
        case [0]:
            return None, b""
        case [1, str(content_type), bytes(body)] if 0 < len(content_type) <= _MAX_CONTENT_TYPE:
            return content_type, body
        case [2, str(content_type), str(), *rest] if len(rest) == 10:  # noqa: PLR2004  # the fields of an ExternalPart
            return "message/external-body", b""
        case [3, 0 | 1 | 2, parts] if isinstance(parts, list) and len(cast("list[object]", parts)) > 1:
            return "multipart/mixed", b""
        case _:
            raise MalformedContent(problem="a part has the wrong shape")


def _is_disposition(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number <= _MAX_DISPOSITION


def _check_expires(expires: object) -> None:
    match expires:
        case None:
            return
        case [bool(), int(time)] if 0 <= time < 2**32:
            return
        case _:
            raise MalformedContent(problem="the expiration has the wrong shape")


def _sequence(extensions: dict[Any, object]) -> Sequence | None:
    match extensions.get(_SEQUENCE):
        case None:
            return None
        case [bytes(series), int(number)] if (
            len(series) <= _MAX_SERIES and not isinstance(number, bool) and 1 <= number < 2**53
        ):
            return Sequence(series=series, number=number)
        case _:
            raise MalformedContent(problem="the sequence has the wrong shape")


def _sent_at(extensions: dict[Any, object]) -> int:
    sent_at = extensions.get(_SENT_AT, 0)
    if not isinstance(sent_at, int) or isinstance(sent_at, bool) or not 0 <= sent_at < 2**53:
        raise MalformedContent(problem="the time of sending has the wrong shape")
    return sent_at
