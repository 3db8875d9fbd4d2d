"""Relays that do wrong with parts of files: it costs little, and it ends what it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import BlobFound, BlobsKept, Done
from balchat_relay_proto.requests import DeleteBlobs, GetBlob, PutBlob, RenewBlobs
from balchat_relay_proto.sizes import BLOB_SIZES
from balchat_transport_relay.blob_carrier import ContainerOffer

from balchat_host.api.errors import PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import BlobOutcome

if TYPE_CHECKING:
    from balchat_host.api.transport import BlobContainer

pytestmark = pytest.mark.anyio

PART = b"a part of a file" * 64
YEAR = 366 * 24 * 3600


@pytest.fixture
def anyio_backend(virtual_time):
    return virtual_time


async def container(owner, other) -> BlobContainer:
    """Return a container at the owner's relay for somebody."""
    await owner.transport.allocate_routes(other.peer)
    with anyio.fail_after(YEAR):
        while True:
            try:
                (made,) = await owner.transport.allocate_containers(other.peer)
            except PeerUnreachable:
                await anyio.sleep(60)
            else:
                return made


@pytest.mark.parametrize("seconds", [0, 1, 3599])
async def test_one_that_keeps_nothing_is_not_given_parts_again_and_again(world, seconds) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            relay.script = lambda request: BlobsKept(seconds=seconds) if isinstance(request, PutBlob) else None
            report = await alice.transport.put_blob(bob.peer, made.key, 0, PART)
            assert (report.outcome, report.retry_after) == (BlobOutcome.FULL, None)


async def test_one_that_keeps_parts_for_ever_is_believed_a_year(world) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            relay.script = lambda request: BlobsKept(seconds=2**32) if isinstance(request, RenewBlobs) else None
            report = await alice.transport.renew_blobs(bob.peer, made.key)
            assert (report.outcome, 0 < report.kept < YEAR) == (BlobOutcome.KEPT, True)


@pytest.mark.parametrize("how", ["refused", "another answer"])
async def test_one_that_deletes_nothing_is_left_alone_for_a_while(world, how) -> None:
    def script(request):
        if isinstance(request, DeleteBlobs):
            if how == "refused":
                raise Refused(Code.TOO_MANY_REQUESTS, "", retry_after=600)
            return BlobsKept(seconds=10**6)
        return None

    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            await alice.transport.put_blob(bob.peer, made.key, 0, PART)
            relay.script = script
            with pytest.raises(PeerUnreachable):
                await alice.transport.delete_blobs(bob.peer, made.key, [0])
            relay.script = lambda request: None
            await alice.transport.delete_blobs(bob.peer, made.key, [0])
            assert await bob.transport.get_blob(alice.peer, made.offer, 0, len(PART)) is None


async def test_one_of_ours_that_answers_something_else_to_a_part_is_left_alone_for_a_while(world) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            relay.script = lambda request: Done() if isinstance(request, PutBlob) else None
            with pytest.raises(PeerUnreachable):
                await alice.transport.put_blob(bob.peer, made.key, 0, PART)


async def test_one_that_gives_more_than_the_part_is_not_read_to_its_end(world) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            await alice.transport.put_blob(bob.peer, made.key, 0, PART)
            large = BlobFound(blob=bytes(BLOB_SIZES[-1]))
            relay.script = lambda request: large if isinstance(request, GetBlob) else None
            with pytest.raises(ProtocolViolation):
                await bob.transport.get_blob(alice.peer, made.offer, 0, len(PART))
            relay.script = lambda request: None
            assert await bob.transport.get_blob(alice.peer, made.offer, 0, len(PART)) == PART


async def test_one_that_mixes_up_parts_gives_nothing(world) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            for index in range(2):
                await alice.transport.put_blob(bob.peer, made.key, index, PART)
            (first, second) = [blob for box in relay.boxes.values() for _, blob in box.blobs.values()]
            assert first != second, "equal parts cannot be told"
            relay.script = lambda request: BlobFound(blob=second) if isinstance(request, GetBlob) else None
            with pytest.raises(PartRefused):
                await bob.transport.get_blob(alice.peer, made.offer, 0, len(PART))


async def test_an_offer_of_somebody_elses_onion_costs_it_one_request_that_reads_nothing(world) -> None:
    """A contact can have us dial an onion. Unless it is a relay, it hears no more than that a balchat came."""
    async with world() as w, w.account() as bob:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay) as alice:
            offer = ContainerOffer(relay=other.peer.octets, secret=bytes(32)).to_octets()
            assert await bob.transport.get_blob(alice.peer, offer, 0, len(PART)) is None
            assert [type(each) for each in other.asked] == [GetBlob]
