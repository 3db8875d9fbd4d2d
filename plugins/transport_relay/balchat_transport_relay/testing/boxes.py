"""The queues of a relay and their operations, in memory and without limits: one half of the scripted relay."""

from dataclasses import dataclass, field
from typing import Final

from balchat_relay_proto.blobs import blob_id
from balchat_relay_proto.capabilities import envelope_id, inbox_id, queue_id
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.proofs import BadProof, Purpose, check_proof
from balchat_relay_proto.replies import (
    BlobFound,
    BlobsKept,
    Challenge,
    Claimed,
    Created,
    Done,
    Fetched,
    Published,
    QueueStatus,
    Stored,
)
from balchat_relay_proto.requests import (
    Acknowledge,
    Authority,
    Claim,
    Create,
    CreateInbox,
    Delete,
    DeleteBlobs,
    Fetch,
    GetBlob,
    GetChallenge,
    GetStatus,
    Holder,
    Owner,
    Publish,
    Put,
    PutBlob,
    RenewBlobs,
    Request,
)
from balchat_relay_proto.sizes import MAX_FETCHED, MAX_FETCHED_OCTETS

from balchat_host.api.types import OnionKey

_KEPT: Final = 14 * 24 * 3600
CHALLENGE: Final = bytes(range(32))
"""Always the same, since tests need no protection against using one twice."""


@dataclass(slots=True)
class Box:
    """A queue. An inbox has no verifiers."""

    send: bytes | None
    receive: bytes | None
    stored: dict[bytes, Stored] = field(default_factory=dict[bytes, Stored])
    cards: list[bytes] = field(default_factory=list[bytes])
    last_resort: bytes | None = None
    sequence: int = 0
    blobs: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict[bytes, tuple[bytes, bytes]])
    """What deletes it, and its octets, by its id."""


