"""Payloads that may cost more than they look: each family of them in many sizes, and the fuzzer's choices."""

from __future__ import annotations

from collections.abc import Sequence  # a dataclass names it
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import cbor2
from balchat_crypto_mls import known_eras
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    PROPOSAL,
    extension,
    mls_message,
    private_message_header,
    required_capabilities,
    uint16s,
    vector,
)

from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_host.core import content
from balchat_host.core.content import MimiContent, SinglePart
from balchat_host.core.envelope import Kind
from bench import hostile_files
from bench.hostile_changes import There, changes
from fuzz import mls
from fuzz.mutations import any_item, change_item, change_octets
from tests.support.hostile_peer import EXTENSION_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tests.support.hostile_peer import HostileGroup, HostilePeer

RANDOM: Final = 1500
"""How many of each kind the fuzzer makes."""
COUNTS: Final = (16, 32, 64, 128, 500, 1000, 2000, 4000, 8000, 16_000)
"""Of what stands in a list."""
SIZES: Final = tuple(1024 * each for each in (1, 4, 8, 16, 32, 64, 256, 1020))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Octets, and what they are."""

    what: str
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was said before: the ids of `ours` that the contact has not confirmed, and what is `there` of theirs."""

    ours: Sequence[bytes]
    there: There


class Sender(Protocol):
    """Who makes contact requests, by hand, with a key package that they hold."""

    @property
    def mallory(self) -> HostilePeer: ...

    @property
    def key_package(self) -> bytes: ...

    def request(self, welcome: bytes, routes: bytes = b"\x80") -> bytes:
        """Return the payload of a contact request."""
        ...


def whole(rng: Random) -> Iterator[Candidate]:
    """Envelopes that are CBOR, and more or less envelopes."""
    for what, item in _items():
        yield Candidate(what=what, octets=cbor2.dumps(item))
        yield Candidate(what=f"an envelope with {what} as its payload", octets=cbor2.dumps([1, 1, item]))
        yield Candidate(what=f"an envelope with {what} as its kind", octets=cbor2.dumps([1, item, b""]))
    for kind in (0, *Kind, 5):
        for size in SIZES:
            yield Candidate(what=f"zeros of kind {kind}", octets=cbor2.dumps([1, int(kind), bytes(size)]))
    for _ in range(RANDOM):
        yield Candidate(what="a fuzzer's choice", octets=cbor2.dumps(change_item([1, 1, any_item(rng)], rng)))


def mls_messages(mallory: HostilePeer, theirs: bytes, rng: Random) -> Iterator[Candidate]:
    """Payloads of MLS_MESSAGEs with whatever in them, for eras that are not the sender's."""
    group = mallory.group(theirs)
    for size in SIZES:
        yield Candidate(what="a message of an unknown era", octets=group.payload(bytes(size)))
        yield Candidate(what="zeros", octets=bytes(size))
    for count in COUNTS:
        info = group.group_info(extensions=_distinct(count))
        payload = group.payload(mls_message(4, info))
        yield Candidate(what=f"a GroupInfo with {count:,} extensions, of an unknown era", octets=payload)
    for _ in range(RANDOM):
        payload = group.payload(mls.key_package(mallory, rng))
        yield Candidate(what="a fuzzer's choice", octets=change_octets(payload, [payload], rng))


def key_packages(mallory: HostilePeer, rng: Random) -> Iterator[Candidate]:
    """KeyPackages with long lists."""
    yield Candidate(what="an honest one", octets=mallory.key_package().message())
    key = mallory.key_package().extensions
    for count in COUNTS:
        distinct, types = _distinct(count), uint16s(*EXTENSION_TYPES, *range(0x8000, 0x8000 + count))
        for what, package in (
            ("extension types", mallory.key_package(mallory.leaf(extension_types=types))),
            ("proposal types", mallory.key_package(mallory.leaf(proposal_types=types))),
            ("suites", mallory.key_package(mallory.leaf(suites=uint16s(1) + types))),
            ("versions", mallory.key_package(mallory.leaf(versions=uint16s(1) + types))),
            ("credential types", mallory.key_package(mallory.leaf(credential_types=uint16s(0xF0BA) + types))),
            ("extensions of its leaf", mallory.key_package(mallory.leaf(extensions=distinct, extension_types=types))),
            ("extensions", mallory.key_package(mallory.leaf(extension_types=types), extensions=distinct + key)),
        ):
            yield Candidate(what=f"{count:,} {what}", octets=package.message())
    for _ in range(RANDOM):
        yield Candidate(what="a fuzzer's choice", octets=mls.key_package(mallory, rng))


