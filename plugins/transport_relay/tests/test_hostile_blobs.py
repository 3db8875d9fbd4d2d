"""Relays that do wrong with parts of files: it costs little, and it ends what it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import BlobFound, BlobsKept, Done
from balchat_relay_proto.requests import DeleteBlobs, GetBlob, PutBlob, RenewBlobs
from balchat_relay_proto.sizes import BLOB_SIZES
from balchat_transport_relay.blob_carrier import TIMEOUT, ContainerOffer
from balchat_transport_relay.circuits import IDLE

from balchat_host.api.errors import PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import BlobOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

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


def in_http(body: bytes, *, said: int | None = None, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if said is None else said}\r\n\r\n".encode() + body


def a_drop_at_a_time(octets: bytes) -> list[bytes]:
    return [octets[place : place + 1] for place in range(len(octets))]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIES: dict[str, tuple[Callable[[bytes], list[bytes]], float]] = {
    "cut off": (lambda blob: [in_http(BlobFound(blob=blob).to_octets())[:-1]], 0),
    "shorter than it says": (lambda blob: [in_http(BlobFound(blob=blob).to_octets(), said=len(blob) + 900)], 0),
    "longer than a part": (lambda _: [in_http(BlobFound(blob=bytes(BLOB_SIZES[1])).to_octets())], 0),
    "without an end": (lambda _: [CHUNKED, *[b"10000\r\n" + bytes(0x10000) + b"\r\n"] * 1000], 0),
    "said to be without an end": (lambda blob: [in_http(blob, said=10**15), *[blob] * 1000], 0),
    "too little": (lambda blob: [in_http(BlobFound(blob=blob[:-1]).to_octets())], 0),
    "nothing in it": (lambda _: [in_http(BlobFound(blob=b"").to_octets())], 0),
    "not CBOR": (lambda blob: [in_http(blob)], 0),
    "not HTTP": (lambda blob: [blob], 0),
    "of many headers": (lambda _: [b"HTTP/1.1 200 OK\r\n", *[b"Again: and again\r\n" * 1000] * 100], 0),
    "of many answers ahead": (lambda _: [b"HTTP/1.1 100 Continue\r\n\r\n" * 1000] * 100, 0),
    "a refusal of nothing": (lambda blob: [in_http(blob, status="503 Service Unavailable")], 0),
    "a drop at a time": (lambda blob: a_drop_at_a_time(in_http(BlobFound(blob=blob).to_octets())), 60),
    "never": (lambda _: [b""], YEAR),
}


async def test_whatever_one_answers_in_place_of_a_part_it_is_bounded_and_the_next_one_is_asked_for(world) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice:
            made = await container(alice, bob)
            await alice.transport.put_blob(bob.peer, made.key, 0, PART)
            ((_, blob),) = [each for box in relay.boxes.values() for each in box.blobs.values()]
            for how, (lie, pause) in LIES.items():
                sent = 0

                async def answer(stream, lie=lie, pause=pause) -> None:
                    nonlocal sent
                    await stream.receive()
                    await stream.send(in_http(relay.about.to_octets()))
                    await stream.receive()
                    for octets in lie(blob):
                        await anyio.sleep(pause)
                        await stream.send(octets)
                        sent += len(octets)

                relay.instead = answer
                began = anyio.current_time()
                with pytest.raises((PartRefused, ProtocolViolation, PeerUnreachable)):
                    await bob.transport.get_blob(alice.peer, made.offer, 0, len(PART))
                assert anyio.current_time() - began <= TIMEOUT, how
                assert sent <= 8 * BLOB_SIZES[0], how
                relay.instead = None
                assert await bob.transport.get_blob(alice.peer, made.offer, 0, len(PART)) == PART, how
                await anyio.sleep(2 * IDLE)  # the connection is closed


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
