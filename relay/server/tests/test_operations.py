"""What a client of the relay notices, operation by operation."""

from pathlib import Path

import pytest
from balchat_relay.service import Relay
from balchat_relay.settings import Limits, RelayTable
from balchat_relay.storage import rules
from balchat_relay.testing.client import Client, OwnQueue, connected, inbox_of, random_envelope, sign
from balchat_relay_proto.capabilities import Capability, envelope_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import Claimed, Created, Creation, Done, Fetched, Published, QueueStatus
from balchat_relay_proto.requests import (
    Acknowledge,
    Claim,
    CreateInbox,
    Delete,
    Fetch,
    GetStatus,
    Publish,
    Put,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RELAY_KEY = b"\x07" * 32

pytestmark = pytest.mark.anyio


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.code is code)


async def put(client: Client, queue: OwnQueue, envelope: bytes | None = None) -> bytes:
    envelope = envelope or random_envelope()
    await client.ask(Put(queue=queue.id, send=queue.send, envelope=envelope), Done)
    return envelope


async def fetch(client: Client, queue: OwnQueue) -> list[bytes]:
    found = await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)
    return [each.envelope for each in found.stored]


async def test_the_relay_introduces_itself(client: Client) -> None:
    about = await client.about()
    assert (about.versions, about.relay_key, about.creation) == ((1,), RELAY_KEY, Creation.OPEN)


async def test_a_queue_from_its_creation_to_its_deletion(client: Client) -> None:
    queue = await client.new_queue()
    first, second = await put(client, queue), await put(client, queue, random_envelope(256 * 1024))
    await put(client, queue, first)
    assert await fetch(client, queue) == [first, second]
    status = await client.ask(GetStatus(queue=queue.id, authority=queue.holder), QueueStatus)
    assert (status.envelopes, status.octets) == (2, len(first) + len(second))
    ids = (envelope_id(first),)
    await client.ask(Acknowledge(queue=queue.id, authority=queue.holder, envelope_ids=ids), Done)
    assert await fetch(client, queue) == [second]
    await client.ask(Delete(queue=queue.id, authority=queue.holder), Done)
    with refused(Code.DENIED):
        await fetch(client, queue)


async def test_neither_capability_does_the_others_work(client: Client) -> None:
    queue = await client.new_queue()
    swapped = OwnQueue(send=queue.receive, receive=queue.send)
    with refused(Code.DENIED) as wrong:
        await client.ask(Fetch(queue=queue.id, authority=swapped.holder), Fetched)
    with refused(Code.DENIED):
        await client.ask(Put(queue=queue.id, send=swapped.send, envelope=random_envelope()), Done)
    with refused(Code.DENIED):
        await client.ask(Put(queue=queue.id, send=None, envelope=random_envelope()), Done)
    with refused(Code.DENIED) as absent:
        await client.ask(Fetch(queue=b"n" * 32, authority=queue.holder), Fetched)
    assert (wrong.value.detail, wrong.value.retry_after) == (absent.value.detail, absent.value.retry_after)


# -- the inbox --


async def new_inbox(client: Client, key: Ed25519PrivateKey) -> bytes:
    owner = await client.owner(key, RELAY_KEY, Purpose.CREATE)
    return (await client.ask(CreateInbox(owner=owner), Created)).queue


async def test_an_inbox_is_its_onions(client: Client) -> None:
    key = Ed25519PrivateKey.generate()
    inbox = await new_inbox(client, key)
    assert inbox == inbox_of(key)
    envelope = random_envelope()
    await client.ask(Put(queue=inbox, send=None, envelope=envelope), Done)
    owner = await client.owner(key, RELAY_KEY, Purpose.FETCH)
    found = await client.ask(Fetch(queue=inbox, authority=owner), Fetched)
    assert [each.envelope for each in found.stored] == [envelope]
    owner = await client.owner(key, RELAY_KEY, Purpose.ACKNOWLEDGE)
    await client.ask(Acknowledge(queue=inbox, authority=owner, envelope_ids=(envelope_id(envelope),)), Done)
    owner = await client.owner(key, RELAY_KEY, Purpose.STATUS)
    assert (await client.ask(GetStatus(queue=inbox, authority=owner), QueueStatus)).envelopes == 0


