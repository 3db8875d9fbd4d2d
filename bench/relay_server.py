"""The relay against its limits: the store's engine alone, bare aiohttp that carries the same octets, and its memory.

`python -m bench.relay_server [--quick]` measures these figures alone. The load generator, `relay_load`, has plain
sockets and no event loop, so that it does not become the limit itself.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import secrets
import sqlite3
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import uvloop
from aiohttp import web
from balchat_relay.service import SWITCH_INTERVAL
from balchat_relay.storage.contract import StoreLimits
from balchat_relay.storage.sqlite.store import open_store
from balchat_relay.testing.client import OwnQueue, Subscriber, connected, random_envelope
from balchat_relay.testing.process import RelayProcess
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.frames import Push, Subscribe, decode_from_relay, encode_from_client, encode_from_relay
from balchat_relay_proto.requests import Acknowledge, Create, Fetch, Put
from balchat_relay_proto.sealing import OpeningKey, seal, unseal
from balchat_relay_proto.sizes import ENVELOPE_SIZES
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from bench import relay_load
from bench.figure import AtLeast, AtMost, Figure
from bench.relay_load import post
from bench.timing import in_turns, in_turns_sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractContextManager

    from bench.room import Room

TITLE = "The relay's server, over a unix socket"
NOTE = (
    "The store alone is the same SQLite store with the same durability, event loop and thread settings, called in one"
    " process without HTTP. Both do the same envelopes in slices, in turns. The relay is a process of its own; the load"
    " generator is another on the same machine, while the store alone has it to itself. A fetch of one envelope is"
    " reported against an aiohttp handler that answers 16 KiB to whatever comes, and a push against aiohttp's WebSocket"
    " echoing a frame as large: an onion stream carries far less than either. A push ends with the frame; the put"
    " before it waits for the disk, the echo does not. Both are started ten times, because which cores they get is half"
    " of what they take. Sender and subscriber are in one process, as the echo's client is."
)
CLIENTS = (1, 32, 256)
SLICES = 4
"""Pieces into which each measurement is cut, which the store alone and the relay do in turns."""


# -- throughput --


class Connection(asyncio.Protocol):
    """One HTTP connection, one request at a time."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length or self.answer is None:
            return
        body = bytes(self.buffer[end + 4 :])
        self.buffer.clear()
        if head.startswith(b"http/1.1 200"):
            self.answer.set_result(body)
        else:
            self.answer.set_exception(RuntimeError(f"{head[:20]!r} {body[:100]!r}"))

    async def ask(self, operation: str, body: bytes) -> bytes:
        self.answer = asyncio.get_running_loop().create_future()
        head = f"POST /v1/{operation} HTTP/1.1\r\nHost: relay\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)
        return await self.answer


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done with one queue of each client: `each` envelopes, in slices."""

    queues: list[OwnQueue]
    envelopes: list[list[bytes]]

    @classmethod
    def make(cls, clients: int, each: int) -> Work:
        queues = [OwnQueue.generate() for _ in range(clients)]
        return cls(queues, [[random_envelope() for _ in range(each)] for _ in queues])

    def slices(self) -> list[slice]:
        each = len(self.envelopes[0])
        size = max(1, each // SLICES)
        return [slice(start, start + size) for start in range(0, each, size)]


class Engine:
    """The store alone, in this process, under the event loop and the thread settings that the relay runs it under."""

    def __init__(self, path: Path, work: Work) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._work = work
        self._now = int(time.time())
        self._store = self._runner.run(open_store(path, StoreLimits(queue_envelopes=10**6)))
        self._runner.run(self._create())

    async def _create(self) -> None:
        for queue in self._work.queues:
            await self._store.create(queue.id, send=queue.send.verifier, receive=queue.receive.verifier, now=self._now)

    def close(self) -> None:
        self._runner.run(self._store.aclose())
        self._runner.close()

    def seconds(self, operation: str, piece: slice) -> float:
        """Do one slice of an operation for all clients at once."""

        async def all_of_them() -> float:
            clients = [self._client(operation, number, piece) for number in range(len(self._work.queues))]
            start = time.perf_counter()
            await asyncio.gather(*clients)
            return time.perf_counter() - start

        return self._runner.run(all_of_them())

    async def _client(self, operation: str, number: int, piece: slice) -> None:
        queue, mine, store, now = self._work.queues[number], self._work.envelopes[number], self._store, self._now
        send, receive = queue.send.verifier, queue.receive.verifier
        for one in mine[piece]:
            match operation:
                case "put":
                    await store.put(queue.id, send=send, envelope_id=envelope_id(one), envelope=one, now=now)
                case "fetch":
                    await store.fetch(queue.id, receive=receive, after=len(mine) - 1, now=now)
                case "acknowledge":
                    await store.acknowledge(queue.id, receive=receive, envelope_ids=[envelope_id(one)], now=now)
                case _:
                    await store.fetch(queue.id, receive=receive, after=0, now=now)


class OverSocket:
    """The same through the relay's socket."""

    def __init__(self, path: Path, work: Work) -> None:
        self._work = work
        self._clients = [relay_load.Client(path) for _ in work.queues]
        creations = [
            [post("create", Create(send_verifier=one.send.verifier, receive_verifier=one.receive.verifier).to_octets())]
            for one in work.queues
        ]
        relay_load.run(self._clients, creations)

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def seconds(self, operation: str, piece: slice) -> float:
        requests = [self._requests(operation, number, piece) for number in range(len(self._clients))]
        return relay_load.run(self._clients, requests)

    def _requests(self, operation: str, number: int, piece: slice) -> list[bytes]:
        queue, mine = self._work.queues[number], self._work.envelopes[number]
        match operation:
            case "put":
                bodies = [Put(queue=queue.id, send=queue.send, envelope=one).to_octets() for one in mine[piece]]
            case "fetch":
                bodies = [Fetch(queue=queue.id, authority=queue.holder, after=len(mine) - 1).to_octets()]
            case "acknowledge":
                bodies = [
                    Acknowledge(queue=queue.id, authority=queue.holder, envelope_ids=(envelope_id(one),)).to_octets()
                    for one in mine[piece]
                ]
            case _:
                bodies = [Fetch(queue=queue.id, authority=queue.holder).to_octets()]
        requests = [post(operation.partition(" ")[0], body) for body in bodies]
        return requests if len(requests) > 1 else requests * len(mine[piece])


