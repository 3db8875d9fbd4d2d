"""Has messages that expire hidden when they are due, and erased when that has certainly passed."""

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

    async def run(self) -> None:
        """Hide and erase, until cancelled."""
        noted = anyio.current_time()
        while True:
            changed = self._changed.next_ring()
            wait = _LOOK_EVERY
            try:
                now = self._runner.clock()
                pending = await self._runner.read(expiry.pending)
                up = anyio.current_time() - noted
                if pending.is_due(now) or up >= _NOTED_EVERY:
                    noted += up
                    more = await self._runner.change(lambda unit, up=up: expiry.check(unit, up=int(up * 1000)))
                    pending = await self._runner.read(expiry.pending)
                    wait = 0.0 if more else wait
                if pending.next is not None:
                    wait = min(wait, max(0.0, (pending.next - self._runner.clock()) / 1000))
            except StorageFull:
                pass  # tried again in a minute
            except BaseException as error:  # noqa: BLE001  # tried again in a minute
                contain("expiring messages", error)
            with anyio.move_on_after(wait):
                await changed.wait()
            await anyio.sleep(_PAUSE)
