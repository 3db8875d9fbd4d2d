"""A store in memory, for tests: the contract in plain words, to compare other stores with."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

from balchat_relay_proto.replies import Claimed, Fetched, QueueStatus, Stored
from balchat_relay_proto.sizes import MAX_FETCHED, MAX_FETCHED_OCTETS, MAX_INBOX_ENVELOPE

from balchat_relay.storage import rules
from balchat_relay.storage.contract import HOUR, PIECE, OpenBlob, QueueStore, StoreLimits, Subscriber, Totals
from balchat_relay.storage.subscribers import Stored as Put
from balchat_relay.storage.subscribers import Subscribers


@dataclass
class _Envelope:
    sequence: int
    octets: bytes
    arrived: int


@dataclass
class _Blob:
    queue: bytes
    delete: bytes
    octets: bytes


class _OpenBlob(OpenBlob):
    def __init__(self, octets: bytes) -> None:
        self.size = len(octets)
        self._octets = octets

    async def read(self) -> bytes:
        piece, self._octets = self._octets[:PIECE], self._octets[PIECE:]
        return piece

    async def aclose(self) -> None:
        self._octets = b""


@dataclass
class _Queue:
    send: bytes | None
    receive: bytes | None
    seen: int
    next: int = 1
    envelopes: dict[bytes, _Envelope] = field(default_factory=dict[bytes, _Envelope])
    acknowledged: dict[bytes, int] = field(default_factory=dict[bytes, int])
    cards: list[bytes] = field(default_factory=list[bytes])
    last_resort: bytes | None = None
    tokens: set[bytes] = field(default_factory=set[bytes])
    pool: int = 0
    hour: int = 0
    puts: int = 0
    claims: int = 0
    blobs_until: int = 0

    @property
    def octets(self) -> int:
        return sum(len(each.octets) for each in self.envelopes.values())

    def turn_hour(self, now: int) -> None:
        if self.hour != now // HOUR:
            self.hour, self.puts, self.claims = now // HOUR, 0, 0


class MemoryStore(QueueStore):
    """Durable only as long as it lives."""

    def __init__(self, limits: StoreLimits) -> None:
        self._limits = limits
        self._queues: dict[bytes, _Queue] = {}
        self._invitations: dict[bytes, int] = {}
        self._blobs: dict[bytes, _Blob] = {}
        self._subscribers = Subscribers()
        self._draining = False

    @property
    def limits(self) -> StoreLimits:
        return self._limits

    @property
    def totals(self) -> Totals:
        queues = self._queues.values()
        cards = sum(len(each.cards) + (each.last_resort is not None) for each in queues)
        return Totals(
            queues=len(queues),
            envelopes=sum(len(each.envelopes) for each in queues),
            octets=sum(each.octets for each in queues)
            + sum(len(card) for each in queues for card in [*each.cards, each.last_resort or b""]),
            cards=cards,
            blobs=len(self._blobs),
            blob_octets=sum(len(each.octets) for each in self._blobs.values()),
        )

    @property
    def draining(self) -> bool:
        return self._draining

    async def aclose(self) -> None:
        pass

    async def create(
        self, queue: bytes, *, send: bytes | None, receive: bytes | None, invitation: bytes | None = None, now: int
    ) -> None:
        if (there := self._queues.get(queue)) is not None:
            rules.admit(there=True, stored=there.send, presented=send)
            rules.admit(there=True, stored=there.receive, presented=receive)
            return
        if invitation is not None and not self._invitations.get(invitation):
            raise rules.not_invited()
        if len(self._queues) >= self._limits.queues:
            raise rules.relay_full()
        if invitation is not None:
            self._invitations[invitation] -= 1
        self._queues[queue] = _Queue(send=send, receive=receive, seen=now)

    async def delete(self, queue: bytes, *, receive: bytes | None) -> None:
        self._own(queue, receive)
        self._drop(queue)

    async def status(self, queue: bytes, *, receive: bytes | None) -> QueueStatus:
        found = self._own(queue, receive)
        envelopes, octets = self._quota(found)
        return QueueStatus(
            envelopes=len(found.envelopes),
            octets=found.octets,
            max_envelopes=envelopes,
            max_octets=octets,
            cards=len(found.cards),
            last_resort=found.last_resort is not None,
        )

    async def put(self, queue: bytes, *, send: bytes | None, envelope_id: bytes, envelope: bytes, now: int) -> None:
        found = self._admitted(queue, send)
        if envelope_id in found.envelopes or found.acknowledged.get(envelope_id, 0) > now:
            return
        if found.send is None:
            found.turn_hour(now)
            if len(envelope) > MAX_INBOX_ENVELOPE:
                raise rules.inbox_envelope_too_large(MAX_INBOX_ENVELOPE)
            if found.puts >= self._limits.inbox_puts_per_hour:
                raise rules.inbox_busy(now)
        envelopes, octets = self._quota(found)
        if len(found.envelopes) >= envelopes or found.octets + len(envelope) > octets:
            raise rules.queue_full()
        if self.totals.octets + len(envelope) > self._limits.octets:
            raise rules.relay_full()
        found.puts += 1
        found.envelopes[envelope_id] = _Envelope(found.next, envelope, now)
        self._subscribers.tell([Put(queue, found.next, envelope)])
        found.next += 1

    async def fetch(
        self, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int = MAX_FETCHED_OCTETS
    ) -> Fetched:
        found = self._own(queue, receive)
        found.seen = now
        waiting = [
            each
            for each in found.envelopes.values()
            if each.sequence > after and each.arrived > now - self._limits.max_age
        ]
        given: list[Stored] = []
        size = 0
        for each in waiting[:MAX_FETCHED]:
            size += len(each.octets)
            if given and size > octets:
                break
            given.append(Stored(sequence=each.sequence, envelope=each.octets))
        return Fetched(stored=tuple(given), more=len(given) < len(waiting))

    async def acknowledge(
        self, queue: bytes, *, receive: bytes | None, envelope_ids: Sequence[bytes], now: int
    ) -> None:
        found = self._own(queue, receive)
        for envelope_id in envelope_ids:
            if found.envelopes.pop(envelope_id, None) is not None:
                found.acknowledged[envelope_id] = now + self._limits.remembered

    async def subscribe(self, queue: bytes, subscriber: Subscriber, *, receive: bytes | None) -> None:
        self._own(queue, receive)
        self._subscribers.add(queue, subscriber)

    def unsubscribe(self, queue: bytes, subscriber: Subscriber) -> None:
        self._subscribers.remove(queue, subscriber)

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
        found = self._own(queue, receive)
        found.seen = now
        if len(found.cards) + len(cards) > self._limits.cards:
            raise rules.pool_full(self._limits.cards)
        if len(found.tokens | set(tokens)) > self._limits.tokens:
            raise rules.pool_full(self._limits.tokens)
        added = sum(map(len, cards)) + len(last_resort or b"") - len((last_resort and found.last_resort) or b"")
        if self.totals.octets + added > self._limits.octets:
            raise rules.relay_full()
        found.cards += cards
        found.tokens |= set(tokens)
        found.last_resort = last_resort or found.last_resort
        found.pool = len(found.cards)
        return len(found.cards)

    async def claim(self, queue: bytes, *, send: bytes | None, token: bytes | None, now: int) -> Claimed:
        found = self._admitted(queue, send)
        found.turn_hour(now)
        with_token = token is not None and token in found.tokens
        privileged = found.send is not None or with_token
        within_rate = found.claims < self._limits.claims_per_hour and 2 * len(found.cards) > found.pool
        if found.cards and (privileged or within_rate):
            found.claims += not privileged
            if with_token and token is not None:
                found.tokens.remove(token)
            return Claimed(card=found.cards.pop(0), last_resort=False)
        if found.last_resort is None:
            raise rules.no_card()
        return Claimed(card=found.last_resort, last_resort=True)

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
        self._own(queue, receive)
        if not self._is_there(queue, blob, delete, size=size, now=now):
            pieces = bytearray()
            async for piece in octets:
                pieces += piece
                if len(pieces) > size:
                    break
            if len(pieces) != size:
                raise rules.wrong_size()
            self._own(queue, receive)
            if not self._is_there(queue, blob, delete, size=size, now=now):
                self._queues[queue].blobs_until = now + 1
                self._blobs[blob] = _Blob(queue, delete, bytes(pieces))
        return await self.renew_blobs(queue, receive=receive, now=now)

    def _is_there(self, queue: bytes, blob: bytes, delete: bytes, *, size: int, now: int) -> bool:
        """Return whether a blob is there already, where it may be put. Raise Refused."""
        self._expire(queue, now)
        if (there := self._found(blob, now)) is not None:
            rules.admit_blob(stored=there.delete, presented=delete)
            return True
        if size + sum(len(each.octets) for each in self._of(queue).values()) > self._limits.queue_blob_octets:
            raise rules.blobs_full()
        if self.totals.blob_octets + size > self._limits.blob_octets:
            raise rules.relay_full()
        return False

    async def open_blob(self, blob: bytes, *, now: int) -> OpenBlob:
        found = self._found(blob, now)
        if found is None:
            raise rules.no_blob()
        return _OpenBlob(found.octets)

    async def delete_blobs(self, blobs: Sequence[tuple[bytes, bytes]]) -> None:
        for blob, delete in blobs:
            found = self._blobs.get(blob)
            if found is not None and compare_digest(found.delete, delete):
                del self._blobs[blob]

    async def renew_blobs(self, queue: bytes, *, receive: bytes | None, now: int) -> int:
        found = self._own(queue, receive)
        self._expire(queue, now)
        found.seen, found.blobs_until = now, now + self._limits.blob_age
        return self._limits.blob_age

    def _found(self, blob: bytes, now: int) -> _Blob | None:
        found = self._blobs.get(blob)
        if found is not None:
            self._expire(found.queue, now)
        return self._blobs.get(blob)

    def _of(self, queue: bytes) -> dict[bytes, _Blob]:
        return {blob: each for blob, each in self._blobs.items() if each.queue == queue}

    def _expire(self, queue: bytes, now: int) -> None:
        if self._queues[queue].blobs_until <= now:
            for blob in self._of(queue):
                del self._blobs[blob]

    async def invite(self, invitation: bytes, *, queues: int) -> None:
        self._invitations[invitation] = queues

    async def set_draining(self, *, draining: bool) -> None:
        self._draining = draining

    async def sweep(self, *, now: int) -> bool:
        for queue, found in list(self._queues.items()):
            if found.seen < now - self._limits.max_idle:
                self._drop(queue)
            old = [one for one, each in found.envelopes.items() if each.arrived <= now - self._limits.max_age]
            for envelope_id in old:
                del found.envelopes[envelope_id]
            found.acknowledged = {one: until for one, until in found.acknowledged.items() if until > now}
        for queue in self._queues:
            self._expire(queue, now)
        return False

    def _own(self, queue: bytes, receive: bytes | None) -> _Queue:
        found = self._queues.get(queue)
        rules.admit(there=found is not None, stored=found.receive if found else None, presented=receive)
        assert found is not None
        return found

    def _admitted(self, queue: bytes, send: bytes | None) -> _Queue:
        found = self._queues.get(queue)
        rules.admit(there=found is not None, stored=found.send if found else None, presented=send)
        assert found is not None
        return found

    def _quota(self, queue: _Queue) -> tuple[int, int]:
        limits = self._limits
        if queue.receive is None:
            return limits.inbox_envelopes, limits.inbox_octets
        return limits.queue_envelopes, limits.queue_octets

    def _drop(self, queue: bytes) -> None:
        for blob in self._of(queue):
            del self._blobs[blob]
        del self._queues[queue]
        self._subscribers.deleted([queue])