def throughput(process: RelayProcess, folder: Path, *, quick: bool) -> list[Figure]:
    """Put, fetch and acknowledge, slice by slice in turns, so that the machine's moods strike both alike."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    figures: list[Figure] = []
    with bare(folder / "bare") as idle:
        for clients in CLIENTS:
            each = max(16, (512 if quick else 8192) // clients) if clients > 1 else (100 if quick else 800)
            work = Work.make(clients, each)
            engine, relay = Engine(folder / f"engine-{clients}.db", work), OverSocket(process.socket, work)
            together = min(each, 64)
            for operation in ("put", "fetch", "fetch many", "acknowledge"):
                pieces = work.slices() if operation != "fetch many" else [slice(0, 2)] * SLICES
                alone, over = 0.0, 0.0
                for piece in pieces:
                    alone += engine.seconds(operation, piece)
                    over += relay.seconds(operation, piece)
                count = sum(len(work.envelopes[0][piece]) for piece in pieces) * clients
                many = operation == "fetch many"
                what = f"fetch, {together} a request," if many else operation
                count *= together if many else 1
                figures.append(Figure(
                    what=f"{what} 16 KiB, {clients} clients", measured=count / over, unit="/s",
                    against="the store alone", limit=count / alone,
                    target=None if operation == "fetch" else AtLeast(0.4),
                ))  # fmt: skip
                if operation == "fetch":
                    nothing = [relay_load.Client(idle) for _ in range(clients)]
                    took = relay_load.run(nothing, [[post("fetch", bytes(100))] * each] * clients)
                    figures.append(Figure(
                        what=f"fetch 16 KiB, {clients} clients", measured=count / over, unit="/s",
                        against="an aiohttp handler that does nothing", limit=each * clients / took,
                    ))  # fmt: skip
                    for client in nothing:
                        client.close()
            engine.close()
            relay.close()
    sys.setswitchinterval(before)
    return figures


# -- servers to compare with --


def serve(path: str, *, echo: bool) -> None:
    """Run aiohttp on the relay's event loop with a WebSocket echo, or a handler that answers a post with 16 KiB."""

    async def send_back(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=bytes(16 * 1024))

    async def forever() -> None:
        if echo:
            application = web.Application()
            application.router.add_get("/", send_back)
            runner: web.BaseRunner[Any] = web.AppRunner(application, access_log=None)
        else:
            runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        await web.UnixSite(runner, path).start()
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(forever())


@contextmanager
def serving(path: Path, *, echo: bool) -> Iterator[Path]:
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(str(path),), kwargs={"echo": echo})
    server.start()
    try:
        while not _listens(path):
            time.sleep(0.05)
        yield path
    finally:
        server.terminate()
        server.join()


def _listens(path: Path) -> bool:
    try:
        relay_load.Client(path).close()
    except OSError:
        return False
    return True


