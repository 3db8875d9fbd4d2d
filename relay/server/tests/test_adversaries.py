"""Clients that want to hurt: memory stays bounded, they get a clear error, and the others are served."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import anyio
import pytest
from balchat_relay.service import Relay
from balchat_relay.settings import Limits
from balchat_relay.testing.client import Client, OwnQueue, connected, random_envelope
from balchat_relay_proto.errors import Code, Refusal, Refused
from balchat_relay_proto.frames import Acknowledged, Subscribe, encode_from_client
from balchat_relay_proto.replies import Done
from balchat_relay_proto.requests import OPERATIONS, Create, Fetch, Put
from balchat_relay_proto.sizes import MAX_REQUEST

pytestmark = pytest.mark.anyio

UPGRADE = (
    b"GET /v1/subscribe HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
def limits() -> Limits:
    return Limits(
        min_free_mib=0, connections=6, body_timeout=1, write_timeout=1, idle_timeout=5, bodies_mib=4,
        requests_per_second=10_000, request_burst=10_000,
    )  # fmt: skip


@pytest.fixture
async def other(socket: Path) -> AsyncIterator[Client]:
    async with connected(socket) as other:
        await other.new_queue()
        yield other
    # Others are still served; by now, this one's own connection may just be ended for being idle.
    async with connected(socket) as another:
        await another.new_queue()


async def code_of(client: Client, operation: str, body: object, **options: object) -> Code:
    with pytest.raises(Refused) as refused:
        await client.post(operation, body, **options)
    return refused.value.code


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_is_no_request_is_named_so(client: Client, other: Client, operation: str) -> None:
    for body in (b"", b"\xff", b"\x9f\xff", b"\x81" * 100_000, b"\x9b" + b"\xff" * 8, b"\xa1\x01\x02", b"\x80" * 9):
        assert await code_of(client, operation, body) is Code.MALFORMED


async def test_unknown_operations_versions_and_methods_are_named_so(client: Client, other: Client) -> None:
    assert await code_of(client, "fly", b"\x80") is Code.UNKNOWN_OPERATION
    for method, path, code in (
        ("GET", "/v1/put", Code.UNKNOWN_OPERATION),
        ("POST", "/v2/put", Code.UNSUPPORTED_VERSION),
        ("GET", "/" + "x" * 500, Code.UNKNOWN_OPERATION),
        ("GET", "/v1/subscribe", Code.MALFORMED),
        ("DELETE", "/", Code.UNKNOWN_OPERATION),
    ):
        async with client.session.request(method, f"http://relay{path}") as answer:
            assert Refusal.from_octets(await answer.read()).code is code


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: Client, other: Client) -> None:
    assert await code_of(client, "put", io.BytesIO(bytes(MAX_REQUEST + 1))) is Code.TOO_LARGE


async def test_bodies_without_length_or_compressed_are_refused(client: Client, other: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"\x80"

    assert await code_of(client, "put", chunks()) is Code.MALFORMED
    headers = {"Content-Encoding": "gzip"}
    assert await code_of(client, "put", b"\x80", headers=headers) is Code.MALFORMED


async def answer_to(socket: Path, octets: bytes) -> bytes:
    """Send octets, and read until the relay closes."""
    answer = b""
    async with await anyio.connect_unix(socket) as stream:
        if octets:
            await stream.send(octets)
        try:
            while True:
                answer += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return answer


@pytest.mark.slow
async def test_who_opens_and_never_asks_is_closed(socket: Path, other: Client) -> None:
    with anyio.fail_after(60):
        assert await answer_to(socket, b"") == b""
        assert await answer_to(socket, b"POST /v1/put HTTP/1.1\r\nHost: re") == b""


@pytest.mark.slow
async def test_a_head_that_never_ends_is_not_waited_for(socket: Path, other: Client) -> None:
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            with suppress(anyio.BrokenResourceError):
                while True:
                    await stream.send(b"\r\n")
                    await other.about()


async def test_a_body_that_does_not_come_is_not_waited_for(socket: Path, other: Client) -> None:
    head = b"POST /v1/put HTTP/1.1\r\nHost: relay\r\nContent-Length: 20000\r\n\r\n"
    with anyio.fail_after(60):
        answer = await answer_to(socket, head + b"\x83")
    assert b" 408 " in answer
    assert b"too-slow" in answer


async def test_octets_that_are_no_http_end_only_their_connection(socket: Path, other: Client) -> None:
    with anyio.fail_after(60):
        assert b" 400 " in await answer_to(socket, b"\x16\x03\x01" * 1000 + b"\r\n\r\n")
        assert b" 400 " in await answer_to(socket, b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
        assert b" 400 " in await answer_to(socket, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n")


async def test_one_connection_too_many_is_told_when_to_come_again(
    socket: Path, client: Client, limits: Limits, relay: Relay
) -> None:
    await client.about()
    streams = [await anyio.connect_unix(socket) for _ in range(limits.connections - 1)]
    while relay.metrics.connections < limits.connections:
        await anyio.lowlevel.checkpoint()
    answer = await answer_to(socket, b"")
    assert answer.startswith(b"HTTP/1.1 503 ")
    refused = Refusal.from_octets(answer.partition(b"\r\n\r\n")[2])
    assert (refused.code, refused.retry_after) == (Code.TOO_MANY_CONNECTIONS, 30)
    await client.new_queue()
    for stream in streams:
        await stream.aclose()
    while relay.metrics.connections > 1:
        await anyio.lowlevel.checkpoint()
    async with connected(socket) as late:
        await late.new_queue()


async def test_bodies_in_memory_are_bounded_for_everybody_together(socket: Path, client: Client, relay: Relay) -> None:
    queue = await client.new_queue()
    largest = Put(queue=queue.id, send=queue.send, envelope=random_envelope(2**20)).to_octets()
    head = b"POST /v1/put HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n" % len(largest)
    streams = [await anyio.connect_unix(socket) for _ in range(3)]
    for stream in streams:
        await stream.send(head)
    while relay.metrics.connections < 4:
        await anyio.lowlevel.checkpoint()
    assert await code_of(client, "put", io.BytesIO(largest)) is Code.TOO_MANY_REQUESTS
    await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope()), Done)
    for stream in streams:
        await stream.aclose()
    with anyio.fail_after(30):
        while relay.metrics.connections > 1:
            await anyio.lowlevel.checkpoint()
    await client.post("put", io.BytesIO(largest))


# -- WebSocket --


@pytest.mark.parametrize(
    ("frame", "close_code"),
    [
        (b"\xff\xff", aiohttp.WSCloseCode.INVALID_TEXT),
        (b"\x81" * 50_000, aiohttp.WSCloseCode.INVALID_TEXT),
        (b"\x82\x00\x58" + bytes(40), aiohttp.WSCloseCode.INVALID_TEXT),
        (bytes(65 * 1024), aiohttp.WSCloseCode.MESSAGE_TOO_BIG),
        ("text", aiohttp.WSCloseCode.UNSUPPORTED_DATA),
    ],
)
async def test_a_bad_frame_ends_its_connection_with_a_reason(
    client: Client, other: Client, frame: bytes | str, close_code: int
) -> None:
    async with client.subscriber() as subscriber:
        if isinstance(frame, str):
            await subscriber.socket.send_str(frame)
        else:
            await subscriber.socket.send_bytes(frame)
        with anyio.fail_after(30), pytest.raises(ConnectionResetError, match=str(int(close_code))):
            await subscriber.receive()


@pytest.mark.slow
async def test_who_subscribes_to_nothing_is_closed(client: Client, other: Client) -> None:
    async with client.subscriber() as subscriber:
        with (
            anyio.fail_after(60),
            pytest.raises(ConnectionResetError, match=str(int(aiohttp.WSCloseCode.POLICY_VIOLATION))),
        ):
            await subscriber.receive()


async def test_octets_that_are_no_frame_end_only_their_connection(socket: Path, other: Client, relay: Relay) -> None:
    with anyio.fail_after(60):
        answer = await answer_to(socket, UPGRADE + b"\xff" * 1000)
        assert b" 101 " in answer
        while relay.metrics.subscribers:
            await anyio.lowlevel.checkpoint()


async def test_a_subscriber_that_never_reads_is_ended_and_holds_little(
    client: Client, socket: Path, relay: Relay
) -> None:
    queue = await client.new_queue()
    subscribe = encode_from_client(Subscribe(number=1, queue=queue.id, authority=queue.holder))
    frame = b"\x82\xfe" + len(subscribe).to_bytes(2) + bytes(4) + subscribe
    async with await anyio.connect_unix(socket) as stream:
        await stream.send(UPGRADE + frame)
        with anyio.fail_after(60):
            while not relay.metrics.subscriptions:
                await anyio.lowlevel.checkpoint()
            most = 0
            for _ in range(60):
                await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope(256 * 1024)), Done)
                most = max(most, *(each.wire.get_write_buffer_size() for each in relay.connections if each.wire))
            assert 0 < most < 1024 * 1024
            while relay.metrics.subscribers:
                await anyio.lowlevel.checkpoint()
    assert relay.metrics.slow == 1
    assert (await client.about()).versions == (1,)


async def test_answers_that_nobody_reads_do_not_pile_up(client: Client, socket: Path, relay: Relay) -> None:
    async with connected(socket) as other, other.subscriber() as subscriber:
        ids = tuple(bytes([n % 256, n // 256]) * 16 for n in range(1024))
        queue = await client.new_queue()
        await subscriber.send(Subscribe(number=1, queue=queue.id, authority=queue.holder))
        most = 0
        with anyio.fail_after(60), suppress(ConnectionError):  # it is ended once it has taken nothing for a second
            while True:
                await subscriber.send(Acknowledged(number=1, envelope_ids=ids))
                most = max(most, *(each.wire.get_write_buffer_size() for each in relay.connections if each.wire))
        assert most < 1024 * 1024
        with anyio.fail_after(60):
            while relay.metrics.subscribers:
                await anyio.lowlevel.checkpoint()
    assert await client.new_queue()


async def test_a_reader_of_replies_that_never_reads_is_ended(client: Client, socket: Path, relay: Relay) -> None:
    queue: OwnQueue = await client.new_queue()
    for _ in range(4):
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope(256 * 1024)), Done)
    fetch = Fetch(queue=queue.id, authority=queue.holder).to_octets()
    request = b"POST /v1/fetch HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n" % len(fetch) + fetch
    async with await anyio.connect_unix(socket) as stream:
        await stream.send(request * 20)
        with anyio.fail_after(60):
            while not relay.metrics.slow:
                await anyio.lowlevel.checkpoint()
    await client.new_queue()


class Wire:
    """A transport in which so many octets wait for the client."""

    def __init__(self) -> None:
        self.waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting


@pytest.mark.parametrize(
    ("waiting", "stalled"),
    [
        ([0, 0, 0, 0, 0], False),
        ([9, 9, 9, 9, 9], True),
        ([5, 6, 7, 8, 9], True),  # only we put something in
        ([9, 9, 8, 8, 8], False),
        ([9, 9, 0, 9, 9], False),
        ([5, 6, "took most of it", 7, 8], False),
    ],
)
async def test_only_who_takes_nothing_is_ended(
    relay: Relay, client: Client, monkeypatch: pytest.MonkeyPatch, waiting: list[int | str], stalled: bool
) -> None:
    await client.about()
    (connection,) = relay.connections
    connection.wire, seen = Wire(), []
    start = asyncio.get_running_loop().time()
    for step, there in enumerate(waiting):
        now = start + step / 4
        if isinstance(there, str):  # the transport has room again
            with monkeypatch.context() as at_that_time:
                at_that_time.setattr(connection, "_loop", SimpleNamespace(time=lambda now=now: now))
                connection.pause_writing()
                connection.resume_writing()
        else:
            connection.wire.waiting = there
            seen.append(connection.has_stalled(now))
    assert (any(seen[:-1]), seen[-1]) == (False, stalled)


# -- HTTP --


def request_of(operation: str, body: bytes, *fields: str) -> bytes:
    head = f"POST /v1/{operation} HTTP/1.1\r\nHost: relay\r\nContent-Length: {len(body)}\r\n"
    return (head + "".join(f"{each}\r\n" for each in fields) + "\r\n").encode() + body


async def test_requests_sent_at_once_are_answered_in_order(socket: Path, other: Client) -> None:
    queue = OwnQueue.generate()
    create = Create(send_verifier=queue.send.verifier, receive_verifier=queue.receive.verifier).to_octets()
    asked = request_of("create", create) * 3 + request_of("fly", b"\x80") + b"GET / HTTP/1.1\r\nHost: r\r\n\r\n"
    with anyio.fail_after(60):
        answer = await answer_to(socket, asked + request_of("create", create, "Connection: close"))
    statuses = [each.split(b" ", 2)[1] for each in answer.split(b"HTTP/1.1")[1:]]
    assert statuses == [b"200", b"200", b"200", b"404", b"200", b"200"]
    assert answer.count(queue.id) == 4


async def test_thousands_of_requests_in_one_chunk_keep_nobody_else_waiting(
    socket: Path, other: Client, relay: Relay
) -> None:
    count, answer = 5000, b""
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            await stream.send(b"GET / HTTP/1.1\r\nHost: r\r\n\r\n" * count)
            await other.new_queue()
            assert relay.metrics.requests["about", "ok"] < count
            while answer.count(b"HTTP/1.1 200 ") < count:
                answer += await stream.receive()


async def test_requests_that_are_sent_ahead_are_read_as_they_are_answered(
    socket: Path, client: Client, relay: Relay
) -> None:
    queue = await client.new_queue()
    await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope(2**20)), Done)
    fetch = request_of("fetch", Fetch(queue=queue.id, authority=queue.holder).to_octets())
    sent = 0
    async with await anyio.connect_unix(socket) as stream:
        with suppress(anyio.BrokenResourceError):  # it is ended once it has taken nothing for a second
            while True:
                await stream.send(fetch)
                sent += len(fetch)
    assert sent < 1024 * 1024
    assert relay.metrics.slow == 1


@pytest.mark.parametrize("more", [b"GET / HTTP/1.1\r\nHost: r\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"\r\n" * 9 + b"\0"])
@pytest.mark.parametrize(
    "last",
    [
        b"GET / HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /fly HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
    ],
    ids=["close", "old", "unknown"],
)
async def test_a_last_request_and_what_comes_with_it_are_refused_together(
    socket: Path, caplog: pytest.LogCaptureFixture, last: bytes, more: bytes
) -> None:
    with anyio.fail_after(60):
        answer = await answer_to(socket, last + more)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in head
    assert Refusal.from_octets(body).code is Code.MALFORMED
    assert caplog.records == []


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n", b"200"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /fly HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n", b"404"),
        (b"PUT / HTTP/1.1\r\nHost: r\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # without Host: RFC 9112, section 3.2
    ],
    ids=["close", "old", "unknown", "method", "no host"],
)
async def test_after_a_last_request_the_connection_ends(
    socket: Path, caplog: pytest.LogCaptureFixture, last: bytes, status: bytes
) -> None:
    with anyio.fail_after(60):
        answer = await answer_to(socket, last)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert caplog.records == []


async def test_a_request_comes_in_pieces_of_any_size(socket: Path, other: Client) -> None:
    queue = OwnQueue.generate()
    create = Create(send_verifier=queue.send.verifier, receive_verifier=queue.receive.verifier).to_octets()
    answer = b""
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            for octet in request_of("create", create):
                await stream.send(bytes([octet]))
            while queue.id not in answer:
                answer += await stream.receive()
    assert b" 200 " in answer


async def test_what_is_no_http_is_refused_after_what_was_asked_before(socket: Path, other: Client) -> None:
    answer = b""
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            await stream.send(b"GET / HTTP/1.1\r\nHost: r\r\n\r\n")
            while b"\r\n\r\n" not in answer:
                answer += await stream.receive()
            await stream.send(b"\x16\x03\x01")
            with suppress(anyio.EndOfStream):
                while True:
                    answer += await stream.receive()
    assert 0 < answer.index(b" 200 ") < answer.index(b" 400 ")


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"CONNECT example.org:80 HTTP/1.1\r\nHost: r\r\n\r\n", Code.UNKNOWN_OPERATION),
        (b"OPTIONS * HTTP/1.1\r\nHost: r\r\n\r\n", Code.UNKNOWN_OPERATION),
        (b"GET /%zz%00 HTTP/1.1\r\nHost: r\r\n\r\n", Code.UNKNOWN_OPERATION),
        (b"GET /\xff HTTP/1.1\r\nHost: r\r\n\r\n", Code.MALFORMED),
        (b"GET / HTTP/1.1\r\nHost: r\r\nHost: s\r\n\r\n", Code.MALFORMED),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Code.MALFORMED),
        (b"POST /v1/put HTTP/1.1\r\nHost: r\r\nContent-Length: -1\r\n\r\n", Code.MALFORMED),
        (b"POST /v1/put HTTP/1.1\r\nHost: r\r\nContent-Length: 2\r\nTransfer-Encoding: gzip\r\n\r\n", Code.MALFORMED),
        (b"POST /v1/put HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Code.MALFORMED),
        (b"GET /fly HTTP/1.1\r\nHost: r\r\nExpect: wonders\r\n\r\n", Code.UNKNOWN_OPERATION),
        (b"GET /v1/subscribe HTTP/1.1\r\nHost: r\r\nExpect: wonders\r\n\r\n", Code.MALFORMED),
        (UPGRADE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"\xc3\xa9"), Code.MALFORMED),
        (UPGRADE.replace(b"Version: 13", b"Version: 99"), Code.MALFORMED),
    ],
)  # fmt: skip
async def test_an_odd_request_gets_a_typed_answer_and_reaches_no_log(
    socket: Path, caplog: pytest.LogCaptureFixture, octets: bytes, code: Code
) -> None:
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            await stream.send(octets)
            answer = b""
            while code.encode() not in answer:
                answer += await stream.receive()
    assert Refusal.from_octets(answer.rpartition(b"\r\n\r\n")[2]).code is code
    assert caplog.records == []


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 3000 + b"\r\n\x00\r\n\r\n",
        b"POST /v1/put HTTP/1.1\r\nHost: r\r\nContent-Length: 9999999\r\n\r\n" + b"\x16\x03\x01" * 30_000,
    ],
    ids=["target", "field", "body"],
)
async def test_what_is_wrong_twice_is_refused_once(socket: Path, relay: Relay, octets: bytes) -> None:
    with anyio.fail_after(60):
        answer = await answer_to(socket, octets)
    assert answer.count(b"Content-Length") == 1
    assert sum(relay.metrics.requests.values()) == 1


async def test_a_client_may_wait_for_leave_to_send_its_body(socket: Path, other: Client) -> None:
    head = request_of("put", b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 2")
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            await stream.send(head)
            assert (await stream.receive()).startswith(b"HTTP/1.1 100 ")
            await stream.send(b"\x80\x80")
            assert (await stream.receive()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
        b"GET /fly HTTP/1.1\r\nHost: r\r\nExpect: wonders\r\nConnection: close\r\n\r\n",
        b"GET /v1/subscribe HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        UPGRADE + b"\xff" * 9,
    ],
    ids=["reply", "refusal", "no socket", "no http", "socket"],
)
async def test_an_answer_tells_neither_the_clock_nor_the_program(socket: Path, client: Client, octets: bytes) -> None:
    with anyio.fail_after(60):
        head = (await answer_to(socket, octets)).rpartition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.")
    assert b"date:" not in head
    assert b"server:" not in head
    assert b"aiohttp" not in head


async def test_what_a_client_says_of_protocols_reaches_no_log(
    socket: Path, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with anyio.fail_after(60):
        asked = UPGRADE.replace(b"Upgrade\r\n", b"close, Upgrade\r\nSec-WebSocket-Protocol: what-nobody-may-log\r\n", 1)
        assert b" 400 " in await answer_to(socket, asked)
    assert caplog.records == []


@pytest.mark.parametrize("operation", ["GET /v1/subscribe", "POST /v1/about", "GET /fly"])
@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "HTTP/2.0, websocket", "\xe9", ""])
async def test_an_offer_of_another_protocol_is_refused_at_once(
    socket: Path, other: Client, operation: str, protocol: str
) -> None:
    head = f"{operation} HTTP/1.1\r\nHost: r\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nContent-Length: 0\r\n\r\n"
    with anyio.fail_after(60):
        async with await anyio.connect_unix(socket) as stream:
            await stream.send(head.encode("latin-1"))
            answer = await stream.receive()
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert Refusal.from_octets(answer.rpartition(b"\r\n\r\n")[2]).code is Code.MALFORMED
