"""Has messages that expire hidden when they are due, and erased when that has certainly passed."""

import math
from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFull
from balchat_host.api.failures import contain
from balchat_host.core.messages import expiry
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_LOOK_EVERY: Final = 60.0
"""Seconds after which the clock is looked at again, which somebody may have set."""
_NOTED_EVERY: Final = 3600.0
"""Seconds after which it is written down that time has passed, where nothing is due."""
_PAUSE: Final = 1.0
"""Seconds between two looks, whatever comes in."""


class ExpiryTimer:
    """Looks whenever something is due, and every minute besides. `changed` rings with each change of the account."""

    def __init__(self, runner: UnitOfWorkRunner, changed: Bell) -> None:
        self._runner = runner
        self._changed = changed
        self._noted = 0.0

    async def run(self) -> None:
        """Hide and erase, until cancelled. While nothing expires, nothing is looked at."""
        self._noted = anyio.current_time()
        while True:
            changed = self._changed.next_ring()
            wait = _LOOK_EVERY
            try:
                wait = await self._look()
            except StorageFull:
                pass  # tried again in a minute
            except BaseException as error:  # noqa: BLE001  # tried again in a minute
                contain("expiring messages", error)
            with anyio.move_on_after(wait):
                await changed.wait()
                await anyio.sleep(_PAUSE)

    async def _look(self) -> float:
        """Do what there is to do; return how long to wait for the next look, in seconds."""
        now = self._runner.clock()
        pending = await self._runner.read(expiry.pending)
        if pending.nothing:
            self._noted = anyio.current_time()
            return math.inf
        up = anyio.current_time() - self._noted
        if pending.is_due(now) or up >= _NOTED_EVERY:
            self._noted += up
            if await self._runner.change(lambda unit: expiry.check(unit, up=int(up * 1000))):
                return 0.0
            pending = await self._runner.read(expiry.pending)
        until_next = _LOOK_EVERY if pending.next is None else (pending.next - now) / 1000
        return min(_LOOK_EVERY, max(_PAUSE, until_next))
