"""What a program of this machine can cost the page's server: bounded connections, heads, bodies and times."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import SocketStream

    from conftest import Served

pytestmark = pytest.mark.anyio


async def opened(served: Served) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", served.port)


async def end_of(stream: SocketStream) -> bytes:
    """Return what comes until the server closes a connection."""
    heard = b""
    with anyio.fail_after(30):
        try:
            while True:
                heard += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            await stream.aclose()
            return heard


async def test_whoever_opens_too_many_connections_keeps_nobody_out(serve: Callable[..., Served]) -> None:
    async with serve().live(most=8) as served, served.window() as window, window.connected() as wire:
        for _ in range(20):
            idle = [await opened(served) for _ in range(10)]
            assert await wire.ask("events.cursor") >= 0
            async with served.window() as another:
                assert await another.status("GET", "/previews/00") == 404
            assert len(served.connections) <= 8
            for each in idle:
                await each.aclose()


async def test_a_head_that_does_not_end_is_not_waited_for(serve: Callable[..., Served]) -> None:
    async with serve().live(idle_seconds=0.2) as served:
        slow = await opened(served)
        await slow.send(b"GET / HTTP/1.1\r\nHost: ")
        assert await end_of(slow) == b""
        silent = await opened(served)
        assert await end_of(silent) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"\0" * 70_000,
        b"POST /session HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /session HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_a_head_that_is_none_ends_its_connection_alone(serve: Callable[..., Served], head: bytes) -> None:
    async with serve().live() as served, served.window() as window:
        stream = await opened(served)
        with suppress(anyio.BrokenResourceError):
            await stream.send(head)
            await stream.send_eof()
        assert b"<html" not in await end_of(stream)
        assert await window.status("GET", "/previews/00") == 404


async def test_a_body_that_does_not_come_is_not_waited_for(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balchat_ui_web.bodies.SECONDS", 0.1)
    async with serve().live() as served:
        host = served.origin.removeprefix("http://")
        head = (
            f"POST /session HTTP/1.1\r\nHost: {host}\r\nOrigin: {served.origin}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        )
        stream = await opened(served)
        await stream.send(head.encode())
        assert b" 408 " in (await end_of(stream)).partition(b"\r\n")[0]


async def test_a_body_is_bounded_before_it_is_read(serve: Callable[..., Served]) -> None:
    async with serve().live() as served:
        host = served.origin.removeprefix("http://")
        head = (
            f"POST /session HTTP/1.1\r\nHost: {host}\r\nOrigin: {served.origin}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100000000000\r\n\r\n"
        )
        stream = await opened(served)
        await stream.send(head.encode())
        assert b" 413 " in (await end_of(stream)).partition(b"\r\n")[0]


async def test_a_web_socket_that_says_nothing_is_not_waited_for(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balchat_ui_web.web_socket._FIRST_SECONDS", 0.1)
    async with (
        serve().live() as served,
        served.browser() as session,
        session.ws_connect("/ws", headers={"Origin": served.origin}) as socket,
    ):
        assert (await socket.receive()).data == 4401


async def test_logs_have_nothing_of_anybody(serve: Callable[..., Served], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        served.befriend("Marker")
        await wire.ask("messages.send", conversation="Marker", text="Marker")
        await wire.ask("web.start", secret="Marker")
        await wire.socket.send_str("Marker")
        await window.status("GET", "/previews/Marker")
        await window.status("GET", "/Marker", headers={"Host": "Marker"})
        token = served.token()
        await window.status("POST", "/session", json={"token": token})
        stream = await opened(served)
        await stream.send(b"Marker Marker Marker\r\n\r\n")
        await end_of(stream)
        secrets = ("Marker", token, window.bearer, served.origin, str(served.port))
    told = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert not [line for line in told if any(each in line for each in secrets)]
