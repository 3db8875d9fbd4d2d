"""The program as a process of its own on a folder: for tests that kill it, and for measurements."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import anyio
from anyio import to_thread
from balchat_relay_proto.replies import Creation

from balchat_relay.operating.folder import Folder

if TYPE_CHECKING:
    from anyio.abc import Process

PROGRAM: Final = (sys.executable, "-m", "balchat_relay")
_READY_WITHIN = 60


async def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    ended = await anyio.run_process([*PROGRAM, *arguments], check=False)
    return subprocess.CompletedProcess(ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def write_settings(folder: Folder, table: str, **values: object) -> None:
    """Put keys into a table of the folder's settings; numbers, texts and lists of texts."""
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    folder.settings.write_text(folder.settings.read_text().replace(f"[{table}]\n", f"[{table}]\n{lines}"))


class RelayProcess:
    """A relay that serves at a unix socket in its folder, and publishes nothing."""

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)
        self.socket = path / "public"
        self._process: Process | None = None

    async def make(self, creation: Creation = Creation.OPEN) -> None:
        """Make the folder, and let the disk be as full as it is."""
        await to_thread.run_sync(partial(self.folder.make, creation=creation))
        await self.set_limits(min_free_mib=0)

    async def set_limits(self, **limits: int) -> None:
        """Put limits into the settings."""
        await to_thread.run_sync(partial(write_settings, self.folder, "limits", **limits))

    async def set_store(self, name: str, **settings: object) -> None:
        """Name another store in the settings, with settings of its own."""

        def write() -> None:
            write_settings(self.folder, "relay", store=name)
            table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
            with self.folder.settings.open("a") as file:
                file.write(f"\n[store]\n{table}")

        await to_thread.run_sync(write)

    async def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the folder."""
        return await command(name, "-f", str(self.folder.path), *arguments)

    @asynccontextmanager
    async def running(self, *, onion: bool = False) -> AsyncGenerator[None]:
        """Run until the block ends, however it does; behind its onion, where asked for."""
        await self.start(onion=onion)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                if self._process is not None and self._process.returncode is None:
                    self._process.terminate()
                await self.ended()

    async def start(self, *, onion: bool = False) -> None:
        """Start it, and wait until it serves at its socket, or its onion is published."""
        assert self._process is None
        arguments = [*PROGRAM, "run", "-f", str(self.folder.path)]
        arguments += [] if onion else ["--socket", str(self.socket)]
        self._process = await anyio.open_process(arguments, stderr=None)
        assert self._process.stdout is not None
        with anyio.fail_after(_READY_WITHIN):
            said = b""
            while (b"onion: online" if onion else b"serving") not in said:
                said += await self._process.stdout.receive()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def terminate(self) -> None:
        """Tell it to end (SIGTERM)."""
        assert self._process is not None
        self._process.terminate()

    async def kill(self) -> None:
        """End it this moment (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Wait for its end; return its exit code."""
        if self._process is None:
            return 0
        code = await self._process.wait()
        await self._process.aclose()
        self._process = None
        return code

    async def admin(self, path: str) -> str:
        """Read one of the operator's pages."""
        connector = aiohttp.UnixConnector(str(self.folder.control))
        async with aiohttp.ClientSession(connector=connector) as session, session.get(f"http://r{path}") as answer:
            return await answer.text()
