"""What the suite needs of whoever runs it, and the few steps that its tests are written in."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Self

import anyio
import pytest
from anyio.lowlevel import checkpoint
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.sizes import BLOB_SIZES, CARD_SIZE

from balchat_host.testing.audit import confide, watched
from balchat_host.testing.power import Power
from balchat_relay.storage.contract import DAY, HOUR, PIECE, QueueStore, StoreLimits

NOW = 1_800_000_000 // HOUR * HOUR
SIZE = 16 * 1024
BLOB_SIZE = BLOB_SIZES[0]
_SWEEPS = 1000
"""More than a store needs for what is in it here."""

LIMITS = StoreLimits(
    queues=8,
    octets=40 * SIZE,
    queue_envelopes=6,
    queue_octets=8 * SIZE,
    inbox_envelopes=4,
    inbox_octets=8 * SIZE,
    inbox_puts_per_hour=5,
    cards=10,
    tokens=4,
    claims_per_hour=3,
    max_age=10 * DAY,
    max_idle=30 * DAY,
    remembered=HOUR,
    blob_octets=5 * 65_552,
    queue_blob_octets=3 * 65_552,
    blob_age=10 * DAY,
)


def digest(name: object) -> bytes:
    """Return 32 octets for a name: an id, or a verifier, which nobody may log."""
    octets = hashlib.sha256(str(name).encode()).digest()
    confide("an id or a verifier", octets)
    return octets


def envelope(name: object, size: int = SIZE) -> bytes:
    """Return an envelope that no other name has."""
    octets = digest(name) + bytes(size - 32)
    confide("what an envelope holds", octets)
    return octets


SEND, RECEIVE, QUEUE, INBOX = digest("send"), digest("receive"), digest("queue"), digest("inbox")
DELETE = digest("delete")


class StoreBench(ABC):
    """What the kit asks of whoever runs it."""

    @property
    @abstractmethod
    def store(self) -> QueueStore:
        """The open store, with LIMITS; after `open` the newly opened one."""

    @abstractmethod
    async def open(self) -> None:
        """Open the same store again, which was closed."""

    async def reopen(self) -> None:
        """Close the store and open the same one again."""
        await self.store.aclose()
        await self.open()

    durable: bool = False
    """Whether it outlives a kill; then the bench has `kill`."""

    async def kill(self) -> None:
        """Have the store be as if its process had been killed this moment, and been started again."""
        raise NotImplementedError

    synced: bool = False
    """Whether it outlives a power failure, too; then the bench has `power`."""

    def power(self) -> Power:
        """Return the power of whoever has the store's files.

        `LossyDisk` is that of files which Python syncs, and `SqliteDisk` that of SQLite's databases beside them.
        """
        raise NotImplementedError

    @abstractmethod
    def lies_on_disk(self, octets: bytes) -> bool:
        """Return whether these octets are in any file of the closed store. False where it has none."""


@dataclass
class Witness:
    """A subscriber that writes down what it hears."""

    heard: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    over: Code | None = None
    changed: anyio.Event = field(default_factory=anyio.Event)
    """Set when it hears of the next envelope."""

    def stored(self, sequence: int, envelope: bytes) -> None:
        assert self.over is None
        self.heard.append((sequence, envelope))
        self.changed.set()
        self.changed = anyio.Event()

    def ended(self, why: Refused) -> None:
        assert self.over is None
        self.over = why.code

    @property
    def envelopes(self) -> list[bytes]:
        """What was heard of, in that order."""
        return [envelope for _, envelope in self.heard]


async def make(store: QueueStore, queue: bytes = QUEUE) -> None:
    _confide_constants()
    await watched(store).create(queue, send=SEND, receive=RECEIVE, now=NOW)


async def swept(store: QueueStore, *, now: int) -> None:
    """Have the store delete all that is too old."""
    for _ in range(_SWEEPS):
        if not await store.sweep(now=now):
            return
    pytest.fail(f"after {_SWEEPS} sweeps there is more still")


async def make_inbox(store: QueueStore) -> None:
    _confide_constants()
    await watched(store).create(INBOX, send=None, receive=None, now=NOW)


def _confide_constants() -> None:
    for octets in (SEND, RECEIVE, QUEUE, INBOX, DELETE):
        confide("an id or a verifier", octets)


async def put(
    store: QueueStore,
    name: object,
    *,
    queue: bytes = QUEUE,
    send: bytes | None = SEND,
    now: int = NOW,
    size: int = SIZE,
) -> bytes:
    octets = envelope(name, size)
    identifier = envelope_id(octets)
    confide("an envelope's id", identifier)
    await store.put(queue, send=send, envelope_id=identifier, envelope=octets, now=now)
    return octets


async def fetched(
    store: QueueStore, *, queue: bytes = QUEUE, receive: bytes | None = RECEIVE, after: int = 0, now: int = NOW
) -> list[bytes]:
    found = await store.fetch(queue, receive=receive, after=after, now=now)
    return [each.envelope for each in found.stored]


async def acknowledge(store: QueueStore, *envelopes: bytes, now: int = NOW) -> None:
    await store.acknowledge(QUEUE, receive=RECEIVE, envelope_ids=[envelope_id(each) for each in envelopes], now=now)


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.code is code)


def card(name: object) -> bytes:
    """Return a card that no other name has."""
    return digest(f"card {name}") + bytes(CARD_SIZE - 32)


class Compared(bytes):
    """What a client presented. It notes when somebody compares it by `==`, whose time tells how much of it is right."""

    by_equality: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Compared.by_equality += 1
        return bytes(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__


async def put_denied(store: QueueStore, queue: bytes) -> None:
    """Fail within others' commits."""
    with refused(Code.DENIED):
        await put(store, "wrong", queue=queue, send=digest("wrong"))


def blob(name: object, size: int = BLOB_SIZE) -> bytes:
    """Return the octets of a blob that no other name has."""
    octets = digest(f"octets of {name}") + bytes(size - 32)
    confide("what a blob holds", octets)
    return octets


class Pieces:
    """Octets as they come over a connection, which may break."""

    def __init__(self, octets: bytes, *, then: Exception | None = None) -> None:
        self._octets = octets
        self._then = then

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await checkpoint()  # others go on meanwhile, as between two packets
        piece, self._octets = self._octets[:50_000], self._octets[50_000:]
        if not piece:
            raise self._then or StopAsyncIteration
        return piece


class TooMany:
    """Octets that do not end where they should. Whoever goes on reading far beyond that is told so."""

    def __init__(self, size: int) -> None:
        self._left = size + 8 * PIECE

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await checkpoint()
        self._left -= PIECE
        assert self._left > 0, "it reads on and on, although there are more octets than was said"
        return bytes(PIECE)


async def put_blob(
    store: QueueStore,
    name: object,
    *,
    queue: bytes = QUEUE,
    receive: bytes = RECEIVE,
    delete: bytes = DELETE,
    now: int = NOW,
) -> bytes:
    """Put a blob whose id is the digest of its name."""
    octets = blob(name)
    kept = await store.put_blob(
        queue,
        receive=receive,
        blob=digest(name),
        delete=delete,
        size=len(octets),
        octets=Pieces(octets),
        now=now,
    )
    assert kept == LIMITS.blob_age
    return octets


async def got_blob(store: QueueStore, name: object, *, now: int = NOW) -> bytes:
    """Read all of a blob."""
    opened = await store.open_blob(digest(name), now=now)
    octets = b""
    try:
        while piece := await opened.read():
            assert len(piece) <= PIECE
            octets += piece
    finally:
        await opened.aclose()
    assert len(octets) == opened.size
    return octets
