"""The way from the relay's onion to its socket, when either side ends."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest
from balchat_relay.publishing import bridge, inside

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
            stream = await inside(short_folder / "server")
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
        stream = await inside(short_folder / "server")
        server, _ = listener.accept()
        with server:
            server.send(b"an answer")
        await bridge(outside, stream)
    assert bytes(outside.got) == b"an answer"
    with pytest.raises(FileNotFoundError):
        await inside(short_folder / "nobody")