def bare(path: Path) -> AbstractContextManager[Path]:
    """Serve aiohttp with a handler that does nothing."""
    return serving(path, echo=False)


# -- push --

_PUSHING_PROCESSES: Final = 10


@asynccontextmanager
async def echoing(path: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    with serving(path, echo=True):
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect("http://echo/") as socket:
            yield socket


class Pushing:
    """A sender and a subscriber, both in this event loop, whose cost is in what is measured as it is in the echo's."""

    def __init__(self, sender: Connection, subscriber: Subscriber) -> None:
        self._sender = sender
        self._subscriber = subscriber
        self._queues = 0

    async def queue(self) -> OwnQueue:
        """Create a queue, and subscribe to it."""
        self._queues += 1
        queue = OwnQueue.generate()
        create = Create(send_verifier=queue.send.verifier, receive_verifier=queue.receive.verifier)
        await self._sender.ask("create", create.to_octets())
        await self._subscriber.send(Subscribe(number=self._queues, queue=queue.id, authority=queue.holder))
        await self._subscriber.receive()
        await self._sender.ask("fetch", Fetch(queue=queue.id, authority=queue.holder).to_octets())  # as the relay does
        return queue

    async def seconds(self, queue: OwnQueue) -> float:
        """Put; return the time until the subscriber has it."""
        envelope = random_envelope()
        body = Put(queue=queue.id, send=queue.send, envelope=envelope).to_octets()
        start = time.perf_counter()
        putting = asyncio.create_task(self._sender.ask("put", body))
        frame = await self._subscriber.socket.receive_bytes()
        took = time.perf_counter() - start
        pushed = decode_from_relay(frame)
        assert isinstance(pushed, Push)
        assert pushed.envelope == envelope
        await putting
        return took


async def push(process: RelayProcess, folder: Path, *, quick: bool) -> AsyncIterator[Figure]:
    """Measure with several relays and echoes, one after the other: which core one gets is half of what it takes."""
    echoes: list[float] = []
    pushes: list[float] = []
    for number in range(_PUSHING_PROCESSES):
        async with (
            process.running(),
            echoing(folder / f"echo{number}") as echo,
            connected(process.socket) as other,
            other.subscriber() as subscriber,
        ):
            _, sender = await asyncio.get_running_loop().create_unix_connection(Connection, str(process.socket))
            pushing = Pushing(sender, subscriber)
            queue = await pushing.queue()
            for _ in range(20 if quick else 200):
                # What is pushed, to the octet.
                frame = encode_from_relay(Push(number=1, sequence=1, envelope=random_envelope()))
                start = time.perf_counter()
                await echo.send_bytes(frame)
                await echo.receive_bytes()
                echoes.append(time.perf_counter() - start)
                pushes.append(await pushing.seconds(queue))
            sender.transport.close()
    for name, of in (("median", median), ("p99", lambda values: quantiles(values, n=100)[98])):
        yield Figure(
            what=f"push, put to subscriber, {name}", measured=of(pushes) * 1000, unit="ms",
            against="a bare WebSocket echo", limit=of(echoes) * 1000,
        )  # fmt: skip


# -- refusals --


async def refusals(process: RelayProcess, *, quick: bool) -> Figure:
    """Time a wrong capability at a queue that is there against one that is not, in turns."""
    async with connected(process.socket) as client:
        queue = await client.new_queue()
    _, asker = await asyncio.get_running_loop().create_unix_connection(Connection, str(process.socket))
    wrong = OwnQueue.generate()

    async def refused(body: bytes) -> None:
        with suppress(RuntimeError):
            await asker.ask("fetch", body)

    there, absent = (
        partial(refused, Fetch(queue=queue_id, authority=wrong.holder).to_octets()) for queue_id in (queue.id, wrong.id)
    )
    at_one_that_is, at_none = await in_turns(300 if quick else 2000, there, absent)
    asker.transport.close()
    return Figure(
        what="refusal of a wrong capability, median", measured=at_one_that_is.median, unit="ms",
        against="refusal for an absent queue", limit=at_none.median,
    )  # fmt: skip


# -- memory --


def resident(pid: int) -> int:
    """Octets of a process' own memory."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(("Private_", "Swap:")))


async def memory_of_subscribers(process: RelayProcess, *, quick: bool) -> Figure:
    count = 200 if quick else 1000
    async with connected(process.socket) as client:
        queues = [await client.new_queue() for _ in range(count)]
    before = resident(process.pid)
    upgrade = (
        b"GET /v1/subscribe HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writers: list[asyncio.StreamWriter] = []
    for queue in queues:
        reader, writer = await asyncio.open_unix_connection(str(process.socket))
        frame = encode_from_client(Subscribe(number=1, queue=queue.id, authority=queue.holder))
        writer.write(upgrade + b"\x82" + bytes([0x80 | len(frame)]) + bytes(4) + frame)
        await reader.readuntil(b"\r\n\r\n")
        hello = await reader.readexactly(2)
        await reader.readexactly(hello[1])
        subscribed = await reader.readexactly(2)
        await reader.readexactly(subscribed[1])
        writers.append(writer)
    after = resident(process.pid)
    for writer in writers:
        writer.close()
    return Figure(
        what=f"memory for each of {count:,} subscribers", measured=(after - before) / count / 1000, unit="KB",
        against="what is allowed", limit=30, target=AtMost(1),
    )  # fmt: skip


def fill(path: Path, queues: int) -> None:
    """Write queues into a closed store, as nobody but a measurement would."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO queues (id, send, receive, seen) VALUES (?, ?, ?, ?)",
        ((secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_bytes(32), 10**6) for _ in range(queues)),
    )
    connection.execute("UPDATE totals SET queues = ?", (queues,))
    connection.execute("COMMIT")
    connection.close()


