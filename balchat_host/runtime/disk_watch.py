"""Shows while the account is up that its disk takes nothing more, and that it does again.

A full disk fails no account: each unit that finds no room is undone and its caller told, and what waits goes on when
there is room. But who only looks at the status must learn of it too, also while nothing is written.
"""

from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFull
from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_host.core import account
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

FULL: Final = "the disk is full"
RETRY: Final = 5.0
"""Seconds until it is tried again whether a disk that was full takes something."""


class DiskWatch:
    """Looks at the vault's disk, and tries it again after a unit found no room."""

    def __init__(self, runner: UnitOfWorkRunner, live_status: LiveStatus) -> None:
        self._runner = runner
        self._live_status = live_status
        self._was_full = False
        self._failed = Bell()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            reason = await self._runner.vault.condition()
            if reason is None and self._was_full and not await self._takes_something():
                reason = FULL
            self._was_full = reason is not None
            self._show(reason)
            if reason is not None:
                await anyio.sleep(RETRY)
                continue
            with anyio.move_on_after(self._runner.vault.look_every or float("inf")):
                await self._failed.wait()
                await anyio.sleep(RETRY)

    def on_full(self) -> None:
        """Take note that the disk had no room for a unit."""
        self._was_full = True
        self._failed.ring()
        self._show(FULL)

    async def _takes_something(self) -> bool:
        try:
            await self._runner.change(account.touch)
        except StorageFull:
            return False
        return True

    def _show(self, reason: str | None) -> None:
        state = ONLINE if reason is None else ServiceState(phase=Phase.DEGRADED, reason=reason, code="disk")
        self._live_status.set_storage(state)
