"""The relay against its limits: the store's engine alone, a bare WebSocket echo, and what SimpleX's server needs.

`python -m bench.relay_server [--quick]` measures these figures alone. The load generator speaks HTTP by hand, so that
it does not become the limit itself.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import secrets
import sqlite3
import sys
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
from aiohttp import web
from balchat_relay.storage.contract import StoreLimits
from balchat_relay.storage.sqlite.store import open_store
from balchat_relay.testing.client import OwnQueue, connected, random_envelope
from balchat_relay.testing.process import RelayProcess
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.frames import Push, Subscribe, encode_from_client
from balchat_relay_proto.requests import Acknowledge, Create, Fetch, Put
from balchat_relay_proto.sealing import OpeningKey, seal, unseal
from balchat_relay_proto.sizes import ENVELOPE_SIZES
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from bench.figure import AtLeast, AtMost, Figure
from bench.timing import in_turns, in_turns_sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from balchat_relay.storage.contract import QueueStore

    from bench.room import Room

TITLE = "The relay's server, over a unix socket"
NOTE = (
    "The store alone is the same SQLite store with the same durability, called in one process without HTTP. Load"
    " generator and relay share the machine; the store alone has it to itself."
)
CLIENTS = (1, 32, 256)


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


async def rate(operations: Sequence[Callable[[int], Awaitable[object]]], each: int) -> float:
    """Have every client do its operation `each` times in a row; give all of them a second."""

    async def client(operation: Callable[[int], Awaitable[object]]) -> None:
        for number in range(each):
            await operation(number)

    start = time.perf_counter()
    await asyncio.gather(*(client(operation) for operation in operations))
    return each * len(operations) / (time.perf_counter() - start)


Maker: TypeAlias = "Callable[[int], Callable[[int], Awaitable[object]]]"
"""For a client's number gives what it does at each of its turns."""


async def engine(store: QueueStore, clients: int, each: int) -> dict[str, float]:
    """Put, fetch and acknowledge with the store alone, in this process."""
    queues = [OwnQueue.generate() for _ in range(clients)]
    envelopes = [[random_envelope() for _ in range(each)] for _ in queues]
    now = int(time.time())

    def put(client: int) -> Callable[[int], Awaitable[object]]:
        queue, mine = queues[client], envelopes[client]
        verifier = queue.send.verifier
        return lambda n: store.put(queue.id, send=verifier, envelope_id=envelope_id(mine[n]), envelope=mine[n], now=now)

    def fetch(client: int) -> Callable[[int], Awaitable[object]]:
        queue, verifier = queues[client], queues[client].receive.verifier
        return lambda _: store.fetch(queue.id, receive=verifier, after=each - 1, now=now)

    def acknowledge(client: int) -> Callable[[int], Awaitable[object]]:
        queue, mine = queues[client], envelopes[client]
        verifier = queue.receive.verifier
        return lambda n: store.acknowledge(queue.id, receive=verifier, envelope_ids=[envelope_id(mine[n])], now=now)

    def fetch_many(client: int) -> Callable[[int], Awaitable[object]]:
        queue, verifier = queues[client], queues[client].receive.verifier
        return lambda _: store.fetch(queue.id, receive=verifier, after=0, now=now)

    for queue in queues:
        await store.create(queue.id, send=queue.send.verifier, receive=queue.receive.verifier, now=now)
    return await rates({"put": put, "fetch": fetch, "acknowledge": acknowledge}, fetch_many, clients=clients, each=each)


