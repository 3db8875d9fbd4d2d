"""WebSocket frames and JSON that no page sends: they end their own connection or call, and nothing else."""

from __future__ import annotations

import json
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_ui_web import serving
from balchat_ui_web.web_socket import MAX_FRAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import SocketStream

    from conftest import Served, Window

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, octets: bytes = b"", *, end: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    first = (end << 7) | (rsv << 4) | opcode
    mask = 0x80 if masked else 0
    if len(octets) < 126:
        head = bytes((first, mask | len(octets)))
    elif len(octets) < 2**16:
        head = struct.pack(">BBH", first, mask | 126, len(octets))
    else:
        head = struct.pack(">BBQ", first, mask | 127, len(octets))
    return head + (bytes(4) if masked else b"") + octets


async def signed_in(served: Served, window: Window) -> SocketStream:
    """Open a WebSocket by hand, and say whose it is."""
    stream = await anyio.connect_tcp("127.0.0.1", served.port)
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: {served.origin.removeprefix('http://')}",
        f"Origin: {served.origin}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Extensions: permessage-deflate",
    ]
    await stream.send("\r\n".join([*lines, "", ""]).encode())
    await stream.send(frame(TEXT, json.dumps({"bearer": window.bearer}).encode()))
    heard = b""
    with anyio.fail_after(20):
        while b'"ready"' not in heard:
            heard += await stream.receive()
    assert b"permessage-deflate" not in heard, "nothing is packed: a small frame could become a large one"
    return stream


HOSTILE = {
    "a continuation of nothing": frame(0, b"{}"),
    "an unknown opcode": frame(3, b"{}"),
    "an unknown control opcode": frame(11),
    "packed": frame(TEXT, b"{}", rsv=4),
    "a reserved bit": frame(TEXT, b"{}", rsv=1),
    "a long ping": frame(PING, bytes(126)),
    "a ping in pieces": frame(PING, b"x", end=False),
    "no UTF-8": frame(TEXT, b"\xff\xfe"),
    "half a letter": frame(TEXT, b"\xe2\x82"),
    "octets": frame(BINARY, b"{}"),
    "a second text within one": frame(TEXT, b"{", end=False) + frame(TEXT, b"}"),
    "pieces that are too much": frame(TEXT, b" " * MAX_FRAME, end=False) + frame(0, b" " * 2, end=False),
    "more than there is memory": struct.pack(">BBQ", 0x81, 0xFF, 2**62) + bytes(4),
    "a negative length": struct.pack(">BBQ", 0x81, 0xFF, 2**64 - 1) + bytes(4),
    "a close of one octet": frame(CLOSE, b"\x03"),
    "a close with a code that is none": frame(CLOSE, struct.pack(">H", 999)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
async def test_a_frame_that_no_browser_sends_ends_its_socket_alone(
    serve: Callable[..., Served], octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as other:
        stream = await signed_in(served, window)
        with suppress(anyio.BrokenResourceError):
            await stream.send(octets)
        with anyio.fail_after(20), suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while await stream.receive():
                pass
        await stream.aclose()
        assert await other.ask("events.cursor") >= 0
        assert "Traceback" not in caplog.text


@pytest.mark.anyio
async def test_pings_are_answered_at_the_pace_of_who_reads_and_hold_up_nobody(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as other:
        stream = await signed_in(served, window)
        with anyio.move_on_after(1):
            for _ in range(2000):
                await stream.send(frame(PING, os.urandom(100)) * 10)
        assert await other.ask("events.cursor") >= 0
        await stream.aclose()
        assert await other.ask("events.cursor") >= 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    "words",
    [
        '{"jsonrpc": "2.0", "id": 1e400, "method": "events.cursor"}',
        '{"jsonrpc": "2.0", "id": ' + "9" * 5000 + ', "method": "events.cursor"}',
        '{"jsonrpc": "2.0", "id": NaN, "method": "events.cursor"}',
        '{"jsonrpc": "2.0", "id": -1e-400, "method": "events.cursor"}',
        '{"jsonrpc": "2.0", "id": 1, "method": "messages.history", "params": {"conversation": "me", "limit": 1e309}}',
        '{"jsonrpc": "2.0", "id": 1, "method": "messages.history", "params": {"conversation": "me", "limit": '
        + "9" * 4000
        + "}}",
        '{"jsonrpc": "2.0", "id": 1, "method": "conversations.mute", "params": {"conversation": "me", "until": 1e308}}',
        '{"jsonrpc": "2.0", "id": 1, "method": "files.attach", "params": {"name": "a", "size": 9223372036854775808}}',
        '{"jsonrpc": "2.0", "id": 1, "method": "settings.set", "params": {"key": "x", "value": ' + "[" * 60_000 + "}}",
        '{"jsonrpc": "2.0", "id": 1, "method": "settings.set", "params": {"key": "x", "value": '
        + '{"a":' * 20_000
        + "1"
        + "}" * 20_000
        + "}}",
    ],
)
async def test_numbers_and_depths_that_no_page_sends_are_refused(serve: Callable[..., Served], words: str) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await wire.socket.send_str(words)
        assert "error" in await wire.hear()
        assert await wire.ask("events.cursor") >= 0


@pytest.mark.anyio
async def test_of_many_who_have_the_same_link_one_gets_in(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.browser() as session:
        token, statuses = served.token(), []

        async def sign_in() -> None:
            headers = {"Origin": served.origin}
            async with session.post("/session", json={"token": token}, headers=headers) as answer:
                statuses.append(answer.status)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(sign_in)
        assert sorted(statuses) == [200, 401, 401, 401, 401]


@pytest.mark.anyio
async def test_of_many_who_have_the_same_ticket_one_gets_the_file(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = (await wire.ask("files.attach", name="a.txt", size=3))["id"]
        assert await window.status("POST", f"/files/{file}?offset=0", data=b"abc") == 200
        path, statuses = (await wire.ask("web.ticket", file=file))["path"], []

        async def fetch() -> None:
            statuses.append(await window.status("GET", path))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(fetch)
        assert sorted(statuses) == [200, *[404] * 7]


def test_a_clock_that_somebody_sets_makes_no_link_last_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    for system_has_it in (True, False):
        if not system_has_it:
            monkeypatch.delattr(serving.time, "CLOCK_BOOTTIME", raising=False)
        before = serving.clock()
        monkeypatch.setattr(serving.time, "time", lambda: 0.0)
        assert before <= serving.clock() < before + 60
