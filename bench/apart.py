"""Accounts in processes of their own, in the background, as `balchat up --detach` runs them."""

from __future__ import annotations

import os
import re
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import anyio

from balchat_host.api.types import Phase
from balchat_host.loader.profiles import profile_directory
from balchat_host.local_profile import LocalProfile
from bench.room import PASSPHRASE, PATIENCE, introduce, until_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from anyio.abc import TaskStatus

    from balchat_host.api.frontend import App
    from bench.room import Room


class Account:
    """An account, its process while it runs, and its `app`, reached by RPC."""

    app: App
    pid: int

    def __init__(self, profile: LocalProfile) -> None:
        self._profile = profile
        self._end_connection = anyio.Event()

    @classmethod
    async def make(cls, room: Room, name: str, configuration: dict[str, str]) -> Self:
        """Make one that does not run yet."""
        profile = LocalProfile(profile_directory(str(room.folder(name))), configuration)
        await profile.create(name, PASSPHRASE)
        return cls(profile)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        """Run it until the block ends."""
        async with anyio.create_task_group() as self._connections:
            try:
                await self.start()
                yield self
            finally:
                with anyio.CancelScope(shield=True):
                    await self._end(signal.SIGTERM)

    async def start(self) -> None:
        """Start its process."""
        await self._profile.start(PASSPHRASE)
        holder = self._profile.holder()
        assert holder is not None, "it is up"
        self.pid = holder.process_id
        self.app = await self._connections.start(self._connect)

    async def kill(self) -> None:
        """End its process this moment."""
        await self._end(signal.SIGKILL)

    async def _connect(self, *, task_status: TaskStatus[App]) -> None:
        """Keep a connection. It has a task of its own, since accounts are killed in any order."""
        self._end_connection = anyio.Event()
        connection = await self._profile.connect()
        assert connection is not None, "it is up"
        async with connection as app:
            task_status.started(app)
            await self._end_connection.wait()

    async def _end(self, by: signal.Signals) -> None:
        self._end_connection.set()
        if self._profile.holder() is not None:
            os.kill(self.pid, by)
        while self._profile.holder() is not None:  # noqa: ASYNC110  # another process tells nobody of its end
            await anyio.sleep(0.05)


@asynccontextmanager
async def two_accounts(
    room: Room, alices: dict[str, str], bobs: dict[str, str] | None = None, *, wire: Callable[[], None] | None = None
) -> AsyncGenerator[tuple[Account, Account]]:
    """Run two accounts that are contacts of each other, called Alice and Bob, with these configurations.

    `wire` is called once both can be reached.
    """
    made = [await Account.make(room, "Alice", alices), await Account.make(room, "Bob", bobs or alices)]
    with anyio.fail_after(PATIENCE) as scope:
        async with made[0].running() as alice, made[1].running() as bob:
            for each in made:
                await until_status(each.app, lambda status: status.identity_onion.phase is Phase.ONLINE)
            if wire is not None:
                wire()
            await introduce(alice.app, bob.app)
            scope.deadline = float("inf")
            yield alice, bob


class Memory:
    """The most memory that a process has had from now on, beside what it has now, in MiB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # From here on, what it has now counts as its peak so far (proc_pid_clear_refs(5)).
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        self.before = self._kib("VmRSS") / 1024

    def most(self) -> float:
        """Return it (proc_pid_status(5), VmHWM)."""
        return self._kib("VmHWM") / 1024

    def _kib(self, field: str) -> int:
        found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{self._pid}/status").read_text(), re.MULTILINE)
        assert found is not None, "Linux says it"
        return int(found[1])