def requests(sender: Sender, rng: Random) -> Iterator[Candidate]:
    """Contact requests, with all that can stand in a Welcome."""
    mallory, theirs = sender.mallory, sender.key_package
    yield Candidate(what="an honest one", octets=sender.request(mallory.group(theirs).welcome()))
    for what, item in _items(most=32 * 1024):
        routes = cbor2.dumps(item)
        yield Candidate(what=f"routes of {what}", octets=sender.request(mallory.group(theirs).welcome(), routes))
    for count in COUNTS:
        for what, welcome in _welcomes(mallory, theirs, count):
            yield Candidate(what=f"a Welcome with {count:,} {what}", octets=sender.request(welcome))
    for _ in range(RANDOM):
        yield Candidate(what="a fuzzer's choice", octets=sender.request(mls.welcome(mallory, theirs, rng)))


def eras(mallory: HostilePeer, theirs: bytes, rng: Random) -> Iterator[Candidate]:
    """Welcomes to the next era of a conversation, with all that can stand in one."""
    yield Candidate(what="an honest one", octets=mallory.group(theirs).welcome())
    for count in COUNTS:
        known = b"".join(number.to_bytes(16) for number in range(count))
        welcome = mallory.group(theirs, extensions=extension(known_eras.EXTENSION_TYPE, known)).welcome()
        yield Candidate(what=f"one that names {count:,} eras", octets=welcome)
        for what, welcome in _welcomes(mallory, theirs, count):
            yield Candidate(what=f"a Welcome with {count:,} {what}", octets=welcome)
    for _ in range(RANDOM):
        yield Candidate(what="a fuzzer's choice", octets=mls.welcome(mallory, theirs, rng))


