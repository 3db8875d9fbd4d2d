"""What a subscriber notices."""

from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import anyio
import pytest
from balchat_relay.service import Relay, serving
from balchat_relay.settings import Limits, RelayTable
from balchat_relay.storage.contract import StoreLimits
from balchat_relay.storage.memory import MemoryStore
from balchat_relay.testing.client import Client, OwnQueue, Subscriber, connected, inbox_of, random_envelope, sign
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code
from balchat_relay_proto.frames import Acknowledged, Ended, NotAcknowledged, Push, Subscribe, Subscribed, Unsubscribe
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import Created, Done, Fetched
from balchat_relay_proto.requests import CreateInbox, Delete, Fetch, Put
from balchat_relay_proto.sizes import MAX_FETCHED_OCTETS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytestmark = pytest.mark.anyio
RELAY_KEY = b"\x07" * 32


async def put(client: Client, queue: OwnQueue, envelope: bytes | None = None) -> bytes:
    envelope = envelope or random_envelope()
    await client.ask(Put(queue=queue.id, send=queue.send, envelope=envelope), Done)
    return envelope


async def subscribe(subscriber: Subscriber, queue: OwnQueue, number: int = 1) -> None:
    await subscriber.send(Subscribe(number=number, queue=queue.id, authority=queue.holder))
    assert await subscriber.receive() == Subscribed(number=number)


async def push(subscriber: Subscriber, number: int = 1) -> Push:
    frame = await subscriber.receive()
    assert isinstance(frame, Push)
    assert frame.number == number
    return frame


async def pushed(subscriber: Subscriber, number: int = 1) -> bytes:
    return (await push(subscriber, number)).envelope


async def ending(subscriber: Subscriber) -> Code | None:
    frame = await subscriber.receive()
    assert isinstance(frame, Ended)
    return frame.code


async def test_what_was_there_and_what_comes_is_pushed_in_order_and_deleted_when_acknowledged(
    client: Client, socket: Path
) -> None:
    queue = await client.new_queue()
    there = [await put(client, queue) for _ in range(10)]
    async with connected(socket) as other, other.subscriber() as subscriber:
        await subscribe(subscriber, queue)
        assert [await pushed(subscriber) for _ in there] == there
        coming = [await put(client, queue) for _ in range(10)]
        assert [await pushed(subscriber) for _ in coming] == coming
        ids = tuple(envelope_id(each) for each in there + coming)
        await subscriber.send(Acknowledged(number=1, envelope_ids=ids))
        assert await subscriber.receive() == Acknowledged(number=1, envelope_ids=ids)
    assert (await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)).stored == ()


async def test_many_putters_at_once_lose_nothing_on_the_way_to_many_queues(client: Client, socket: Path) -> None:
    queues = [await client.new_queue() for _ in range(5)]
    sent: dict[int, set[bytes]] = {number: set() for number in range(5)}
    got: dict[int, list[bytes]] = {number: [] for number in range(5)}

    async def putter() -> None:
        async with connected(socket) as mine:
            for _ in range(20):
                for number, queue in enumerate(queues):
                    sent[number].add(await put(mine, queue))

    async with connected(socket) as other, other.subscriber() as subscriber, anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(putter)
        for number, queue in enumerate(queues):  # in the middle of the puts
            await subscriber.send(Subscribe(number=number, queue=queue.id, authority=queue.holder))
        while sum(map(len, got.values())) < 4 * 20 * 5:
            frame = await subscriber.receive()
            if isinstance(frame, Push):
                got[frame.number].append(frame.envelope)
    for number in range(5):
        assert len(got[number]) == len(set(got[number]))
        assert set(got[number]) == sent[number]


async def test_a_subscription_goes_on_after_a_cursor(client: Client) -> None:
    queue = await client.new_queue()
    await put(client, queue)
    second = await put(client, queue)
    stored = (await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)).stored
    async with client.subscriber() as subscriber:
        after = stored[0].sequence
        await subscriber.send(Subscribe(number=1, queue=queue.id, authority=queue.holder, after=after))
        assert await subscriber.receive() == Subscribed(number=1)
        assert await pushed(subscriber) == second


async def test_a_newer_subscriber_evicts_the_older_and_tells_it(client: Client, socket: Path) -> None:
    queue = await client.new_queue()
    async with AsyncExitStack() as stack:
        older, newer = [
            await stack.enter_async_context((await stack.enter_async_context(connected(socket))).subscriber())
            for _ in range(2)
        ]
        await subscribe(older, queue)
        await subscribe(newer, queue)
        assert await ending(older) is Code.EVICTED
        envelope = await put(client, queue)
        assert await pushed(newer) == envelope
        other = await client.new_queue()
        await subscribe(older, other, number=2)  # its connection stands
        assert (await put(client, other), 2) == (await pushed(older, number=2), 2)


async def test_a_subscription_ends_with_its_queue(client: Client, socket: Path) -> None:
    gone = await client.new_queue()
    async with connected(socket) as other, other.subscriber() as subscriber:
        await subscribe(subscriber, gone, 1)
        await client.ask(Delete(queue=gone.id, authority=gone.holder), Done)
        assert await ending(subscriber) is Code.DELETED
        await subscriber.send(Subscribe(number=2, queue=gone.id, authority=gone.holder))
        assert await ending(subscriber) is Code.DENIED


