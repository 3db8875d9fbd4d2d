"""Faults for what is an App: an account in memory that leaves something behind, or does what it must not."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import anyio

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_host.api.frontend import App

logger = logging.getLogger(__name__)


class FaultyApp:
    """No fault. `added` is called with each contact that is added."""

    caught_by: ClassVar[str] = "test_a_contact_is_called_by_its_name_onion_or_peer_id"
    audited: ClassVar[bool] = True

    def __init__(self, app: App, folder: Path) -> None:
        self._app = app
        self.folder = folder
        self.end = threading.Event()
        self.contacts = _Contacts(app.contacts, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def added(self, onion: str) -> None:
        """Do what the fault is."""


class _Contacts:
    def __init__(self, contacts: Any, app: FaultyApp) -> None:
        self._contacts = contacts
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._contacts, name)

    async def add(self, *arguments: Any, **named: Any) -> Any:
        contact = await self._contacts.add(*arguments, **named)
        await self._app.added(contact.onion)
        return contact


class LeavesATask(FaultyApp):
    """Leaves a task behind with each call."""

    async def added(self, onion: str) -> None:
        self.left = asyncio.get_running_loop().create_task(anyio.sleep_forever())


class LeavesAThread(FaultyApp):
    """Leaves a thread behind with each call."""

    async def added(self, onion: str) -> None:
        threading.Thread(target=self.end.wait, daemon=True).start()


class LeavesAFileOpen(FaultyApp):
    """Opens a file, and does not close it."""

    async def added(self, onion: str) -> None:
        self.left = await anyio.to_thread.run_sync((self.folder / "notes").open, "wb")


class LogsAnAddress(FaultyApp):
    """Writes into the log who was added."""

    async def added(self, onion: str) -> None:
        logger.info("added %s", onion)


class Blocks(FaultyApp):
    """Blocks the event loop."""

    async def added(self, onion: str) -> None:
        time.sleep(0.001)  # noqa: ASYNC251  # the fault


FAULTS = list(FaultyApp.__subclasses__())