async def test_a_signature_counts_once_for_one_purpose_one_relay_and_one_connection(
    client: Client, socket: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    inbox = await new_inbox(client, key)
    owner = await client.owner(key, RELAY_KEY, Purpose.FETCH)
    await client.ask(Fetch(queue=inbox, authority=owner), Fetched)
    with refused(Code.NO_CHALLENGE):
        await client.ask(Fetch(queue=inbox, authority=owner), Fetched)
    owner = await client.owner(key, RELAY_KEY, Purpose.FETCH)
    with refused(Code.DENIED):
        await client.ask(Delete(queue=inbox, authority=owner), Done)
    with refused(Code.NO_CHALLENGE):  # the failed try used the challenge up
        await client.ask(Fetch(queue=inbox, authority=owner), Fetched)
    owner = await client.owner(key, b"o" * 32, Purpose.FETCH)
    with refused(Code.DENIED):
        await client.ask(Fetch(queue=inbox, authority=owner), Fetched)
    owner = await client.owner(key, RELAY_KEY, Purpose.FETCH)
    async with connected(socket) as other:
        with refused(Code.NO_CHALLENGE):
            await other.ask(Fetch(queue=inbox, authority=owner), Fetched)


async def test_a_stranger_can_neither_read_nor_drain_nor_delete_an_inbox(client: Client) -> None:
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    inbox = await new_inbox(client, key)
    owner = await client.owner(stranger, RELAY_KEY, Purpose.FETCH)
    with refused(Code.DENIED):
        await client.ask(Fetch(queue=inbox, authority=owner), Fetched)
    guess = OwnQueue.generate()
    with refused(Code.DENIED):
        await client.ask(Delete(queue=inbox, authority=guess.holder), Done)
    with refused(Code.TOO_LARGE):
        await client.ask(Put(queue=inbox, send=None, envelope=random_envelope(256 * 1024)), Done)


async def test_an_owners_signature_opens_no_queue_with_capabilities(client: Client) -> None:
    key = Ed25519PrivateKey.generate()
    queue = await client.new_queue()
    owner = await client.owner(key, RELAY_KEY, Purpose.FETCH)
    with refused(Code.DENIED):
        await client.ask(Fetch(queue=queue.id, authority=owner), Fetched)


# -- cards --


async def test_cards_are_published_and_claimed_once(client: Client) -> None:
    key = Ed25519PrivateKey.generate()
    inbox = await new_inbox(client, key)
    token = Capability.generate()
    publish = Publish(
        queue=inbox,
        authority=await client.owner(key, RELAY_KEY, Purpose.PUBLISH),
        cards=(b"1" * 4096,),
        last_resort=b"l" * 4096,
        token_verifiers=(token.verifier,),
    )
    assert (await client.ask(publish, Published)).cards == 1
    claimed = await client.ask(Claim(queue=inbox, token=token), Claimed)
    assert (claimed.card[:1], claimed.last_resort) == (b"1", False)
    for _ in range(2):
        claimed = await client.ask(Claim(queue=inbox, token=token), Claimed)
        assert (claimed.card[:1], claimed.last_resort) == (b"l", True)


# -- what creating costs --


class TestByInvitation:
    @pytest.fixture
    def table(self) -> RelayTable:
        return RelayTable(creation=Creation.INVITATION)

    async def test_only_the_invited_create_queues(self, client: Client, relay: Relay) -> None:
        assert (await client.about()).creation is Creation.INVITATION
        for permit in (None, "guess"):
            with refused(Code.NOT_INVITED):
                await client.new_queue(permit)
        invitation = Capability(b"i" * 32)
        permit = "i" * 32
        await relay.store.invite(invitation.verifier, queues=1)
        await client.new_queue(permit)
        with refused(Code.NOT_INVITED):
            await client.new_queue(permit)


class TestByPassword:
    @pytest.fixture
    def table(self) -> RelayTable:
        return RelayTable(creation=Creation.PASSWORD, password="correct horse")

    async def test_only_who_knows_the_password_creates_queues(self, client: Client) -> None:
        for permit in (None, "wrong"):
            with refused(Code.NOT_INVITED):
                await client.new_queue(permit)
        await client.new_queue("correct horse")


class TestRates:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(min_free_mib=0, creations_per_minute=3, request_burst=10, requests_per_second=1)

    async def test_a_flood_of_creations_is_told_to_wait(self, client: Client) -> None:
        with refused(Code.TOO_MANY_REQUESTS) as error:
            for _ in range(5):
                await client.new_queue()
        assert error.value.retry_after
        assert error.value.retry_after <= 20

    async def test_a_flood_of_requests_is_told_to_wait_and_others_are_served(
        self, client: Client, socket: Path
    ) -> None:
        with refused(Code.TOO_MANY_REQUESTS) as error:
            for _ in range(20):
                await client.post("challenge", b"\x80")
        assert error.value.retry_after == 1
        async with connected(socket) as other:
            await other.new_queue()


async def test_a_draining_relay_gives_and_takes_nothing_new(client: Client, relay: Relay) -> None:
    queue = await client.new_queue()
    envelope = await put(client, queue)
    await relay.store.set_draining(draining=True)
    for asking in (client.new_queue(), put(client, queue)):
        with refused(Code.DRAINING) as error:
            await asking
        assert error.value.retry_after
    assert await fetch(client, queue) == [envelope]
    ids = (envelope_id(envelope),)
    await client.ask(Acknowledge(queue=queue.id, authority=queue.holder, envelope_ids=ids), Done)


def test_a_proof_names_its_relay() -> None:
    key = Ed25519PrivateKey.generate()
    one = sign(key, relay_key=b"1" * 32, challenge=b"c" * 32, purpose=Purpose.FETCH)
    two = sign(key, relay_key=b"2" * 32, challenge=b"c" * 32, purpose=Purpose.FETCH)
    assert one.signature != two.signature


async def test_the_largest_envelope_goes_in_and_out(client: Client) -> None:
    queue = await client.new_queue()
    largest = await put(client, queue, random_envelope(1024 * 1024))
    await put(client, queue)
    found = await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)
    assert ([each.envelope for each in found.stored], found.more) == ([largest], True)


async def test_a_fault_of_the_relay_is_named_so_and_ends_nothing_else(
    client: Client, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = await client.new_queue()
    with monkeypatch.context() as broken:
        broken.setattr(relay.store, "status", None)
        with refused(Code.INTERNAL) as error:
            await client.ask(GetStatus(queue=queue.id, authority=queue.holder), QueueStatus)
    assert error.value.retry_after
    await client.ask(GetStatus(queue=queue.id, authority=queue.holder), QueueStatus)


def test_a_refusal_that_time_mends_says_when_to_come_again() -> None:
    for temporary in (rules.queue_full(), rules.pool_full(1), rules.relay_full(), rules.inbox_busy(7), rules.no_card()):
        assert temporary.retry_after
    for lasting in (rules.not_invited(), rules.inbox_envelope_too_large(1)):
        assert lasting.retry_after is None
