"""The SQLite store as its conformance kit tries it: closed and opened again, killed, and without power."""

import shutil
from pathlib import Path

from anyio import to_thread

from balchat_host.testing.power import Power
from balchat_host.testing.sqlite_disk import SqliteDisk
from balchat_relay.storage.contract import QueueStore
from balchat_relay.storage.sqlite.store import open_store
from balchat_relay.testing.store_kit.bench import LIMITS, StoreBench


class SqliteBench(StoreBench):
    """A store in a folder, which is open."""

    durable = True
    synced = True

    def __init__(self, folder: Path, store: QueueStore) -> None:
        self._folder = folder
        self._store = store

    @property
    def store(self) -> QueueStore:
        return self._store

    async def open(self) -> None:
        self._store = await open_store(self._folder / "relay.db", LIMITS)

    async def kill(self) -> None:
        left = await to_thread.run_sync(self._copy)
        await self._store.aclose()
        self._folder = left
        await self.open()

    def power(self) -> Power:
        return SqliteDisk([self._folder])

    def lies_on_disk(self, octets: bytes) -> bool:
        return any(octets in each.read_bytes() for each in self._folder.rglob("*") if each.is_file())

    def _copy(self) -> Path:
        """Copy what a killed process leaves: what lies there while it runs."""
        left = self._folder / "left"
        left.mkdir()
        for path in self._folder.glob("relay.db*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, left)
        if (blobs := self._folder / "blobs").exists():
            shutil.copytree(blobs, left / "blobs")
        return left
