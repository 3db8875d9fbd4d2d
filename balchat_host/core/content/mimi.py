"""A content message as a whole (draft-ietf-mimi-content-08): what it refers to, when it expires, and its body."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.core.content import parts
from balchat_host.core.content.parts import NestedPart, NullPart, SinglePart

MESSAGE_ID_SIZE: Final = 32
SALT_SIZE: Final = 16
MAX_ITEMS: Final = 8192
"""How many CBOR items a content message may hold: what reading it costs goes by them."""
MAX_DEPTH: Final = 2 * parts.MAX_PART_DEPTH
"""How deep its arrays and maps may nest: parts take two for each level."""
MAX_TOPIC: Final = 4096
"""Octets of the longest topic id (the draft's General handling)."""

_SHA256: Final = b"\x01"
_SENT_AT: Final = "balchat.sent-at"
_SEQUENCE: Final = "balchat.sequence"
_MAX_SERIES: Final = 16
_MAX_NUMBER: Final = 2**53 - 1
_MAX_EXTENSION_DEPTH: Final = 4
_MAX_EXTENSION_KEY: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Which of its author's messages one is: `number` counts from 1 within a `series`, at most 16 octets."""

    series: bytes
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiration:
    """When a message is to be deleted: `time` is in Unix seconds or, if `relative`, in seconds after it was read."""

    relative: bool
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MimiContent:
    """A MIMI content message.

    `sent_at` is the author's clock in Unix milliseconds, and `sequence` its count: our extensions. The draft takes time
    and order from a hub, and we have none. `extensions` are all others, by key; `replaces` and `in_reply_to` are
    message ids.
    """

    salt: bytes
    part: NestedPart
    sent_at: int | None = None
    sequence: Sequence | None = None
    replaces: bytes | None = None
    topic: bytes = b""
    expires: Expiration | None = None
    in_reply_to: bytes | None = None
    extensions: dict[int | str, object] = field(default_factory=dict[int | str, object])

    @property
    def control_type(self) -> str | None:
        """The content type of a message that is one part, or None: what is said to a balchat is always one part."""
        return self.part.content_type if isinstance(self.part, SinglePart) else None

    @property
    def body(self) -> bytes:
        """The octets of a message that is one part."""
        return self.part.content if isinstance(self.part, SinglePart) else b""

    @property
    def deletes(self) -> bool:
        """Whether this takes back the message that it replaces."""
        return self.replaces is not None and isinstance(self.part, NullPart)

    def encode(self) -> bytes:
        """Return the deterministic CBOR (RFC 8949, section 4.2.1)."""
        extensions = dict(self.extensions)
        if self.sent_at is not None:
            extensions[_SENT_AT] = self.sent_at
        if self.sequence is not None:
            extensions[_SEQUENCE] = [self.sequence.series, self.sequence.number]
        expires = None if self.expires is None else [self.expires.relative, self.expires.time]
        return cbor.encode(
            [self.salt, self.replaces, self.topic, expires, self.in_reply_to, extensions, self.part.item()]
        )

    @classmethod
    def decode(cls, octets: bytes) -> "MimiContent":
        """Read a content message. Raise MalformedContent."""
        try:
            item = cbor.decode(octets, max_items=MAX_ITEMS, max_depth=MAX_DEPTH, maps=True)
        except ValueError as error:
            raise MalformedContent(problem=str(error)) from error
        match item:
            case [
                bytes(salt),
                (bytes() | None) as replaces,
                bytes(topic),
                expires,
                (bytes() | None) as in_reply_to,
                extensions,
                part,
            ] if len(salt) == SALT_SIZE and len(topic) <= MAX_TOPIC and isinstance(extensions, dict):
                pass
            case _:
                raise MalformedContent(problem="it is no mimiContent")
        for reference in (replaces, in_reply_to):
            if reference is not None and len(reference) != MESSAGE_ID_SIZE:
                raise MalformedContent(problem="a message id has the wrong size")
        others = _extensions(cast("dict[Any, object]", extensions))
        return cls(
            salt=salt,
            part=parts.decode(part),
            sent_at=_sent_at(others.pop(_SENT_AT, None)),
            sequence=_sequence(others.pop(_SEQUENCE, None)),
            replaces=replaces,
            topic=topic,
            expires=_expiration(expires),
            in_reply_to=in_reply_to,
            extensions=others,
        )


def message_id(*, sender_uri: str, room_uri: str, content: bytes, salt: bytes) -> bytes:
    """Derive a message's id (the draft's Message ID): 32 octets, the first of which names SHA-256."""
    sender, room = sender_uri.encode(), room_uri.encode()
    hashed = hashlib.sha256(
        len(sender).to_bytes(2) + sender + len(room).to_bytes(2) + room + content + salt,
    )
    return _SHA256 + hashed.digest()[:31]


def _extensions(extensions: dict[Any, object]) -> dict[int | str, object]:
    for key, value in extensions.items():
        if isinstance(key, bool) or (isinstance(key, int) and abs(key) > _MAX_NUMBER):
            raise MalformedContent(problem="an extension's number is too large")
        if isinstance(key, str) and not 0 < len(key.encode()) <= _MAX_EXTENSION_KEY:
            raise MalformedContent(problem=f"an extension's name has not 1 to {_MAX_EXTENSION_KEY} octets")
        if _depth(value) >= _MAX_EXTENSION_DEPTH:
            raise MalformedContent(problem=f"its extensions nest deeper than {_MAX_EXTENSION_DEPTH}")
    return dict(extensions)


def _depth(value: object) -> int:
    """Return how deep arrays and maps nest; `MAX_DEPTH` bounds it."""
    match value:
        case list():
            return 1 + max(map(_depth, cast("list[object]", value)), default=0)
        case dict():
            return 1 + max(map(_depth, cast("dict[object, object]", value).values()), default=0)
        case _:
            return 0


def _expiration(expires: object) -> Expiration | None:
    match expires:
        case None:
            return None
        case [bool(relative), int(time)] if not isinstance(time, bool) and 0 <= time < 2**32:
            return Expiration(relative=relative, time=time)
        case _:
            raise MalformedContent(problem="the expiration has the wrong shape")


def _sequence(sequence: object) -> Sequence | None:
    match sequence:
        case None:
            return None
        case [bytes(series), int(number)] if (
            len(series) <= _MAX_SERIES and not isinstance(number, bool) and 1 <= number <= _MAX_NUMBER
        ):
            return Sequence(series=series, number=number)
        case _:
            raise MalformedContent(problem="the sequence has the wrong shape")


def _sent_at(sent_at: object) -> int | None:
    if sent_at is None:
        return None
    if not isinstance(sent_at, int) or isinstance(sent_at, bool) or not 0 <= sent_at <= _MAX_NUMBER:
        raise MalformedContent(problem="the time of sending has the wrong shape")
    return sent_at