async def test_unsubscribing_ends_the_pushes(client: Client, socket: Path) -> None:
    queue, other_queue = await client.new_queue(), await client.new_queue()
    async with connected(socket) as other, other.subscriber() as subscriber:
        await subscribe(subscriber, queue, 1)
        await subscribe(subscriber, other_queue, 2)
        await subscriber.send(Unsubscribe(number=1))
        assert await ending(subscriber) is None
        await put(client, queue)
        envelope = await put(client, other_queue)
        assert await pushed(subscriber, 2) == envelope


async def test_a_wrong_capability_and_an_absent_queue_end_alike(client: Client) -> None:
    queue, wrong = await client.new_queue(), OwnQueue.generate()
    async with client.subscriber() as subscriber:
        frames: list[object] = []
        for queue_id, holder in ((queue.id, wrong.holder), (wrong.id, wrong.holder)):
            await subscriber.send(Subscribe(number=1, queue=queue_id, authority=holder))
            frames.append(await subscriber.receive())
    assert frames[0] == frames[1]
    assert isinstance(frames[0], Ended)
    assert frames[0].code is Code.DENIED


async def test_numbers_are_used_once_and_unknown_ones_are_refused(client: Client) -> None:
    queue = await client.new_queue()
    async with client.subscriber() as subscriber:
        await subscribe(subscriber, queue)
        await subscriber.send(Subscribe(number=1, queue=queue.id, authority=queue.holder))
        assert await ending(subscriber) is Code.MALFORMED
        await subscriber.send(Acknowledged(number=9, envelope_ids=(b"i" * 32,)))
        frame = await subscriber.receive()
        assert isinstance(frame, NotAcknowledged)
        assert frame.code is Code.DENIED


async def test_the_owner_of_an_inbox_subscribes_by_signature(client: Client, socket: Path) -> None:
    key = Ed25519PrivateKey.generate()
    owner = await client.owner(key, RELAY_KEY, Purpose.CREATE)
    await client.ask(CreateInbox(owner=owner), Created)
    async with connected(socket) as other, other.subscriber() as subscriber:
        proof = sign(key, relay_key=RELAY_KEY, challenge=subscriber.challenge, purpose=Purpose.SUBSCRIBE)
        await subscriber.send(Subscribe(number=1, queue=inbox_of(key), authority=proof))
        assert await subscriber.receive() == Subscribed(number=1)
        envelope = random_envelope()
        await client.ask(Put(queue=inbox_of(key), send=None, envelope=envelope), Done)
        assert await pushed(subscriber) == envelope
        stale = sign(key, relay_key=RELAY_KEY, challenge=b"c" * 32, purpose=Purpose.SUBSCRIBE)
        await subscriber.send(Subscribe(number=2, queue=inbox_of(key), authority=stale))
        assert await ending(subscriber) is Code.DENIED


async def test_a_subscriber_that_reads_late_gets_everything(client: Client, socket: Path) -> None:
    queue = await client.new_queue()
    async with connected(socket) as other, other.subscriber() as subscriber:
        await subscribe(subscriber, queue)
        sent = [await put(client, queue, random_envelope(256 * 1024)) for _ in range(40)]
        assert [await pushed(subscriber) for _ in sent] == sent


async def test_a_subscriber_that_left_is_forgotten(client: Client, socket: Path, relay: Relay) -> None:
    queue = await client.new_queue()
    async with connected(socket) as other, other.subscriber() as subscriber:
        await subscribe(subscriber, queue)
        assert relay.metrics.subscriptions == 1
    envelope = await put(client, queue)
    async with connected(socket) as other, other.subscriber() as subscriber:
        await subscribe(subscriber, queue)
        assert await pushed(subscriber) == envelope
        assert relay.metrics.subscriptions == 1


class SlowStore(MemoryStore):
    """A store that fetches nothing before it is released, and counts how often it is asked to."""

    def __init__(self) -> None:
        super().__init__(StoreLimits())
        self.release = anyio.Event()
        self.fetches = 0

    async def fetch(
        self, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int = MAX_FETCHED_OCTETS
    ) -> Fetched:
        self.fetches += 1
        await self.release.wait()
        return await super().fetch(queue, receive=receive, after=after, now=now, octets=octets)


async def test_what_a_fetch_has_brought_is_not_fetched_again(short_folder: Path) -> None:
    store, path = SlowStore(), short_folder / "slow"
    async with (
        serving(store, path, relay_key=RELAY_KEY, table=RelayTable(), limits=Limits()),
        connected(path) as sender,
        connected(path) as other,
        other.subscriber() as subscriber,
    ):
        queue = await sender.new_queue()
        await subscribe(subscriber, queue)
        envelope = await put(sender, queue)  # while the first fetch is under way, so there may be more
        store.release.set()
        assert await pushed(subscriber) == envelope
        assert await put(sender, queue) == await pushed(subscriber)
        assert store.fetches == 1


async def test_a_ping_is_answered(client: Client) -> None:
    async with client.session.ws_connect("http://relay/v1/subscribe", compress=0, autoping=False) as socket:
        await socket.receive_bytes()
        await socket.ping(b"still there?")
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"still there?")


async def test_a_subscriber_is_told_that_the_relay_ends(short_folder: Path) -> None:
    path, up, ends = short_folder / "ending", anyio.Event(), anyio.Event()

    async def relay() -> None:
        store = MemoryStore(StoreLimits())
        async with serving(store, path, relay_key=RELAY_KEY, table=RelayTable(), limits=Limits()):
            up.set()
            await ends.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(relay)
        await up.wait()
        async with connected(path) as client, client.subscriber() as subscriber:
            ends.set()
            with anyio.fail_after(60), pytest.raises(ConnectionResetError, match="1001"):
                await subscriber.receive()
