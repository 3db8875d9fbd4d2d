"""Faults of ways to an account: what they leave behind, or tell, when they are asked for something."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import ClassVar

import anyio

from tests.kits.app_faults.faulty_app import FaultyApp

logger = logging.getLogger(__name__)
left: list[object] = []
"""What is left behind, for the test to end."""


class FaultyForTheAudit(FaultyApp):
    """No fault. `added` is called with the onion address of each contact that is added."""

    audited: ClassVar[bool] = True

    async def contacts_add(self, call, *given, **named):
        contact = await call(*given, **named)
        await self.added(contact.onion)
        return contact

    async def added(self, onion):
        """Do what the fault is."""


class LeavesATask(FaultyForTheAudit):
    """Leaves a task behind with each call."""

    async def added(self, onion):
        self.task = asyncio.get_running_loop().create_task(anyio.sleep_forever())


class LeavesAThread(FaultyForTheAudit):
    """Leaves a thread behind with each call."""

    async def added(self, onion):
        end = threading.Event()
        left.append(end)
        threading.Thread(target=end.wait, daemon=True).start()


class LeavesAFileOpen(FaultyForTheAudit):
    """Opens a file, and does not close it."""

    async def added(self, onion):
        left.append(await anyio.to_thread.run_sync(tempfile.TemporaryFile))


class LeavesAFile(FaultyForTheAudit):
    """Leaves a file behind, where nobody expects one."""

    async def added(self, onion):
        path = Path(tempfile.gettempdir()) / f"balchat-app-{id(self)}"
        left.append(path)
        await anyio.to_thread.run_sync(path.touch)


class LogsAnAddress(FaultyForTheAudit):
    """Writes into the log who was added."""

    async def added(self, onion):
        logger.info("added %s", onion)


class PrintsAnAddress(FaultyForTheAudit):
    """Writes to the standard error who was added."""

    async def added(self, onion):
        sys.stderr.write(f"added {onion}\n")


class ChangesTheEnvironment(FaultyForTheAudit):
    """Keeps state in the environment."""

    tells = "BALCHAT_APP"

    async def added(self, onion):
        os.environ["BALCHAT_APP"] = "used"


class Blocks(FaultyForTheAudit):
    """Blocks the event loop."""

    async def added(self, onion):
        time.sleep(0.001)  # noqa: ASYNC251  # the fault
