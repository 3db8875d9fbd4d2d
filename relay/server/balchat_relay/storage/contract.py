"""The QueueStore contract: what the relay asks of its storage engine.

Rules
-----
- A method that changes something returns when the change is durable, and not before. It changes all or nothing.
- `send` and `receive` are what a client presented, as SHA-256; None where it presented nothing (`send`) or proved to
  be the inbox's owner by signature (`receive`). A store compares in constant time, and what is not there with
  `rules.ABSENT`, so that nobody can tell the two apart.
- It refuses by raising `Refused` with the codes of docs/spec/relay.md. Any other exception means the store is broken.
- Time is the caller's: `now` is in Unix seconds.
- Any number of calls may be under way at once, all from one event loop. `put`, `fetch` and `acknowledge` may give any
  awaitable: most of what is asked of a relay is one of them, and a store that has a future need not wrap it.
- A sequence grows within its queue, and may skip: that is all that may be concluded from it. It is the cursor to go on
  after.
- A blob belongs to the queue at whose expense it was put, and goes with it. All blobs of a queue are kept until the
  same time, which each put and each renewal moves.
- A store never holds more than a piece of a blob in memory: blobs come and go in pieces.
- Several relays may use one store, behind one onion: whatever one of them must know of another is in the store
  (docs/relay-scaling.md).
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from balchat_relay_proto.errors import Refused
from balchat_relay_proto.replies import Claimed, Fetched, QueueStatus
from balchat_relay_proto.sizes import MAX_FETCHED_OCTETS

HOUR: Final = 3600
DAY: Final = 24 * HOUR
PIECE: Final = 64 * 1024
"""Octets of a blob that are in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """What a store holds at most. Octets are those of envelopes and cards, not of the disk; blobs have other limits.

    `blob_age`: seconds that blobs are kept after the last put or renewal of their queue.
    """

    queues: int = 1_000_000
    octets: int = 64 * 2**30
    queue_envelopes: int = 4096
    queue_octets: int = 128 * 2**20
    inbox_envelopes: int = 64
    inbox_octets: int = 2 * 2**20
    inbox_puts_per_hour: int = 120
    cards: int = 200
    tokens: int = 200
    claims_per_hour: int = 12
    max_age: int = 21 * DAY
    max_idle: int = 180 * DAY
    remembered: int = HOUR
    blob_octets: int = 64 * 2**30
    queue_blob_octets: int = 512 * 2**20
    blob_age: int = 14 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What is in a store: counts, the octets of envelopes and cards, and those of blobs."""

    queues: int
    envelopes: int
    octets: int
    cards: int
    blobs: int = 0
    blob_octets: int = 0


class Subscriber(Protocol):
    """Whoever is told what is put into one queue. Called in the event loop; it must not wait."""

    def stored(self, sequence: int, envelope: bytes) -> None:
        """Learn of an envelope that is durable. They come in the order of their sequences."""
        ...

    def ended(self, why: Refused) -> None:
        """Learn that nothing more will be told: EVICTED by a newer subscriber, or the queue is DELETED."""
        ...


class OpenBlob(ABC):
    """A blob that is being read. Whoever opened it closes it. `size` is in octets."""

    size: int

    @abstractmethod
    async def read(self) -> bytes:
        """Return the next piece, of at most PIECE octets; nothing at the end."""

    @abstractmethod
    async def aclose(self) -> None:
        """Read no more."""


class QueueStore(ABC):
    """Keeps queues, envelopes, cards, invitations and blobs."""

    @property
    @abstractmethod
    def limits(self) -> StoreLimits:
        """What it was opened with."""

    @property
    @abstractmethod
    def totals(self) -> Totals:
        """What is in it, as of the last change. Never waits."""

    @property
    def trouble(self) -> str | None:
        """Why it takes nothing new now, in words for its operator, or None. Never waits.

        It notices by itself, at `sweep` at the latest, when that begins and when it is over. What can be read is read.
        """
        return None

    @property
    @abstractmethod
    def draining(self) -> bool:
        """Whether the operator wants nothing new to be taken. Never waits. The store keeps it and does not heed it."""

    @abstractmethod
    async def aclose(self) -> None:
        """Finish what is under way and close. Calling it twice is harmless."""

    # -- queues --

    @abstractmethod
    async def create(
        self, queue: bytes, *, send: bytes | None, receive: bytes | None, invitation: bytes | None = None, now: int
    ) -> None:
        """Create a queue, or an inbox where both verifiers are None. What is there already stays, and costs nothing.

        `invitation` is a permit's SHA-256 that must be good for one more queue. Raise Refused: DENIED (there with
        other verifiers), NOT_INVITED, RELAY_FULL.
        """

    @abstractmethod
    async def delete(self, queue: bytes, *, receive: bytes | None) -> None:
        """Delete a queue with everything in it. Raise Refused: DENIED."""

    @abstractmethod
    async def status(self, queue: bytes, *, receive: bytes | None) -> QueueStatus:
        """Return how full a queue is. Raise Refused: DENIED."""

    # -- envelopes --

    @abstractmethod
    def put(
        self, queue: bytes, *, send: bytes | None, envelope_id: bytes, envelope: bytes, now: int
    ) -> Awaitable[None]:
        """Store an envelope at the queue's end; one that is there, or was acknowledged lately, changes nothing.

        Raise Refused: DENIED, TOO_LARGE, QUEUE_FULL, TOO_MANY_REQUESTS, RELAY_FULL.
        """

    @abstractmethod
    def fetch(
        self, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int = MAX_FETCHED_OCTETS
    ) -> Awaitable[Fetched]:
        """Return what comes after the cursor, oldest first; about `octets` of it, but one always.

        Raise Refused: DENIED.
        """

    @abstractmethod
    def acknowledge(
        self, queue: bytes, *, receive: bytes | None, envelope_ids: Sequence[bytes], now: int
    ) -> Awaitable[None]:
        """Delete envelopes; ids that are not there are passed over. Raise Refused: DENIED."""

    # -- subscriptions --

    @abstractmethod
    async def subscribe(self, queue: bytes, subscriber: Subscriber, *, receive: bytes | None) -> None:
        """Tell `subscriber` of everything that becomes durable from now on; whoever subscribed before is ended.

        What becomes durable while this is under way may be told or not. So a subscriber fetches once it returns, and
        then knows of everything. Raise Refused: DENIED.
        """

    @abstractmethod
    def unsubscribe(self, queue: bytes, subscriber: Subscriber) -> None:
        """Tell `subscriber` nothing more. One that was ended already is no error."""

    # -- cards --

    @abstractmethod
    async def publish(
        self,
        queue: bytes,
        *,
        receive: bytes | None,
        cards: Sequence[bytes],
        last_resort: bytes | None,
        tokens: Sequence[bytes],
        now: int,
    ) -> int:
        """Add cards and tokens' verifiers, replace the last resort; return the pool's size.

        Raise Refused: DENIED, POOL_FULL, RELAY_FULL.
        """

    @abstractmethod
    async def claim(self, queue: bytes, *, send: bytes | None, token: bytes | None, now: int) -> Claimed:
        """Take a card (docs/spec/relay.md, Cards). Raise Refused: DENIED, NO_KEY_PACKAGE."""

    # -- blobs --

    @abstractmethod
    async def put_blob(
        self,
        queue: bytes,
        *,
        receive: bytes | None,
        blob: bytes,
        delete: bytes,
        size: int,
        octets: AsyncIterable[bytes],
        now: int,
    ) -> int:
        """Keep a blob at the expense of a queue; return for how many seconds all of that queue's are kept now.

        `blob` is its id, `delete` the verifier of what deletes it. One that is there changes nothing but that time, and
        `octets` may not be read. Nothing of it is kept where `octets` end before `size`, raise, or do not end there.
        Raise Refused: DENIED (also where the id is there with another verifier), BLOBS_FULL, RELAY_FULL, MALFORMED.
        """

    @abstractmethod
    async def open_blob(self, blob: bytes, *, now: int) -> OpenBlob:
        """Open a blob to read it. Raise Refused: NO_BLOB."""

    @abstractmethod
    async def delete_blobs(self, blobs: Sequence[tuple[bytes, bytes]]) -> None:
        """Delete blobs by id and verifier. What is not there, or has another verifier, is passed over."""

    @abstractmethod
    async def renew_blobs(self, queue: bytes, *, receive: bytes | None, now: int) -> int:
        """Keep a queue's blobs for longer; return for how many seconds. Raise Refused: DENIED."""

    # -- for the operator --

    @abstractmethod
    async def invite(self, invitation: bytes, *, queues: int) -> None:
        """Make a permit, given as its SHA-256, good for this many queues."""

    @abstractmethod
    async def set_draining(self, *, draining: bool) -> None:
        """Write down whether nothing new is to be taken."""

    @abstractmethod
    async def sweep(self, *, now: int) -> bool:
        """Delete some of what is too old, for good; return whether there is more. Several may do this at once."""
