"""Each operation of docs/spec/relay.md: from a checked request to the store and back to a reply."""

import asyncio
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
from balchat_relay_proto.replies import About, Challenge, Created, Creation, Published
from balchat_relay_proto.requests import (
    Acknowledge,
    Authority,
    Claim,
    Create,
    CreateInbox,
    Delete,
    Fetch,
    GetChallenge,
    GetStatus,
    Holder,
    Owner,
    Publish,
    Put,
    Request,
)
from balchat_relay_proto.sizes import CHALLENGE_SIZE, MAX_FETCHED_OCTETS
from balchat_relay_proto.versions import VERSIONS

from balchat_relay.push import Hub
from balchat_relay.settings import RelayTable
from balchat_relay.storage import rules
from balchat_relay.storage.contract import QueueStore
from balchat_relay.web.limiting import Bucket

_DRAINING_RETRY: Final = 24 * 3600


class Asker(Protocol):
    """The connection that a request came over: where its challenge is kept."""

    challenge: bytes | None


class Operations:
    """What a relay does. `relay_key` is its onion's public key."""

    def __init__(self, store: QueueStore, hub: Hub, *, relay_key: bytes, table: RelayTable, creations: Bucket) -> None:
        self._store = store
        self._hub = hub
        self._relay_key = relay_key
        self._table = table
        self._creations = creations
        self.draining = False
        self.fetch_octets: Callable[[], int] = _everything
        self._handlers: dict[type[Request], Callable[[Any, Asker], Awaitable[Message | None]]] = {
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
        }

    def about(self) -> About:
        """Introduce the relay."""
        return About(
            versions=VERSIONS,
            relay_key=self._relay_key,
            creation=self._table.creation,
            max_age=self._store.limits.max_age,
        )

    def answer(self, request: Request, asker: Asker) -> Awaitable[Message | None]:
        """Do what is asked; None stands for Done. Raises Refused, now or when it is awaited."""
        return self._handlers[type(request)](request, asker)

    def receive_verifier(self, queue: bytes, authority: Authority, challenge: bytes, purpose: Purpose) -> bytes | None:
        """Give what the store compares; None for the proven owner of an inbox. Raises Refused (DENIED)."""
        match authority:
            case Holder(capability=capability):
                return capability.verifier
            case Owner(onion_key=onion_key, signature=signature):
                self._check_owner(onion_key, signature, challenge, purpose)
                if not compare_digest(queue, inbox_id(onion_key)):
                    raise _denied()
                return None

    # -- operations --

    async def _get_challenge(self, request: GetChallenge, asker: Asker) -> Challenge:
        del request
        asker.challenge = new_challenge()
        return Challenge(challenge=asker.challenge)

    async def _create(self, request: Create, asker: Asker) -> Created:
        del asker
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

    async def _create_inbox(self, request: CreateInbox, asker: Asker) -> Created:
        owner = request.owner
        self._check_owner(owner.onion_key, owner.signature, _used_up(asker), Purpose.CREATE)
        invitation = self._permit(request.permit)
        queue = inbox_id(owner.onion_key)
        await self._store.create(queue, send=None, receive=None, invitation=invitation, now=_now())
        return Created(queue=queue)

    def _put(self, request: Put, asker: Asker) -> Awaitable[None]:
        del asker
        self._refuse_while_draining()
        send, envelope = _verifier(request.send), request.envelope
        putting = self._hub.putting(request.queue, send=send, envelope=envelope)
        put = asyncio.ensure_future(
            self._store.put(request.queue, send=send, envelope_id=envelope_id(envelope), envelope=envelope, now=_now())
        )
        put.add_done_callback(putting.done)
        return put

    def _fetch(self, request: Fetch, asker: Asker) -> Awaitable[Message]:
        receive = self._authorised(request, asker, Purpose.FETCH)
        octets = self.fetch_octets()
        return self._store.fetch(request.queue, receive=receive, after=request.after, now=_now(), octets=octets)

    def _acknowledge(self, request: Acknowledge, asker: Asker) -> Awaitable[None]:
        receive = self._authorised(request, asker, Purpose.ACKNOWLEDGE)
        return self._store.acknowledge(request.queue, receive=receive, envelope_ids=request.envelope_ids, now=_now())

    async def _delete(self, request: Delete, asker: Asker) -> None:
        await self._store.delete(request.queue, receive=self._authorised(request, asker, Purpose.DELETE))

    async def _status(self, request: GetStatus, asker: Asker) -> Message:
        return await self._store.status(request.queue, receive=self._authorised(request, asker, Purpose.STATUS))

    async def _publish(self, request: Publish, asker: Asker) -> Published:
        receive = self._authorised(request, asker, Purpose.PUBLISH)
        self._refuse_while_draining()
        cards = await self._store.publish(
            request.queue,
            receive=receive,
            cards=request.cards,
            last_resort=request.last_resort,
            tokens=request.token_verifiers,
            now=_now(),
        )
        return Published(cards=cards)

    async def _claim(self, request: Claim, asker: Asker) -> Message:
        del asker
        return await self._store.claim(
            request.queue, send=_verifier(request.send), token=_verifier(request.token), now=_now()
        )

    # -- who may --

    def _authorised(
        self, request: Fetch | Acknowledge | Delete | GetStatus | Publish, asker: Asker, purpose: Purpose
    ) -> bytes | None:
        challenge = _used_up(asker) if isinstance(request.authority, Owner) else b""
        return self.receive_verifier(request.queue, request.authority, challenge, purpose)

    def _check_owner(self, onion_key: bytes, signature: bytes, challenge: bytes, purpose: Purpose) -> None:
        try:
            check_proof(onion_key, signature, relay_key=self._relay_key, challenge=challenge, purpose=purpose)
        except BadProof:
            raise _denied() from None

    def _permit(self, permit: str | None) -> bytes | None:
        """Check what creating costs; give an invitation's hash where the store must count it. Raises Refused."""
        self._refuse_while_draining()
        given = sha256((permit or "").encode()).digest()
        if self._table.creation is Creation.PASSWORD:
            if not compare_digest(given, sha256(self._table.password.encode()).digest()):
                self._creations.take("queues are being created")  # guessing costs as much as creating
                raise rules.not_invited()
        elif self._table.creation is Creation.INVITATION and permit is None:
            raise rules.not_invited()
        self._creations.take("queues are being created")
        return given if self._table.creation is Creation.INVITATION else None

    def _refuse_while_draining(self) -> None:
        if self.draining:
            raise Refused(Code.DRAINING, "The relay takes nothing new; move to another.", retry_after=_DRAINING_RETRY)


def _everything() -> int:
    return MAX_FETCHED_OCTETS


def new_challenge() -> bytes:
    """Make a challenge that never was."""
    return secrets.token_bytes(CHALLENGE_SIZE)


def _used_up(asker: Asker) -> bytes:
    """Give the connection's challenge, which then is gone. Raises Refused (NO_CHALLENGE)."""
    challenge, asker.challenge = asker.challenge, None
    if challenge is None:
        raise Refused(Code.NO_CHALLENGE, "Ask for a challenge on this connection first.", retry_after=0)
    return challenge


def _verifier(capability: Capability | None) -> bytes | None:
    return None if capability is None else capability.verifier


def _denied() -> Refused:
    return Refused(Code.DENIED, "There is no such queue, or this is not its capability.")


def _now() -> int:
    return int(time())
