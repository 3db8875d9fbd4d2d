"""An unlocked vault: a writer, readers, and the key that new slots are made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

from anyio import CancelScope, ClosedResourceError, to_thread

from balchat_host.api.storage import ReadTransaction, SlotKind, Transaction, Vault
from balchat_host.api.types import Secret
from balchat_storage_sqlcipher import header
from balchat_storage_sqlcipher.backup import write_backup
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.driver import Access, Connection, Driver, open_database
from balchat_storage_sqlcipher.faults import disk_condition, disk_faults
from balchat_storage_sqlcipher.files import VaultFiles, VaultLock
from balchat_storage_sqlcipher.jobs import Job
from balchat_storage_sqlcipher.keyslots import lock_slot, open_slot, read_new_secret, read_secret
from balchat_storage_sqlcipher.readers import Readers
from balchat_storage_sqlcipher.writer import Writer

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Opened:
    """What a vault holds while it is open."""

    driver: Driver
    files: VaultFiles
    lock: VaultLock
    data_key: DataKey
    slots: header.Slots
    connection: Connection
    kdf: header.Kdf
    """For new slots."""


class SqlcipherVault(Vault):
    """An unlocked vault."""

    look_every = 10.0

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._writer = Writer(opened.driver, opened.connection, partial(disk_condition, opened.files.folder))
        self._readers = Readers(opened.driver, partial(self._connect, None, Access.VIEW))
        self._closed = False
        self._slots_lock = Lock()
        """Held, in worker threads only, by whoever needs the data key to stay, or the header."""

    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        self._refuse_closed()
        job = Job(fn)
        self._writer.submit(job)
        return await job.outcome()

    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        self._refuse_closed()
        job = Job(fn)
        self._readers.submit(job)
        return await job.outcome()

    async def slots(self) -> Sequence[SlotKind]:
        self._refuse_closed()
        return tuple(self._opened.slots)

    async def set_slot(self, kind: SlotKind, secret: Secret) -> None:
        self._refuse_closed()
        await to_thread.run_sync(self._set_slot, kind, read_new_secret(kind, secret))

    async def verify_slot(self, kind: SlotKind, secret: Secret) -> None:
        self._refuse_closed()
        key = await to_thread.run_sync(open_slot, self._opened.slots, kind, read_secret(kind, secret))
        key.wipe()

    async def condition(self) -> str | None:
        return await to_thread.run_sync(disk_condition, self._opened.files.folder)

    async def backup(self, target: Path, amend: Callable[[Transaction], object]) -> None:
        self._refuse_closed()
        await to_thread.run_sync(self._backup, target, amend)

    async def aclose(self) -> None:
        self._closed = True
        with CancelScope(shield=True):
            await to_thread.run_sync(self._close)

    def _set_slot(self, kind: SlotKind, secret: Secret) -> None:
        with self._slots_lock:
            opened = self._opened
            slots = {**opened.slots, kind: lock_slot(opened.data_key, secret, opened.kdf)}
            with disk_faults():
                opened.files.write_header(header.encode(slots))
            opened.slots = slots

    def _backup(self, target: Path, amend: Callable[[Transaction], object]) -> None:
        with self._slots_lock:
            slots = header.encode(self._opened.slots)
            write_backup(self._opened.driver, self._connect, slots, target, amend)

    def _close(self) -> None:
        with self._slots_lock:
            if self._opened.data_key.wiped:
                return
            # The readers first: the last connection to close moves what is in the log into the database.
            self._readers.close()
            self._writer.close()
            self._opened.data_key.wipe()
            self._opened.lock.release()

    def _connect(self, database: Path | None, access: Access) -> Connection:
        """Open our database, or another one with the same key."""
        path = database or self._opened.files.database
        return open_database(self._opened.driver, path, self._opened.data_key, access)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ClosedResourceError
