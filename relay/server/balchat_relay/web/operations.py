"""Each operation of docs/spec/relay.md: from a checked request to the store and back to a reply."""

import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from hmac import compare_digest
from time import time
from typing import Any, Final, Protocol

from balchat_relay_proto.capabilities import Capability, envelope_id, inbox_id, queue_id
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.proofs import BadProof, Purpose, check_proof
from balchat_relay_proto.replies import About, BlobsKept, Challenge, Created, Creation, Published
from balchat_relay_proto.requests import (
    Acknowledge,
    Authority,
    Claim,
    Create,
    CreateInbox,
    Delete,
    DeleteBlobs,
    Fetch,
    GetChallenge,
    GetStatus,
    Holder,
    Owner,
    Publish,
    Put,
    RenewBlobs,
    Request,
)
from balchat_relay_proto.sizes import CHALLENGE_SIZE, ENVELOPE_SIZES, MAX_FETCHED_OCTETS
from balchat_relay_proto.versions import VERSIONS

from balchat_relay.settings import RelayTable
from balchat_relay.storage import rules
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.limiting import Bucket, Memory

_DRAINING_RETRY: Final = 24 * 3600


class HasChallenge(Protocol):
    """The connection that a request came over: where its challenge is kept."""

    challenge: bytes | None


