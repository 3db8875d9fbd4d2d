"""Has new messages indexed for the search, once nothing more urgent is written."""

from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.errors import StorageFull
from balchat_host.api.failures import contain
from balchat_host.core.search import index
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_QUIET: Final = 2.0
"""Seconds without news after which the account counts as idle."""
_LONGEST_WAIT: Final = 30.0
"""Seconds after which new messages are indexed all the same."""
_PAUSE: Final = 0.05
"""Seconds between two batches: what is written meanwhile goes first."""


class SearchIndexer:
    """Advances the index after each burst of news, batch by batch."""

    def __init__(self, runner: UnitOfWorkRunner, changed: Bell) -> None:
        self._runner = runner
        self._changed = changed

    async def run(self) -> None:
        """Index what is there, and then what comes, until cancelled."""
        while True:
            changed = self._changed.next_ring()
            await self._catch_up()
            await changed.wait()
            with anyio.move_on_after(_LONGEST_WAIT):
                await self._until_quiet()

    async def _until_quiet(self) -> None:
        while True:
            changed = self._changed.next_ring()
            with anyio.move_on_after(_QUIET) as quiet:
                await changed.wait()
            if quiet.cancelled_caught:
                return

    async def _catch_up(self) -> None:
        try:
            while await self._runner.change(index.advance):  # noqa: ASYNC110  # it waits for nothing but its turn
                await anyio.sleep(_PAUSE)
        except StorageFull:
            pass  # what is not indexed is searched all the same
        except BaseException as error:  # noqa: BLE001  # the next message starts another try
            contain("indexing for the search", error)