async def relay(socket: Path, clients: int, each: int) -> dict[str, float]:
    """Put, fetch and acknowledge at a relay, over its unix socket."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_unix_connection(Connection, str(socket)))[1] for _ in range(clients)]
    queues = [OwnQueue.generate() for _ in range(clients)]
    for connection, queue in zip(connections, queues, strict=True):
        create = Create(send_verifier=queue.send.verifier, receive_verifier=queue.receive.verifier)
        await connection.ask("create", create.to_octets())
    envelopes = [[random_envelope() for _ in range(each)] for _ in queues]

    def put(client: int) -> Callable[[int], Awaitable[object]]:
        queue, mine, ask = queues[client], envelopes[client], connections[client].ask
        bodies = [Put(queue=queue.id, send=queue.send, envelope=one).to_octets() for one in mine]
        return lambda n: ask("put", bodies[n])

    def fetch(client: int) -> Callable[[int], Awaitable[object]]:
        queue, ask = queues[client], connections[client].ask
        body = Fetch(queue=queue.id, authority=queue.holder, after=each - 1).to_octets()
        return lambda _: ask("fetch", body)

    def acknowledge(client: int) -> Callable[[int], Awaitable[object]]:
        queue, mine, ask = queues[client], envelopes[client], connections[client].ask
        bodies = [
            Acknowledge(queue=queue.id, authority=queue.holder, envelope_ids=(envelope_id(one),)).to_octets()
            for one in mine
        ]
        return lambda n: ask("acknowledge", bodies[n])

    def fetch_many(client: int) -> Callable[[int], Awaitable[object]]:
        queue, ask = queues[client], connections[client].ask
        body = Fetch(queue=queue.id, authority=queue.holder).to_octets()
        return lambda _: ask("fetch", body)

    found = await rates(
        {"put": put, "fetch": fetch, "acknowledge": acknowledge}, fetch_many, clients=clients, each=each
    )
    for connection in connections:
        connection.transport.close()
    return found


async def rates(makers: dict[str, Maker], fetch_many: Maker, *, clients: int, each: int) -> dict[str, float]:
    """Have all clients put, fetch (singly, and as much as a request gives) and acknowledge; give envelopes a second."""
    found: dict[str, float] = {}
    for name, make in makers.items():
        if name == "acknowledge":
            together = min(each, 64)
            many = await rate([fetch_many(client) for client in range(clients)], max(2, 128 // clients))
            found[f"fetch, {together} a request,"] = many * together
        found[name] = await rate([make(client) for client in range(clients)], each)
    return found


async def throughput(process: RelayProcess, folder: Path, *, quick: bool) -> AsyncIterator[Figure]:
    for clients in CLIENTS:
        each = max(16, (512 if quick else 4096) // clients) if clients > 1 else (100 if quick else 400)
        store = await open_store(folder / f"engine-{clients}.db", StoreLimits(queue_envelopes=10**6))
        alone = await engine(store, clients, each)
        await store.aclose()
        over = await relay(process.socket, clients, each)
        for name, value in over.items():
            yield Figure(
                what=f"{name} 16 KiB, {clients} clients", measured=value, unit="/s", against="the store alone",
                limit=alone[name], target=AtLeast(0.5),
            )  # fmt: skip


# -- push --


def echo_server(path: str) -> None:
    """Run a bare aiohttp WebSocket echo."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    application = web.Application()
    application.router.add_get("/", echo)
    web.run_app(application, path=path, print=None, access_log=None)


@asynccontextmanager
async def echoing(path: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    server = multiprocessing.get_context("spawn").Process(target=echo_server, args=(str(path),))
    server.start()
    try:
        while not path.exists():  # noqa: ASYNC110, ASYNC240  # nobody tells us when another process listens
            await asyncio.sleep(0.05)
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect("http://echo/") as socket:
            yield socket
    finally:
        server.terminate()
        server.join()


async def push(process: RelayProcess, folder: Path, *, quick: bool) -> AsyncIterator[Figure]:
    samples = 200 if quick else 1000
    echoes: list[float] = []
    pushes: list[float] = []
    async with (
        echoing(folder / "echo") as echo,
        connected(process.socket) as other,
        other.subscriber() as subscriber,
    ):
        _, putter = await asyncio.get_running_loop().create_unix_connection(Connection, str(process.socket))
        queue = OwnQueue.generate()
        create = Create(send_verifier=queue.send.verifier, receive_verifier=queue.receive.verifier)
        await putter.ask("create", create.to_octets())
        await subscriber.send(Subscribe(number=1, queue=queue.id, authority=queue.holder))
        await subscriber.receive()
        for _ in range(samples):
            envelope = random_envelope()
            start = time.perf_counter()
            await echo.send_bytes(envelope)
            await echo.receive_bytes()
            echoes.append(time.perf_counter() - start)
            start = time.perf_counter()
            putting = asyncio.create_task(
                putter.ask("put", Put(queue=queue.id, send=queue.send, envelope=envelope).to_octets())
            )
            frame = await subscriber.receive()
            pushes.append(time.perf_counter() - start)
            assert isinstance(frame, Push)
            await putting
        putter.transport.close()
    for name, of in (("median", median), ("p99", lambda values: quantiles(values, n=100)[98])):
        yield Figure(
            what=f"push, put to subscriber, {name}", measured=of(pushes) * 1000, unit="ms",
            against="a bare WebSocket echo", limit=of(echoes) * 1000, target=AtMost(2),
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
        against="SimpleX's server", limit=100, target=AtMost(0.5),
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
            against="SimpleX's server", limit=5, target=AtMost(0.1),
        )  # fmt: skip
    yield Figure(
        what=f"restart with {count:,} queues, process to first reply", measured=restart, unit="s",
        against="what issue 4 allows", limit=5, target=AtMost(1),
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
        figures += [figure async for figure in push(process, folder, quick=quick)]
        figures += [figure async for figure in throughput(process, folder, quick=quick)]
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