class Operations:
    """What a relay does. `relay_key` is its onion's public key."""

    def __init__(
        self, store: QueueStore, *, relay_key: bytes, table: RelayTable, creations: Bucket, memory: Memory
    ) -> None:
        self._store = store
        self._relay_key = relay_key
        self._table = table
        self._creations = creations
        self._memory = memory
        self._handlers: dict[type[Request], Callable[[Any, HasChallenge], Awaitable[Message | None]]] = {
            GetChallenge: self._get_challenge,
            Create: self._create,
            CreateInbox: self._create_inbox,
            Put: self._put,
            Fetch: self._fetch,
            Acknowledge: self._acknowledge,
            Delete: self._delete,
            GetStatus: self._status,
            Publish: self._publish,
            Claim: self._claim,
            DeleteBlobs: self._delete_blobs,
            RenewBlobs: self._renew_blobs,
        }

    def about(self) -> About:
        """Introduce the relay."""
        return About(
            versions=VERSIONS,
            relay_key=self._relay_key,
            creation=self._table.creation,
            max_age=self._store.limits.max_age,
        )

    def answer(self, request: Request, connection: HasChallenge) -> Awaitable[Message | None]:
        """Do what is asked; None stands for Done. Raise Refused, now or when it is awaited."""
        return self._handlers[type(request)](request, connection)

    def receive_verifier(self, queue: bytes, authority: Authority, challenge: bytes, purpose: Purpose) -> bytes | None:
        """Return what the store compares; None for the proven owner of an inbox. Raise Refused (DENIED)."""
        match authority:
            case Holder(capability=capability):
                return capability.verifier
            case Owner(onion_key=onion_key, signature=signature):
                self._check_owner(onion_key, signature, challenge, purpose)
                if not compare_digest(queue, inbox_id(onion_key)):
                    raise _denied()
                return None

    # -- operations --

    async def _get_challenge(self, request: GetChallenge, connection: HasChallenge) -> Challenge:
        del request
        connection.challenge = new_challenge()
        return Challenge(challenge=connection.challenge)

    async def _create(self, request: Create, connection: HasChallenge) -> Created:
        del connection
        invitation = self._permit(request.permit)
        queue = queue_id(request.send_verifier, request.receive_verifier)
        await self._store.create(
            queue,
            send=request.send_verifier,
            receive=request.receive_verifier,
            invitation=invitation,
            now=_now(),
        )
        return Created(queue=queue)

    async def _create_inbox(self, request: CreateInbox, connection: HasChallenge) -> Created:
        owner = request.owner
        self._check_owner(owner.onion_key, owner.signature, _used_up(connection), Purpose.CREATE)
        invitation = self._permit(request.permit)
        queue = inbox_id(owner.onion_key)
        await self._store.create(queue, send=None, receive=None, invitation=invitation, now=_now())
        return Created(queue=queue)

    def _put(self, request: Put, connection: HasChallenge) -> Awaitable[None]:
        del connection
        self.refuse_while_draining()
        return self._store.put(
            request.queue,
            send=_verifier(request.send),
            envelope_id=envelope_id(request.envelope),
            envelope=request.envelope,
            now=_now(),
        )

    def _fetch(self, request: Fetch, connection: HasChallenge) -> Awaitable[Message]:
        receive = self._authorised(request, connection, Purpose.FETCH)
        octets = ENVELOPE_SIZES[1] if self._memory.scarce else MAX_FETCHED_OCTETS
        return self._store.fetch(request.queue, receive=receive, after=request.after, now=_now(), octets=octets)

    def _acknowledge(self, request: Acknowledge, connection: HasChallenge) -> Awaitable[None]:
        receive = self._authorised(request, connection, Purpose.ACKNOWLEDGE)
        return self._store.acknowledge(request.queue, receive=receive, envelope_ids=request.envelope_ids, now=_now())

    async def _delete(self, request: Delete, connection: HasChallenge) -> None:
        await self._store.delete(request.queue, receive=self._authorised(request, connection, Purpose.DELETE))

    async def _status(self, request: GetStatus, connection: HasChallenge) -> Message:
        return await self._store.status(request.queue, receive=self._authorised(request, connection, Purpose.STATUS))

    async def _publish(self, request: Publish, connection: HasChallenge) -> Published:
        receive = self._authorised(request, connection, Purpose.PUBLISH)
        self.refuse_while_draining()
        cards = await self._store.publish(
            request.queue,
            receive=receive,
            cards=request.cards,
            last_resort=request.last_resort,
            tokens=request.token_verifiers,
            now=_now(),
        )
        return Published(cards=cards)

    async def _claim(self, request: Claim, connection: HasChallenge) -> Message:
        del connection
        return await self._store.claim(
            request.queue, send=_verifier(request.send), token=_verifier(request.token), now=_now()
        )

    async def _delete_blobs(self, request: DeleteBlobs, connection: HasChallenge) -> None:
        del connection
        await self._store.delete_blobs([(each.blob, each.delete.verifier) for each in request.blobs])

    async def _renew_blobs(self, request: RenewBlobs, connection: HasChallenge) -> BlobsKept:
        del connection
        receive = request.holder.capability.verifier
        return BlobsKept(seconds=await self._store.renew_blobs(request.queue, receive=receive, now=_now()))

    # -- who may --

    def _authorised(
        self, request: Fetch | Acknowledge | Delete | GetStatus | Publish, connection: HasChallenge, purpose: Purpose
    ) -> bytes | None:
        challenge = _used_up(connection) if isinstance(request.authority, Owner) else b""
        return self.receive_verifier(request.queue, request.authority, challenge, purpose)

    def _check_owner(self, onion_key: bytes, signature: bytes, challenge: bytes, purpose: Purpose) -> None:
        try:
            check_proof(onion_key, signature, relay_key=self._relay_key, challenge=challenge, purpose=purpose)
        except BadProof:
            raise _denied() from None

    def _permit(self, permit: str | None) -> bytes | None:
        """Check what creating costs; return an invitation's hash where the store must count it. Raise Refused."""
        self.refuse_while_draining()
        given = sha256((permit or "").encode()).digest()
        if self._table.creation is Creation.PASSWORD:
            if not compare_digest(given, sha256(self._table.password.encode()).digest()):
                self._creations.take("queues are being created")  # guessing costs as much as creating
                raise rules.not_invited()
        elif self._table.creation is Creation.INVITATION and permit is None:
            raise rules.not_invited()
        self._creations.take("queues are being created")
        return given if self._table.creation is Creation.INVITATION else None

    def refuse_while_draining(self) -> None:
        """Raise Refused (DRAINING) where nothing new is taken."""
        if self._store.draining:
            raise Refused(Code.DRAINING, "The relay takes nothing new; move to another.", retry_after=_DRAINING_RETRY)


def new_challenge() -> bytes:
    """Make a challenge that never was."""
    return secrets.token_bytes(CHALLENGE_SIZE)


def _used_up(connection: HasChallenge) -> bytes:
    """Return the connection's challenge, which is used up. Raise Refused (NO_CHALLENGE)."""
    challenge, connection.challenge = connection.challenge, None
    if challenge is None:
        raise Refused(Code.NO_CHALLENGE, "Ask for a challenge on this connection first.", retry_after=0)
    return challenge


def _verifier(capability: Capability | None) -> bytes | None:
    return None if capability is None else capability.verifier


def _denied() -> Refused:
    return Refused(Code.DENIED, "There is no such queue, or this is not its capability.")


def _now() -> int:
    return int(time())
