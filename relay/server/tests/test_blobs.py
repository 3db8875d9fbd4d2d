"""Blobs over HTTP: they come and go whole, cost little memory, and show nobody anything."""

import asyncio
import io
import tracemalloc
from pathlib import Path

import pytest
from balchat_relay.service import Relay
from balchat_relay.settings import Limits
from balchat_relay.testing.client import Client, OwnQueue, connected
from balchat_relay_proto.blob_bodies import PUT_HEAD_SIZE
from balchat_relay_proto.blobs import DeletionSecret, blob_id
from balchat_relay_proto.capabilities import Capability
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import BlobFound, BlobsKept, Done
from balchat_relay_proto.requests import BlobDeletion, Delete, DeleteBlobs, GetBlob, Holder, PutBlob, RenewBlobs
from balchat_relay_proto.sizes import BLOB_SIZES

pytestmark = pytest.mark.anyio

SECRET = DeletionSecret(b"\x05" * 32)


def put_request(queue: OwnQueue, index: int, size: int = 60_000, *, holder: Holder | None = None) -> PutBlob:
    return PutBlob(
        queue=queue.id,
        holder=holder or queue.holder,
        read_verifier=SECRET.reading.capability(index).verifier,
        delete_verifier=SECRET.capability(index).verifier,
        blob=SECRET.reading.seal(index, bytes([index]) * size),
    )


async def get(client: Client, index: int) -> bytes:
    return (await client.ask(GetBlob(read=SECRET.reading.capability(index)), BlobFound)).blob


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.code is code)


@pytest.mark.parametrize("size", BLOB_SIZES)
async def test_a_blob_of_each_size_comes_back_as_it_was_put(client: Client, size: int) -> None:
    queue = await client.new_queue()
    asked = put_request(queue, 1, size - 16)
    assert (await client.ask(asked, BlobsKept)).seconds == 14 * 24 * 3600
    assert await get(client, 1) == asked.blob
    deletion = BlobDeletion(
        blob=blob_id(SECRET.reading.capability(1).verifier),
        delete=SECRET.capability(1),
    )
    await client.ask(DeleteBlobs(blobs=(deletion,)), Done)
    with refused(Code.NO_BLOB):
        await get(client, 1)


async def test_what_is_refused_is_told_and_the_connection_goes_on(client: Client) -> None:
    queue = await client.new_queue()
    with refused(Code.DENIED):
        await client.ask(put_request(queue, 1, holder=Holder(capability=queue.send)), BlobsKept)
    with refused(Code.DENIED):
        await client.ask(RenewBlobs(queue=queue.id, holder=Holder(capability=Capability(bytes(32)))), BlobsKept)
    await client.ask(put_request(queue, 1), BlobsKept)
    assert await client.ask(RenewBlobs(queue=queue.id, holder=queue.holder), BlobsKept)
    await client.ask(Delete(queue=queue.id, authority=queue.holder), Done)
    with refused(Code.NO_BLOB):
        await get(client, 1)


@pytest.mark.parametrize("change", ["size", "length", "fields", "short", "long"])
async def test_what_is_malformed_is_refused(relay: Relay, client: Client, change: str) -> None:
    octets = bytearray(put_request(await client.new_queue(), 1).to_octets())
    match change:
        case "size":
            octets = octets[:-1]
        case "length":
            octets[PUT_HEAD_SIZE - 1] ^= 1
        case "fields":
            octets[0] = 0x86
        case "short":
            octets = octets[:PUT_HEAD_SIZE]
        case _:
            octets += bytes(4 * 2**20)
    with pytest.raises(Refused) as refusal:
        await client.post("blob-put", io.BytesIO(octets))
    assert refusal.value.code in (Code.MALFORMED, Code.TOO_LARGE)
    assert relay.store.totals.blobs == 0


async def test_of_a_blob_whose_sender_goes_nothing_is_kept(
    relay: Relay, client: Client, socket: Path, short_folder: Path
) -> None:
    octets = put_request(await client.new_queue(), 1, BLOB_SIZES[2] - 16).to_octets()
    _, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(b"POST /v1/blob-put HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n" % len(octets))
    writer.write(octets[:500_000])
    await writer.drain()

    def lying() -> bool:
        return any((short_folder / "blobs").glob("*"))

    while not await asyncio.to_thread(lying):
        pass
    writer.close()
    while await asyncio.to_thread(lying):
        pass
    assert relay.store.totals.blobs == 0
    await client.ask(put_request(await client.new_queue(), 1), BlobsKept)


async def test_many_large_blobs_at_once_cost_little_memory(client: Client, socket: Path) -> None:
    queue = await client.new_queue()
    asked = put_request(queue, 1, BLOB_SIZES[-1] - 16)
    await client.ask(asked, BlobsKept)

    all_of_them = asyncio.Barrier(32)

    async def read_slowly() -> None:
        reader, writer = await asyncio.open_unix_connection(str(socket))
        body = GetBlob(read=SECRET.reading.capability(1)).to_octets()
        writer.write(b"POST /v1/blob-get HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await all_of_them.wait()
        writer.transport.abort()

    tracemalloc.start()
    try:
        await asyncio.gather(*(read_slowly() for _ in range(32)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * 1024 * 1024, "32 blobs of 4 MiB are 128 MiB"


class TestNoBlobs:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(min_free_mib=0, blobs_mib=0)

    async def test_an_operator_may_want_none(self, client: Client) -> None:
        with refused(Code.RELAY_FULL):
            await client.ask(put_request(await client.new_queue(), 1), BlobsKept)


class TestFewBodies:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(min_free_mib=0, bodies_mib=4)

    async def test_so_many_are_under_way_at_once_and_no_more(self, client: Client, socket: Path) -> None:
        queue = await client.new_queue()
        octets = put_request(queue, 1, BLOB_SIZES[2] - 16).to_octets()
        held = [await asyncio.open_unix_connection(str(socket)) for _ in range(8)]
        for _, writer in held:
            writer.write(b"POST /v1/blob-put HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n" % len(octets))
            writer.write(octets[:PUT_HEAD_SIZE])
            await writer.drain()
        async with connected(socket) as other:
            with refused(Code.TOO_MANY_REQUESTS):
                while True:
                    await other.ask(put_request(queue, 2), BlobsKept)
        for _, writer in held:
            writer.transport.abort()