async def idle_queues(folder: Path, *, quick: bool) -> AsyncIterator[Figure]:
    count = 100_000 if quick else 1_000_000
    process = RelayProcess(folder / "idle")
    await process.make()
    await process.set_limits(queues=2 * count)
    async with process.running():
        empty = resident(process.pid)
    before = process.folder.database.stat().st_size
    await asyncio.to_thread(fill, process.folder.database, count)
    disk = process.folder.database.stat().st_size - before
    start = time.perf_counter()
    async with process.running():
        async with connected(process.socket) as client:
            await client.new_queue()
            restart = time.perf_counter() - start
        full = resident(process.pid)
    for measure, octets in (("memory", max(0, full - empty)), ("disk", disk)):
        yield Figure(
            what=f"{measure} for each of {count:,} idle queues", measured=octets / count / 1000, unit="KB",
            against="what is allowed", limit=0.5, target=AtMost(1),
        )  # fmt: skip
    yield Figure(
        what=f"restart with {count:,} queues, process to first reply", measured=restart, unit="s",
        against="what is allowed", limit=5, target=AtMost(1),
    )  # fmt: skip


# -- sealing --


def sealing() -> list[Figure]:
    """Seal and open, against the same HPKE with X25519 alone."""
    key = OpeningKey.generate()
    plain = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    plain_key = X25519PrivateKey.generate()
    figures: list[Figure] = []
    for size in ENVELOPE_SIZES:
        content = bytes(size - 2000)
        envelope = seal(content, key.sealing_key, queue=bytes(32))
        ciphertext = plain.encrypt(content, plain_key.public_key())
        sealing, opening, plain_sealing, plain_opening = in_turns_sync(
            50,
            lambda content=content: seal(content, key.sealing_key, queue=bytes(32)),
            lambda envelope=envelope: unseal(envelope, key, queue=bytes(32)),
            lambda content=content: plain.encrypt(content, plain_key.public_key()),
            lambda ciphertext=ciphertext: plain.decrypt(ciphertext, plain_key),
        )
        figures += [
            Figure(
                what=f"{name} {size // 1024} KiB", measured=ours.median, unit="ms", against="HPKE with X25519 alone",
                limit=theirs.median,
            )
            for name, ours, theirs in (("seal", sealing, plain_sealing), ("open", opening, plain_opening))
        ]  # fmt: skip
    return figures


async def measured(folder: Path, *, quick: bool) -> list[Figure]:
    """Measure everything in a folder, whose path must be short enough for sockets."""
    figures: list[Figure] = []
    process = RelayProcess(folder / "relay")
    await process.make()
    await process.set_limits(
        requests_per_second=10**6, request_burst=10**6, creations_per_minute=10**6, connections=5000
    )
    async with process.running():
        figures.append(await memory_of_subscribers(process, quick=quick))
        figures.append(await refusals(process, quick=quick))
        figures += await asyncio.to_thread(throughput, process, folder, quick=quick)
    figures += [figure async for figure in push(process, folder, quick=quick)]
    figures += [figure async for figure in idle_queues(folder, quick=quick)]
    return [*figures, *sealing()]


def measure(room: Room) -> list[Figure]:
    """Measure this module's figures."""
    return asyncio.run(measured(room.folder("relay"), quick=False))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for figure in asyncio.run(measured(Path(scratch), quick="--quick" in sys.argv)):
            print("  ".join(figure.cells()), flush=True)


if __name__ == "__main__":
    main()
