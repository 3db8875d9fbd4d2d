"""An open vault. What it does runs in worker threads, one thing at a time, in the order in which it was asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, ClosedResourceError
from anyio.lowlevel import checkpoint
from balchat_host.api.errors import StorageFailed
from balchat_host.api.storage import SlotKind, Vault

from balchat_storage_plain.database import keep_verifier, require_opens, run_unit, run_view
from balchat_storage_plain.files import copy_vault
from balchat_storage_plain.secrets import new_verifier
from balchat_storage_plain.workers import to_its_end

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from balchat_host.api.storage import ReadTransaction, Transaction
    from balchat_host.api.types import Secret

T = TypeVar("T")


class PlainVault(Vault):
    """A vault on a database, whose lock is held by an open file."""

    def __init__(self, database: sqlite3.Connection, lock: int) -> None:
        self._database = database
        self._lock: int | None = lock
        self._one = CapacityLimiter(1)
        self._closed = False
        self._failure: StorageFailed | None = None

    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        return await self._do(lambda: self._unit(fn))

    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        return await self._do(lambda: run_view(self._database, fn))

    async def slots(self) -> Sequence[SlotKind]:
        rows = await self._do(lambda: self._database.execute("SELECT kind FROM vault_slot ORDER BY rowid").fetchall())
        return tuple(SlotKind(kind) for (kind,) in rows)

    async def set_slot(self, kind: SlotKind, secret: Secret) -> None:
        await self._do(lambda: keep_verifier(self._database, kind, new_verifier(kind, secret)))

    async def verify_slot(self, kind: SlotKind, secret: Secret) -> None:
        await self._do(lambda: require_opens(self._database, kind, secret))

    async def backup(self, target: Path, amend: Callable[[Transaction], object]) -> None:
        await self._do(lambda: copy_vault(self._database, target, amend))

    async def aclose(self) -> None:
        self._closed = True
        await to_its_end(self._close, self._one)

    async def _do(self, job: Callable[[], T]) -> T:
        """Run a job in its turn, to its end, also where the caller is cancelled."""
        if self._closed:
            raise ClosedResourceError
        result = await to_its_end(job, self._one)
        await checkpoint()
        return result

    def _unit(self, fn: Callable[[Transaction], T]) -> T:
        if self._failure is not None:  # nothing is built on a state that may not be there
            raise self._failure
        try:
            return run_unit(self._database, fn)
        except StorageFailed as failure:
            self._failure = failure
            raise

    def _close(self) -> None:
        """Lock it, unless somebody has."""
        lock, self._lock = self._lock, None
        if lock is not None:
            self._database.close()
            os.close(lock)
