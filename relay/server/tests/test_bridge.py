"""The way from the relay's onion to its socket, when either side ends."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest
from balchat_common.unix_sockets import connect
from balchat_relay.publishing import bridge, carry
from balchat_relay.service import Relay
from balchat_relay.settings import Limits
from balchat_relay.testing.client import Client, connected
from balchat_relay.web.connection import Connection

pytestmark = pytest.mark.anyio


class Outside(anyio.abc.ByteStream):
    """A stream from somebody far away, who ends it when told."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.got = bytearray()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await self.ended.wait()
        raise anyio.EndOfStream

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        self.got += item

    async def send_eof(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()


async def test_a_server_that_speaks_while_its_client_goes_is_no_fault(short_folder: Path) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short_folder / "server"))
        listener.listen()
        for _ in range(20):
            outside = Outside()
            stream = await connect(short_folder / "server")
            server, _ = listener.accept()
            with server:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(bridge, outside, stream)
                    await anyio.wait_all_tasks_blocked()
                    server.send(b"too late")
                    outside.ended.set()
    assert faults == []


async def test_what_the_server_says_arrives_and_its_end_ends_the_bridge(short_folder: Path) -> None:
    outside = Outside()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short_folder / "server"))
        listener.listen()
        stream = await connect(short_folder / "server")
        server, _ = listener.accept()
        with server:
            server.send(b"an answer")
        await bridge(outside, stream)
    assert bytes(outside.got) == b"an answer"
    with pytest.raises(FileNotFoundError):
        await connect(short_folder / "nobody")


class Broken(Outside):
    """A stream that fails in a way that nobody foresaw."""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await anyio.lowlevel.checkpoint()
        raise KeyError("what-nobody-may-log")


async def test_a_stream_that_fails_in_a_way_that_nobody_foresaw_ends_alone(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short_folder / "server"))
        listener.listen()
        other = Outside()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(carry, other, short_folder / "server")
            server, _ = await anyio.to_thread.run_sync(listener.accept)
            with server:
                await carry(Broken(), short_folder / "server")
                server.send(b"an answer")
                while not other.got:
                    await anyio.lowlevel.checkpoint()
                other.ended.set()
    assert "carrying a stream failed: ExceptionGroup" in caplog.messages
    assert "what-nobody-may-log" not in caplog.text


class TestWatching:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(min_free_mib=0, write_timeout=1)

    async def test_looking_at_one_connection_fails_and_the_others_are_served(
        self,
        client: Client,
        short_folder: Path,
        relay: Relay,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await client.about()
        (broken,) = relay.connections
        honest = Connection.has_stalled

        def has_stalled(connection: Connection, now: float) -> bool:
            if connection is broken:
                raise KeyError("what-nobody-may-log")
            return honest(connection, now)

        monkeypatch.setattr(Connection, "has_stalled", has_stalled)
        async with connected(short_folder / "socket") as other:
            await other.about()
            with anyio.fail_after(60):
                while broken in relay.connections:
                    await anyio.lowlevel.checkpoint()
            await other.about()
            assert relay.metrics.connections == 1
        assert "looking at a connection failed: KeyError" in caplog.messages
        assert "what-nobody-may-log" not in caplog.text
