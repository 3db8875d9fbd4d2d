"""What a contact can say of messages that are there, or that have not come: the worst of each kind.

`prepare` has the contact say much before. Then each candidate meets the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.core import contacts, content
from balchat_host.core.content import (
    Disposition,
    Expiration,
    MimiContent,
    MultiPart,
    NullPart,
    Semantics,
    SinglePart,
    timer_body,
)
from balchat_host.core.identifiers import identify
from balchat_host.core.messages.receive import receive_content
from balchat_host.core.messages.versions import MAX_REACTIONS, MAX_VERSIONS_SIZE, MAX_WAITING
from balchat_host.core.search import index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from balchat_host.api.types import DeviceIdentity
    from balchat_host.core.unit_of_work import UnitOfWork

SENT_AT: Final = 1_800_000_000_000
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789éß語字"
_EMOJIS: Final = "👍👎🎉🚀👀🔥💯🙏"


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What was said before, by its message ids; `awaited` is a message that has not come, and for which much waits."""

    long: bytes
    edited: bytes
    reacted: bytes
    unknown: bytes
    awaited: bytes


def prepare(unit: UnitOfWork, device: DeviceIdentity, rng: Random) -> There:
    """Have a contact say messages, versions of them and reactions; return which."""
    contact = contacts.by_peer(unit.tx, device.peer)
    assert contact is not None

    def named(octets: bytes) -> bytes:
        mimi = MimiContent.decode(octets)
        return identify(mimi, octets, author=device.peer, conversation_id=contact.conversation.conversation_id)

    def say(octets: bytes) -> bytes:
        receive_content(unit, contact, octets, device_id=device.device_id)
        return named(octets)

    long, edited, reacted = (say(said(part=text(words(rng)))) for _ in range(3))
    for number in range(MAX_VERSIONS_SIZE // MAX_TEXT_SIZE):
        say(said(part=text(words(rng)), replaces=edited, sent_at=SENT_AT + number))
    for number in range(MAX_REACTIONS):
        say(said(part=reaction(_EMOJIS[number % len(_EMOJIS)]), in_reply_to=reacted))
    awaited = said(part=text(words(rng)))
    for number in range(MAX_WAITING):
        say(said(part=text(words(rng)), replaces=named(awaited), sent_at=SENT_AT + number))
        say(said(part=reaction(*_EMOJIS), in_reply_to=named(awaited)))
    while index.advance(unit):
        pass
    return There(long=long, edited=edited, reacted=reacted, unknown=bytes(32), awaited=awaited)


def changes(there: There, rng: Random) -> Iterator[tuple[str, bytes]]:
    """Yield content that refers to what is there, and what it is."""
    for size in (100, 8 * 1024, MAX_TEXT_SIZE):
        for what, target in (("a long message", there.long), ("a message of many long versions", there.edited)):
            yield f"an edit of {what}", said(part=text(words(rng, size)), replaces=target, sent_at=2 * SENT_AT)
            mentions = "[@x](balchat:" + "a" * 56 + ")"
            part = SinglePart(content_type=content.MARKDOWN, content=(mentions * (size // len(mentions))).encode())
            yield f"an edit with mentions of {what}", said(part=part, replaces=target, sent_at=2 * SENT_AT)
        yield "an edit of what is not there", said(part=text(words(rng, size)), replaces=there.unknown)
        yield (
            "a message that expires at once",
            said(part=text(words(rng, size)), expires=Expiration(relative=False, time=1)),
        )
        yield (
            "a message that expires after it is read",
            said(part=text(words(rng, size)), expires=Expiration(relative=True, time=2**32 - 1)),
        )
    yield "a message for which much waits", there.awaited
    for what, target in (
        ("a long message", there.long),
        ("a message of many long versions", there.edited),
        ("a message with many reactions", there.reacted),
        ("what is not there", there.unknown),
    ):
        yield f"the deletion of {what}", said(part=NullPart(), replaces=target)
        yield f"eight reactions to {what}", said(part=reaction(*_EMOJIS), in_reply_to=target)
        yield f"1,023 reactions to {what}", said(part=reaction(*_EMOJIS * 127, *_EMOJIS[:7]), in_reply_to=target)
        yield (
            f"taking back a reaction to {what}",
            said(part=NullPart(disposition=Disposition.REACTION), replaces=target),
        )
    body = SinglePart(
        content_type=content.TIMER, content=timer_body.encode(2**32 - 1), disposition=Disposition.UNSPECIFIED
    )
    yield "a timer", said(part=body, sent_at=2 * SENT_AT)


def said(**fields: Any) -> bytes:
    """Return content with a salt of its own."""
    values: dict[str, Any] = {"salt": next(_SALTS).to_bytes(16), "sent_at": SENT_AT} | fields
    return MimiContent(**values).encode()


def text(octets: bytes) -> SinglePart:
    return SinglePart(content_type=content.TEXT, content=octets)


def reaction(*emojis: str) -> SinglePart | MultiPart:
    parts = tuple(
        SinglePart(content_type=content.TEXT, content=each.encode(), disposition=Disposition.REACTION)
        for each in emojis
    )
    if len(parts) == 1:
        return parts[0]
    return MultiPart(semantics=Semantics.PROCESS_ALL, parts=parts, disposition=Disposition.REACTION)


def words(rng: Random, size: int = MAX_TEXT_SIZE) -> bytes:
    """Return a text of so many octets in which hardly a word comes twice: no other has as many terms."""
    made = " ".join("".join(rng.choices(_LETTERS, k=4)) for _ in range(size // 4))
    return made.encode()[:size].decode(errors="ignore").encode()


_SALTS: Final = count(1)
