"""Tells those who offer files when all of them have come: the first one at once, those right behind it together."""

from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFailed, StorageFull
from balchat_host.api.failures import contain
from balchat_host.core.files import receipts
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

TOGETHER: Final = 2.0
"""Seconds in which what comes is told together."""
_AFTER_FAILURE: Final = 60.0


class ReceiptTeller:
    """Tells of what has come. `changed` rings whenever something may have."""

    def __init__(self, runner: UnitOfWorkRunner, changed: Bell) -> None:
        self._runner = runner
        self._changed = changed

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            changed = self._changed.next_ring()
            try:
                if await self._runner.read(receipts.is_to_be_told):
                    await self._runner.change(receipts.tell)
                    await anyio.sleep(TOGETHER)
                    continue
            except (StorageFull, StorageFailed):
                await anyio.sleep(_AFTER_FAILURE)  # what is to be told is kept, and the disk is shown in the status
                continue
            except BaseException as error:  # noqa: BLE001  # it is tried again with the next change
                contain("telling of files that have come", error)
            await changed.wait()
