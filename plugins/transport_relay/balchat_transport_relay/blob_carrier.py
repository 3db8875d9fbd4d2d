"""Parts of files at relays: put into containers of ours, got from those of contacts.

A container costs no queue: its blobs are kept at the expense of the contact's queue at that relay, which only we and
they know, so that a relay can tie them to nobody else. Each is sealed for itself (docs/spec/relay.md, Blobs).
"""

import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from balchat_relay_proto.blobs import BadBlob, DeletionSecret, ReadingSecret, blob_id, blob_size
from balchat_relay_proto.capabilities import CAPABILITY, Capability
from balchat_relay_proto.codec import DIGEST, Malformed, Message, octets
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import BlobFound, BlobsKept, Done
from balchat_relay_proto.requests import BlobDeletion, DeleteBlobs, GetBlob, Holder, PutBlob, RenewBlobs, Request
from balchat_relay_proto.sizes import CAPABILITY_SIZE, MAX_BLOBS_DELETED, ONION_KEY_SIZE

from balchat_host.api.errors import PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import BlobContainer, BlobOutcome, BlobReport
from balchat_host.api.types import OnionKey, PeerId
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.health import in_words
from balchat_transport_relay.relay_state import RelayState

R = TypeVar("R", bound=Message)

TIMEOUT: Final = 600.0
"""Seconds that a part may take, with dialling."""
_SECRET: Final = octets(CAPABILITY_SIZE).field
_FRAMING: Final = 1024
"""Octets of an answer around the blob, or of a refusal, at most."""
_SHORTEST_KEPT: Final = 3600
_LONGEST_KEPT: Final = 365 * 24 * 3600
"""Bounds in seconds on how long a relay keeps parts. What goes sooner would be put again and again."""
_SHORTEST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 6 * 3600.0
"""Bounds in seconds on the time that a relay asks us to wait."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ContainerKey(Message):
    """What puts and deletes: the queue at whose expense, and the secret of the parts."""

    relay: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    queue: bytes = field(metadata=DIGEST)
    receive: Capability = field(metadata=CAPABILITY.field)
    secret: bytes = field(metadata=_SECRET)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ContainerOffer(Message):
    """What gets: the relay, and the secret for reading."""

    relay: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    secret: bytes = field(metadata=_SECRET)


class BlobCarrier:
    """Puts and gets, over up to `streams` circuits of a contact at once."""

    def __init__(self, state: RelayState, circuits: Circuits, *, streams: int) -> None:
        self._state = state
        self._circuits = circuits
        self._streams = streams

    async def allocate(self, peer: PeerId) -> Sequence[BlobContainer]:
        """Return new containers, one at each relay of ours where the contact's queue exists."""
        queues = await self._state.allocate_queues(peer)
        made: list[BlobContainer] = []
        for queue in queues:
            if queue.created:
                secret = DeletionSecret(secrets.token_bytes(CAPABILITY_SIZE))
                key = ContainerKey(relay=queue.relay, queue=queue.id, receive=queue.receive, secret=secret.octets)
                offer = ContainerOffer(relay=queue.relay, secret=secret.reading.octets)
                made.append(BlobContainer(offer=offer.to_octets(), key=key.to_octets()))
        if not made:
            raise PeerUnreachable(problem="no relay of ours can be used for files now")
        return made

    async def put(self, peer: PeerId, key: bytes, index: int, part: bytes) -> BlobReport:
        """Transport.put_blob."""
        container = ContainerKey.from_octets(key)
        secret = DeletionSecret(container.secret)
        request = PutBlob(
            queue=container.queue,
            holder=Holder(capability=container.receive),
            read_verifier=secret.reading.capability(index).verifier,
            delete_verifier=secret.capability(index).verifier,
            blob=secret.reading.seal(index, part),
        )
        return await self._kept(peer, container, request)

    async def renew(self, peer: PeerId, key: bytes) -> BlobReport:
        """Transport.renew_blobs."""
        container = ContainerKey.from_octets(key)
        request = RenewBlobs(queue=container.queue, holder=Holder(capability=container.receive))
        return await self._kept(peer, container, request)

    async def delete(self, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        """Transport.delete_blobs."""
        container = ContainerKey.from_octets(key)
        secret = DeletionSecret(container.secret)
        left = list(indexes)
        while left:
            some, left = left[:MAX_BLOBS_DELETED], left[MAX_BLOBS_DELETED:]
            blobs = tuple(
                BlobDeletion(blob=blob_id(secret.reading.capability(index).verifier), delete=secret.capability(index))
                for index in some
            )
            client = self._client(container.relay, "blobs", peer)
            try:
                await _at_ours(lambda client=client, blobs=blobs: client.ask(DeleteBlobs(blobs=blobs), Done))
            except Refused as refused:
                raise PeerUnreachable(problem=in_words(refused.code)) from refused

    async def get(self, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        """Transport.get_blob."""
        try:
            container = ContainerOffer.from_octets(offer)
        except Malformed as error:
            raise ProtocolViolation(problem="their offer of a file at a relay cannot be read") from error
        secret = ReadingSecret(container.secret)
        client = self._client(container.relay, "parts", peer)
        try:
            found = await _reached(
                lambda: client.ask(GetBlob(read=secret.capability(index)), BlobFound, limit=blob_size(size) + _FRAMING)
            )
        except Refused as refused:
            if refused.code is Code.NO_BLOB:
                return None
            raise PeerUnreachable(problem=in_words(refused.code)) from refused
        try:
            return secret.unseal(index, found.blob, size)
        except BadBlob:
            raise PartRefused(problem="what a relay gave is not what was left there") from None

    async def _kept(self, peer: PeerId, container: ContainerKey, request: Request) -> BlobReport:
        client = self._client(container.relay, "blobs", peer)
        try:
            kept = await _at_ours(lambda: client.ask(request, BlobsKept))
        except Refused as refused:
            if refused.code is Code.DENIED:
                return BlobReport(outcome=BlobOutcome.GONE)
            wait = refused.retry_after
            return BlobReport(
                outcome=BlobOutcome.FULL,
                reason=refused.code.value,
                retry_after=None if wait is None else min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT),
            )
        if kept.seconds < _SHORTEST_KEPT:
            return BlobReport(outcome=BlobOutcome.FULL, reason="kept-too-shortly")
        return BlobReport(outcome=BlobOutcome.KEPT, kept=min(kept.seconds, _LONGEST_KEPT))

    def _client(self, relay: bytes, purpose: str, peer: PeerId) -> RelayClient:
        """Return a client that is free, of those for this purpose and contact."""
        slot = self._circuits.assign(peer)
        found: RelayClient | None = None
        for number in range(self._streams):
            found = self._circuits.client(OnionKey(relay), f"{purpose}/{slot}/{number}", timeout=TIMEOUT)
            if not found.busy:
                break
        assert found is not None, "there is one stream at least"
        return found


async def _at_ours(ask: Callable[[], Awaitable[R]]) -> R:
    """Ask a relay of ours, which is left alone for a while where it misbehaves. Raise Refused, PeerUnreachable."""
    try:
        return await _reached(ask)
    except ProtocolViolation as error:
        raise PeerUnreachable(problem=str(error.fields["problem"])) from error


async def _reached(ask: Callable[[], Awaitable[R]]) -> R:
    """Ask a relay. Raise Refused, PeerUnreachable, ProtocolViolation."""
    try:
        return await ask()
    except RelayUnavailable as error:
        raise PeerUnreachable(problem=str(error)) from error
    except RelayMisbehaved as error:
        raise ProtocolViolation(problem=f"a relay misbehaves: {error}") from error
