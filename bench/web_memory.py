"""What the server of `balchat web` holds after a simulated day of use, as a process of its own."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
from anyio.lowlevel import checkpoint
from balchat_ui_rpc.plugin import balchat_front_ends
from balchat_ui_web.settings import WebSettings

from balchat_host.api.types import Secret
from balchat_host.testing.memory_profiles import MemoryProfiles
from bench.figure import AtMost, Figure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import Process

    from balchat_host.testing.peer import Peer
    from bench.room import Room

TITLE = "Memory of the page's server"
NOTE = (
    "The server of `balchat web`, a process of its own, before an account in memory in another one. An hour of the"
    " simulated day: a window is opened, loads the page and follows everything, 20 messages come, 4 are written, 4"
    " pages of history are read; a file of 1 MiB is brought and fetched again; 10 links that are wrong, 50 connections"
    " that say nothing. Against the server after four such hours."
)
HOURS, HOURS_BEFORE = 24, 4
COME, WRITTEN, PAGES, CONNECTIONS, WRONG = 20, 4, 4, 50, 10
PIECE, PIECES = 256 * 1024, 4
_PASSPHRASE = Secret.from_text("correct horse battery staple")


def measure(room: Room) -> list[Figure]:
    """Return the memory after a day."""
    del room
    with TemporaryDirectory(prefix="web-") as folder:
        return anyio.run(_measure, Path(folder), backend="asyncio")


async def _measure(folder: Path) -> list[Figure]:
    profile = MemoryProfiles(folder, front_ends=balchat_front_ends).profile()
    account = profile.make("Alice", plugins={"ui_web": WebSettings})
    bob = account.befriend("Bob")
    before = after = 0.0
    async with anyio.create_task_group() as tasks:
        await tasks.start(partial(profile.run, _PASSPHRASE))
        command = [sys.executable, "-m", "bench.web_process", str(folder)]
        async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None) as process:
            for _ in range(HOURS_BEFORE):
                await _hour(process, bob)
            before = await _resident(process)
            for _ in range(HOURS):
                await _hour(process, bob)
            after = await _resident(process)
            process.terminate()
        tasks.cancel_scope.cancel()
    what = "memory of the server after a simulated day"
    return [Figure(what=what, measured=after, against="after its start", limit=before, unit="KiB", target=AtMost(1.1))]


async def _hour(process: Process, bob: Peer) -> None:
    async with _window(process) as (session, socket, headers, port):
        for path in ("/", *await _assets(session)):
            async with session.get(path) as answer:
                await answer.read()
        await socket.send_json(_call(1, "events.follow", credit=100_000))
        for number in range(COME):
            bob.write(f"In the course of the day {number}")
            if not number % 10:
                await checkpoint()  # the server has its turn with the account
        for number in range(WRITTEN):
            await _ask(socket, 100 + number, "messages.send", conversation="Bob", text="An answer")
        for number in range(PAGES):
            await _ask(socket, 200 + number, "messages.history", conversation="Bob", limit=50)
        begun = await _ask(socket, 300, "files.attach", name="a.bin", size=PIECES * PIECE)
        for number in range(PIECES):
            at = f"/files/{begun['id']}?offset={number * PIECE}"
            async with session.post(at, data=bytes(PIECE), headers=headers) as answer:
                assert answer.status == 200, await answer.text()
        ticket = await _ask(socket, 301, "web.ticket", file=begun["id"])
        async with session.get(ticket["path"]) as answer:
            assert len(await answer.read()) == PIECES * PIECE
        await _ask(socket, 302, "files.remove", file=begun["id"])
        for _ in range(WRONG):
            async with session.post("/session", json={"token": "A" * 43}, headers=headers) as answer:
                assert answer.status == 401
        silent = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(CONNECTIONS)]
        for each in silent:
            await each.aclose()


@asynccontextmanager
async def _window(
    process: Process,
) -> AsyncGenerator[tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse, dict[str, str], int]]:
    """Sign a window in, as a browser does."""
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdin.send(b"\n")
    link = (await process.stdout.receive()).decode().strip()
    origin, _, token = link.partition("/#t=")
    name, port = origin.removeprefix("http://"), origin.rpartition(":")[2]
    timeout = aiohttp.ClientTimeout(total=120)
    headers = {"Host": name, "Origin": origin}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, timeout=timeout) as session:
        async with session.post("/session", json={"token": token}) as answer:
            bearer = (await answer.json())["bearer"]
        async with session.ws_connect("/ws", max_msg_size=0) as socket:
            await socket.send_json({"bearer": bearer})
            await socket.receive_json()
            yield session, socket, {"Authorization": f"Bearer {bearer}"}, int(port)


async def _assets(session: aiohttp.ClientSession) -> list[str]:
    """Return what the shell loads."""
    async with session.get("/") as answer:
        shell = await answer.text()
    return sorted({f"/assets/{part.split(chr(34))[0]}" for part in shell.split("/assets/")[1:]})


def _call(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


async def _ask(socket: aiohttp.ClientWebSocketResponse, number: int, method: str, **params: Any) -> Any:
    """Call a method; return its result, and pass over what else comes."""
    await socket.send_json(_call(number, method, **params))
    while (heard := await socket.receive_json()).get("id") != number:
        pass
    return heard["result"]


async def _resident(process: Process) -> float:
    """Return the memory of a process, in KiB."""
    status = await anyio.Path(f"/proc/{process.pid}/status").read_text()
    return float(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