def _welcomes(mallory: HostilePeer, theirs: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    distinct, types = _distinct(count), uint16s(*range(0x8000, 0x8000 + count))
    capable = mallory.leaf(extension_types=types, proposal_types=types)
    required = required_capabilities(types[-2:] * count)
    yield "required capabilities", mallory.group(theirs, leaf=capable, extensions=required).welcome()
    yield "extensions of its group", mallory.group(theirs, leaf=capable, extensions=distinct).welcome()
    group = mallory.group(theirs)
    yield "extensions of its GroupInfo", group.welcome(group_info=group.group_info(extensions=distinct))
    leaves = [*group.leaves, *([group.leaves[0]] * (count - 2))]
    yield "leaves", mallory.group(theirs, leaves=leaves).welcome()
    yield "blank leaves", mallory.group(theirs, leaves=[*group.leaves, *([None] * count), group.leaves[0]]).welcome()
    yield "secrets of others", group.welcome(secrets_before=[vector(bytes(32)) + vector(b"") + vector(b"")] * count)
    psk = b"\x01" + vector(b"id") + vector(bytes(32))
    yield "pre-shared keys", group.welcome(group_secrets=group.group_secrets(psks=psk * count))


def contents(
    group: HostileGroup, mallory: HostilePeer, theirs: bytes, before: Before, rng: Random
) -> Iterator[Candidate]:
    """What a contact can encrypt: content of every shape, and everything else that stands in a PrivateMessage."""
    for what, message in _messages(group, mallory, theirs, before, rng):
        yield Candidate(what=what, octets=group.payload(message))


def _messages(
    group: HostileGroup, mallory: HostilePeer, theirs: bytes, before: Before, rng: Random
) -> Iterator[tuple[str, bytes]]:
    for what, encoded in (
        *_mimi(mallory.device_id, rng),
        *_told(before.ours, mallory.device_id),
        *changes(before.there, rng),
        *hostile_files.notices(),
    ):
        yield what, group.private_message(APPLICATION, vector(encoded[: MAX_ENVELOPE_SIZE - 2048]), generation=1)
    honest = vector(text().encode())
    for generation in (2, 100, 512, 1023, 1024, 5000):
        message = group.private_message(APPLICATION, honest, generation=generation)
        yield f"a text {generation:,} messages ahead", message
    for size in SIZES:
        for kind, what in ((COMMIT, "a commit"), (PROPOSAL, "a proposal")):
            yield what, group.private_message(kind, vector(bytes(size)))
        yield "a padded text", group.private_message(APPLICATION, honest, generation=1, padding=size)
        message = group.private_message(APPLICATION, honest, generation=1, authenticated_data=bytes(size))
        yield "a text with authenticated data", message
        yield "a text of another epoch", group.private_message(APPLICATION, honest, epoch=9) + bytes(size)
        yield "a header with a long group id", private_message_header(bytes(size))
        yield "zeros", bytes(size)
    for _ in range(RANDOM * 2):
        yield "a fuzzer's choice of whatever a member can say", mls.private_message(group, mallory, theirs, rng)


def _told(ours: Sequence[bytes], device_id: bytes) -> Iterator[tuple[str, bytes]]:
    """What a contact says of messages of ours that wait, and where else they shall go."""
    for count in (1, 100, content.MAX_STATUSES):
        known = content.encode_status([(each, content.MessageStatus.READ) for each in ours[:count]])
        yield (
            f"{min(count, len(ours)):,} statuses of messages that wait",
            text(content_type=content.STATUS, body=known).encode(),
        )
    routes = cbor2.dumps([_route(device_id)])
    yield "other routes", text(content_type=content.ROUTES, body=routes).encode()


def text(*, content_type: str = content.TEXT, body: bytes = b"Good morning") -> MimiContent:
    """Return a message of one part, by default a short text."""
    part = SinglePart(content_type=content_type, content=body)
    return MimiContent(salt=bytes(content.SALT_SIZE), part=part, sent_at=1_800_000_000_000)


def _route(device_id: bytes) -> list[object]:
    """Return the largest route to a device, as it stands in a ROUTES message."""
    return [device_id, "transport", bytes(512), bytes(2048), 2**32, None]


def _mimi(device_id: bytes, rng: Random) -> Iterator[tuple[str, bytes]]:
    for size in SIZES:
        yield "a text", text(body=b"x" * size).encode()
        yield "a text of wide characters", text(body="\U0001f600".encode() * (size // 4)).encode()
        yield "content of another type", text(content_type="application/x", body=bytes(size)).encode()
    for count in COUNTS:
        statuses = content.encode_status([(number.to_bytes(32), content.MessageStatus.READ) for number in range(count)])
        yield f"{count:,} statuses", text(content_type=content.STATUS, body=statuses).encode()
        routes = cbor2.dumps([_route(device_id)] * count)
        yield f"{count:,} routes", text(content_type=content.ROUTES, body=routes).encode()
    honest = cbor2.loads(text().encode())
    for what, item in _items():
        for place, where in (("its expiry", 3), ("its extensions", 5), ("its part", 6)):
            changed = list(honest)
            changed[where] = [1, "", 3, 0, item] if where == 6 else item  # the part: a multipart
            yield f"content with {what} as {place}", cbor2.dumps(changed)
        yield f"a status of {what}", text(content_type=content.STATUS, body=cbor2.dumps(item)).encode()
        yield f"routes of {what}", text(content_type=content.ROUTES, body=cbor2.dumps(item)).encode()
    for _ in range(RANDOM):
        yield "a fuzzer's choice of content", cbor2.dumps(change_item(honest, rng))


def _items(most: int = MAX_ENVELOPE_SIZE) -> Iterator[tuple[str, object]]:
    """CBOR items that are large, or that decode into much more than they are."""
    for size in (each for each in SIZES if each <= most):
        yield "an array of integers", [0] * size
        yield "an array of nulls", [None] * size
        yield "an array of empty arrays", [[]] * size
        yield "an array of empty maps", [{}] * size
        yield "an array of empty strings", [b""] * size
        yield "an array of floats", [1.5] * (size // 3)
        yield "an array of short texts", ["ab"] * (size // 3)
        yield "a map of integers", dict.fromkeys(range(size // 6), 0)
        yield "a map of texts", {f"{number:06}": 0 for number in range(size // 8)}
        yield "a map of long texts", {f"{'x' * 50}{number:06}": 0 for number in range(size // 59)}
        yield "a long text", "x" * size
        yield "a long byte string", bytes(size)
        yield "a big number", 256**size - 1
        yield "nested arrays", _nested(size)
    yield "an array nested 1,000 times", _deep(1000)


def _nested(size: int) -> object:
    """Return arrays in arrays, as deep as our formats allow, and so many that they have about `size` octets."""
    item: list[object] = []
    width = max(2, round(size ** (1 / 7)))
    for _ in range(7):
        item = [item] * width
    return item


def _deep(depth: int) -> object:
    item: object = 0
    for _ in range(depth):
        item = [item]
    return item


def _distinct(count: int) -> bytes:
    """Return so many extensions of different types."""
    return b"".join(extension(0x8000 + number) for number in range(count))