class Boxes:
    """The queues of a relay. `permit`: what creating a queue requires."""

    def __init__(self, peer: OnionKey, *, permit: str | None = None) -> None:
        self.peer = peer
        self.permit = permit
        self.boxes: dict[bytes, Box] = {}

    def do(self, request: Request, challenge: list[bytes]) -> Message:
        """Return the reply to a request. `challenge` holds the connection's challenge, if any. Raise Refused."""
        match request:
            case GetChallenge():
                challenge[:] = [CHALLENGE]
                return Challenge(challenge=CHALLENGE)
            case Create(send_verifier=send, receive_verifier=receive, permit=permit):
                return self._create(queue_id(send, receive), Box(send, receive), permit)
            case CreateInbox(owner=owner, permit=permit):
                self._check(owner, Purpose.CREATE, challenge)
                return self._create(inbox_id(owner.onion_key), Box(None, None), permit)
            case Put(queue=queue, send=send, envelope=envelope):
                box = self.boxes.get(queue)
                if box is None or box.send != (send and send.verifier):
                    raise Refused(Code.DENIED, "")
                self.put(queue, envelope)
                return Done()
            case Claim(queue=queue):
                box = self.boxes.get(queue)
                card = box and (box.cards.pop(0) if box.cards else box.last_resort)
                if not box or not card:
                    raise Refused(Code.NO_KEY_PACKAGE, "")
                return Claimed(card=card, last_resort=card == box.last_resort)
            case GetBlob() | DeleteBlobs():
                return self._do_with_blobs(request)
            case _:
                return self._do_as_owner(request, challenge)

    def _do_with_blobs(self, request: GetBlob | DeleteBlobs) -> Message:
        match request:
            case GetBlob(read=read):
                blob = blob_id(read.verifier)
                for box in self.boxes.values():
                    if blob in box.blobs:
                        return BlobFound(blob=box.blobs[blob][1])
                raise Refused(Code.NO_BLOB, "")
            case DeleteBlobs(blobs=blobs):
                for each in blobs:
                    for box in self.boxes.values():
                        if box.blobs.get(each.blob, (b"",))[0] == each.delete.verifier:
                            del box.blobs[each.blob]
                return Done()

    def _do_as_owner(self, request: Request, challenge: list[bytes]) -> Message:
        match request:
            case Fetch(queue=queue, authority=authority, after=after):
                box = self.box(queue, authority, Purpose.FETCH, challenge)
                return _page([each for each in box.stored.values() if each.sequence > after])
            case Acknowledge(queue=queue, authority=authority, envelope_ids=ids):
                box = self.box(queue, authority, Purpose.ACKNOWLEDGE, challenge)
                box.stored = {each: stored for each, stored in box.stored.items() if each not in ids}
                return Done()
            case Delete(queue=queue, authority=authority):
                self.box(queue, authority, Purpose.DELETE, challenge)
                del self.boxes[queue]
                return Done()
            case PutBlob(queue=queue, holder=holder, read_verifier=read, delete_verifier=delete, blob=blob):
                box = self.box(queue, holder, Purpose.STATUS, challenge)
                box.blobs[blob_id(read)] = delete, blob
                return BlobsKept(seconds=_KEPT)
            case RenewBlobs(queue=queue, holder=holder):
                self.box(queue, holder, Purpose.STATUS, challenge)
                return BlobsKept(seconds=_KEPT)
            case GetStatus(queue=queue, authority=authority):
                box = self.box(queue, authority, Purpose.STATUS, challenge)
                return QueueStatus(
                    envelopes=len(box.stored),
                    octets=sum(len(each.envelope) for each in box.stored.values()),
                    max_envelopes=1000,
                    max_octets=10**9,
                    cards=len(box.cards),
                    last_resort=box.last_resort is not None,
                )
            case Publish(queue=queue, authority=authority, cards=cards, last_resort=last_resort):
                box = self.box(queue, authority, Purpose.PUBLISH, challenge)
                box.cards += cards
                box.last_resort = last_resort or box.last_resort
                return Published(cards=len(box.cards))
            case _:
                raise Refused(Code.UNKNOWN_OPERATION, "")

    def put(self, queue: bytes, envelope: bytes) -> Stored | None:
        """Store an envelope. Return it as stored, or None where it was there already."""
        box = self.boxes[queue]
        if envelope_id(envelope) in box.stored:
            return None
        box.sequence += 1
        box.stored[envelope_id(envelope)] = stored = Stored(sequence=box.sequence, envelope=envelope)
        return stored

    def _create(self, queue: bytes, box: Box, permit: str | None) -> Created:
        if permit != self.permit:
            raise Refused(Code.NOT_INVITED, "")
        self.boxes.setdefault(queue, box)
        return Created(queue=queue)

    def box(self, queue: bytes, authority: Authority, purpose: Purpose, challenge: list[bytes]) -> Box:
        """Return a queue to whoever proves that it is theirs. Raise Refused."""
        box = self.boxes.get(queue)
        match authority:
            case Owner():
                self._check(authority, purpose, challenge)
                right = queue == inbox_id(authority.onion_key)
            case Holder(capability=capability):
                right = box is not None and box.receive == capability.verifier
        if box is None or not right:
            raise Refused(Code.DENIED, "")
        return box

    def _check(self, owner: Owner, purpose: Purpose, challenge: list[bytes]) -> None:
        if not challenge:
            raise Refused(Code.NO_CHALLENGE, "")
        if purpose is not Purpose.SUBSCRIBE:
            challenge.clear()
        try:
            check_proof(
                owner.onion_key,
                owner.signature,
                relay_key=self.peer.octets,
                challenge=CHALLENGE,
                purpose=purpose,
            )
        except BadProof:
            raise Refused(Code.DENIED, "") from None


def _page(stored: list[Stored]) -> Fetched:
    """Return as many as fit into one answer."""
    count, octets = 0, 0
    for each in stored[:MAX_FETCHED]:
        octets += len(each.envelope)
        if count and octets > MAX_FETCHED_OCTETS:
            break
        count += 1
    return Fetched(stored=tuple(stored[:count]), more=count < len(stored))
