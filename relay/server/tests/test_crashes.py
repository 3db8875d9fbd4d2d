"""SIGKILL at random moments: what was answered is there, once; what was acknowledged never comes back."""

import random
from collections import Counter
from pathlib import Path

import aiohttp
import anyio
import pytest
from anyio import to_thread
from balchat_relay.testing.client import Client, OwnQueue, connected, inbox_of, random_envelope
from balchat_relay.testing.process import RelayProcess
from balchat_relay_proto import cards
from balchat_relay_proto.capabilities import envelope_id, onion_name
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.frames import Acknowledged, Push, Subscribe
from balchat_relay_proto.parts import split
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import Created, Done, Fetched, Published
from balchat_relay_proto.requests import Acknowledge, CreateInbox, Fetch, Publish, Put
from balchat_relay_proto.sealing import OpeningKey, seal
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS = 12
CLIENTS = 8
BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)


class Person:
    """Puts into a queue and reads it, whatever becomes of the relay; remembers what it was told."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.queue = OwnQueue.generate()
        self.answered: set[bytes] = set()
        self.unanswered: bytes | None = None
        self.committed: Counter[bytes] = Counter()
        self.acknowledged: set[bytes] = set()
        self.came_back: set[bytes] = set()

    async def send(self, socket: Path) -> None:
        """Put until the relay dies; what had no answer is put again the next time."""
        try:
            async with connected(socket, timeout=20) as client:
                while True:
                    envelope = self.unanswered or random_envelope()
                    self.unanswered = envelope
                    await client.ask(Put(queue=self.queue.id, send=self.queue.send, envelope=envelope), Done)
                    self.answered.add(envelope_id(envelope))
                    self.unanswered = None
        except BROKEN:
            pass

    async def read(self, socket: Path) -> None:
        """Fetch, or be pushed to, and acknowledge, until the relay dies."""
        try:
            async with connected(socket, timeout=20) as client:
                if self.chance.random() < 0.5:
                    await self._poll(client)
                else:
                    await self._be_pushed(client)
        except BROKEN:
            pass

    def take(self, envelopes: list[bytes]) -> tuple[bytes, ...]:
        """Commit what is new; return the ids to acknowledge."""
        ids = tuple(map(envelope_id, envelopes))
        self.came_back |= self.acknowledged.intersection(ids)
        for each in ids:
            self.committed[each] += 1
        return ids

    async def _poll(self, client: Client) -> None:
        while True:
            found = await client.ask(Fetch(queue=self.queue.id, authority=self.queue.holder), Fetched)
            if ids := self.take([each.envelope for each in found.stored]):
                acknowledge = Acknowledge(queue=self.queue.id, authority=self.queue.holder, envelope_ids=ids)
                await client.ask(acknowledge, Done)
                self.acknowledged.update(ids)
            await anyio.lowlevel.checkpoint()

    async def _be_pushed(self, client: Client) -> None:
        async with client.subscriber() as subscriber:
            await subscriber.send(Subscribe(number=1, queue=self.queue.id, authority=self.queue.holder))
            while True:
                frame = await subscriber.receive()
                if isinstance(frame, Push):
                    await subscriber.send(Acknowledged(number=1, envelope_ids=self.take([frame.envelope])))
                elif isinstance(frame, Acknowledged):
                    self.acknowledged.update(frame.envelope_ids)


async def test_every_answered_put_is_fetched_and_none_acknowledged_comes_back(short_folder: Path) -> None:
    chance = random.Random(4)
    process = RelayProcess(short_folder)
    await process.make()
    await process.set_limits(requests_per_second=100_000, request_burst=100_000)
    people = [Person(seed) for seed in range(CLIENTS)]
    async with process.running():
        async with connected(process.socket) as client:
            for person in people:
                person.queue = await client.new_queue()
        for _ in range(ROUNDS):
            async with anyio.create_task_group() as tasks:
                for person in people:
                    tasks.start_soon(person.send, process.socket)
                    tasks.start_soon(person.read, process.socket)
                target = sum(len(person.answered) for person in people) + chance.randrange(5, 150)
                while sum(len(person.answered) for person in people) < target:
                    await anyio.lowlevel.checkpoint()
                await process.kill()
            await process.start()
        async with connected(process.socket) as client:
            for person in people:
                more = True
                while more:
                    found = await client.ask(Fetch(queue=person.queue.id, authority=person.queue.holder), Fetched)
                    ids = person.take([each.envelope for each in found.stored])
                    acknowledge = Acknowledge(queue=person.queue.id, authority=person.queue.holder, envelope_ids=ids)
                    await client.ask(acknowledge, Done)
                    more = bool(ids)
    checked = await process.command("check")
    assert checked.stdout == "All is well.\n", checked.stderr
    for person in people:
        assert person.answered
        assert person.answered <= set(person.committed)
        assert person.came_back == set()
        # Twice came only what was on its way to the reader, or to the disk, when the relay died.
        assert sum(person.committed.values()) - len(person.committed) <= ROUNDS * 64
        unanswered = {envelope_id(person.unanswered)} if person.unanswered else set[bytes]()
        assert set(person.committed) <= person.answered | unanswered


async def put_many(client: Client, queue: OwnQueue, there: list[bytes]) -> None:
    for _ in range(100):
        envelope = random_envelope()
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=envelope), Done)
        there.append(envelope)


async def test_a_full_relay_refuses_and_serves_what_it_has(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    await process.set_limits(database_mib=1)
    async with process.running(), connected(process.socket) as client:
        queue = await client.new_queue()
        there: list[bytes] = []
        with pytest.raises(Refused) as refused:
            await put_many(client, queue, there)
        assert refused.value.code is Code.RELAY_FULL
        assert refused.value.retry_after
        got: list[bytes] = []
        while more := (await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)).stored:
            got += [each.envelope for each in more]
            ids = tuple(envelope_id(each.envelope) for each in more)
            await client.ask(Acknowledge(queue=queue.id, authority=queue.holder, envelope_ids=ids), Done)
        assert got == there
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope()), Done)


async def test_nothing_on_the_disk_tells_of_people(short_folder: Path) -> None:
    key, opening = Ed25519PrivateKey.generate(), OpeningKey.generate()
    peer = key.public_key().public_bytes_raw()
    text, group, epoch = b"The meeting is at noon.", b"G" * 16, b"epoch-4711"
    message = cards.card_message(sealing_key=opening.sealing_key, key_package=peer + group, not_after=1)
    signature = key.sign(cards.CARD_DOMAIN.encode() + b"\x00" + message)
    card = cards.Card(
        sealing_key=opening.sealing_key.octets, key_package=peer + group, not_after=1, signature=signature
    )
    process = RelayProcess(short_folder)
    await process.make()
    async with process.running(), connected(process.socket) as client:
        relay_key = (await client.about()).relay_key
        await client.ask(CreateInbox(owner=await client.owner(key, relay_key, Purpose.CREATE)), Created)
        queue = await client.new_queue()
        sizes: set[int] = set()
        for content in (text, peer + group + epoch + text, onion_name(peer).encode() * 100):
            (part,) = split(content)
            for target, send in ((queue.id, queue.send), (inbox_of(key), None)):
                envelope = seal(part.to_octets(), opening.sealing_key, queue=target)
                sizes.add(len(envelope))
                await client.ask(Put(queue=target, send=send, envelope=envelope), Done)
        assert sizes == {16 * 1024}
        publish = Publish(
            queue=inbox_of(key),
            authority=await client.owner(key, relay_key, Purpose.PUBLISH),
            cards=(cards.wrap(card, onion_key=peer),),
            last_resort=cards.wrap(card, onion_key=peer),
        )
        await client.ask(publish, Published)
        await process.kill()  # with everything still in the journal
    secrets = (
        text, group, epoch, peer, peer.hex().encode(), onion_name(peer).encode(), opening.sealing_key.octets,
        queue.send.octets, queue.receive.octets, signature,
    )  # fmt: skip
    found = await to_thread.run_sync(files, short_folder)
    assert "relay.db-wal" in found
    for octets in found.values():
        assert not [secret for secret in secrets if secret in octets]


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file() and each.name != "onion.key"}
