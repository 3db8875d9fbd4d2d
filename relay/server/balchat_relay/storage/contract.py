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
- What changes one queue takes effect in the order in which it was begun: an envelope may be pushed and acknowledged
  while its put is still under way.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from balchat_relay_proto.replies import Claimed, Fetched, QueueStatus
from balchat_relay_proto.sizes import MAX_FETCHED_OCTETS

HOUR: Final = 3600
DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """What a store holds at most. Octets are those of envelopes and cards, not of the disk."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What is in a store: counts, and the octets of envelopes and cards."""

    queues: int
    envelopes: int
    octets: int
    cards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an envelope came to lie."""

    queue: bytes
    sequence: int


class Observer(Protocol):
    """Whoever pushes. Every method may be called from any thread and must not wait."""

    def wants(self, queue: bytes) -> bool:
        """Say whether news of this queue matters to anybody."""
        ...

    def arrived(self, place: Place, envelope: bytes) -> None:
        """Take in an envelope that is about to become durable. Only for a queue that is wanted.

        While one of a queue is under way that nobody was told of, because the queue was not wanted yet, those after it
        are not told of either: a subscriber would take the first for seen.
        """
        ...

    def committed(self, places: Sequence[Place]) -> None:
        """Take in that these are durable, whether they were announced or not."""
        ...

    def undone(self, places: Sequence[Place]) -> None:
        """Take in that these did not become durable, though they may have been announced."""
        ...

    def deleted(self, queue: bytes) -> None:
        """Take in that a queue is gone."""
        ...


class QueueStore(ABC):
    """Keeps queues, envelopes, cards and invitations."""

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

    @abstractmethod
    def watch(self, observer: Observer) -> None:
        """Tell one observer what happens from now on."""

    @abstractmethod
    async def aclose(self) -> None:
        """Finish what is under way and close. Calling it twice is harmless."""

    # -- queues --

    @abstractmethod
    async def create(
        self, queue: bytes, *, send: bytes | None, receive: bytes | None, invitation: bytes | None = None, now: int
    ) -> None:
        """Create a queue, or an inbox where both verifiers are None. What is there already stays, and costs nothing.

        `invitation` is a permit's SHA-256 that must be good for one more queue. Raises Refused: DENIED (there with
        other verifiers), NOT_INVITED, RELAY_FULL.
        """

    @abstractmethod
    async def delete(self, queue: bytes, *, receive: bytes | None) -> None:
        """Delete a queue with everything in it. Raises Refused: DENIED."""

    @abstractmethod
    async def status(self, queue: bytes, *, receive: bytes | None) -> QueueStatus:
        """Say how full a queue is. Raises Refused: DENIED."""

    # -- envelopes --

    @abstractmethod
    def put(
        self, queue: bytes, *, send: bytes | None, envelope_id: bytes, envelope: bytes, now: int
    ) -> Awaitable[None]:
        """Store an envelope at the queue's end; one that is there, or was acknowledged lately, changes nothing.

        Raises Refused: DENIED, TOO_LARGE, QUEUE_FULL, TOO_MANY_REQUESTS, RELAY_FULL.
        """

    @abstractmethod
    def fetch(
        self, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int = MAX_FETCHED_OCTETS
    ) -> Awaitable[Fetched]:
        """Give what comes after the cursor, oldest first; about `octets` of it, but one always.

        Raises Refused: DENIED.
        """

    @abstractmethod
    def acknowledge(
        self, queue: bytes, *, receive: bytes | None, envelope_ids: Sequence[bytes], now: int
    ) -> Awaitable[None]:
        """Delete envelopes; ids that are not there are passed over. Raises Refused: DENIED."""

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
        """Add cards and tokens' verifiers, replace the last resort; give the pool's size.

        Raises Refused: DENIED, POOL_FULL, RELAY_FULL.
        """

    @abstractmethod
    async def claim(self, queue: bytes, *, send: bytes | None, token: bytes | None, now: int) -> Claimed:
        """Take a card (docs/spec/relay.md, Cards). Raises Refused: DENIED, NO_KEY_PACKAGE."""

    # -- for the operator --

    @abstractmethod
    async def invite(self, invitation: bytes, *, queues: int) -> None:
        """Make a permit, given as its SHA-256, good for this many queues."""

    @abstractmethod
    async def sweep(self, *, now: int) -> bool:
        """Delete some of what is too old, for good; say whether there is more."""
