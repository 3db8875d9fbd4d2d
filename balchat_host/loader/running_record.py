"""Keeps the file `running` in the profile while the account is up, and says where the socket lies now."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import TaskStatus

from balchat_host.api.frontend import App, FrontEnd, FrontEndContext
from balchat_host.loader.running import RunningFile

_log: Final = logging.getLogger("balchat")

LOOK: Final = 5.0
"""Seconds between looks at whether the file is still there."""


class RunningRecord(FrontEnd):
    """Serves nobody: it tells others where to find those that do. `find_directory` gives a runtime directory."""

    def __init__(self, profile: Path, find_directory: Callable[[], Path]) -> None:
        self._find_directory = find_directory
        directory = find_directory()
        self._file = RunningFile(profile, directory)
        self.context: Final = FrontEndContext(
            profile=profile, runtime_directory=directory, make_runtime_directory=self._make_directory
        )
        """What the other front ends get."""

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        """Keep the file in place until cancelled."""
        del app
        try:
            await self._put()
            task_status.started()
            while True:
                await anyio.sleep(LOOK)
                await self._put()
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._file.remove)

    async def _put(self) -> None:
        try:
            await to_thread.run_sync(self._file.put)
        except OSError as error:
            # The disk may be full. The account works without; only who looks from elsewhere does not find it.
            _log.warning("the file `running` cannot be written (%s)", error.strerror)

    def _make_directory(self) -> Path:
        directory = self._find_directory()
        with suppress(OSError):  # it is said again with the next look
            self._file.move(directory)
        return directory
