"""Makes, unlocks and restores vaults. Everything that touches the disk runs in worker threads."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from balchat_host.api.errors import AccountExists, BadInput, NoSuchProfile
from balchat_host.api.storage import Storage
from balchat_host.api.types import Check

from balchat_storage_plain.database import make_database, open_database, require_opens
from balchat_storage_plain.files import (
    copy_database,
    database_of,
    new_database_of,
    put_in_place,
    take_lock,
)
from balchat_storage_plain.secrets import check_passphrase, new_recovery_code, new_verifier
from balchat_storage_plain.vault import PlainVault
from balchat_storage_plain.workers import to_its_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from balchat_host.api.storage import SlotKind, Transaction, Vault
    from balchat_host.api.types import Secret


class PlainStorage(Storage):
    """Keeps each vault in an SQLite file that anybody can read who can read the disk."""

    def new_recovery_code(self) -> Secret:
        return new_recovery_code()

    def check_passphrase(self, passphrase: Secret) -> None:
        check_passphrase(passphrase)

    def exists(self, directory: Path) -> bool:
        return database_of(directory).exists()

    async def create(
        self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Callable[[Transaction], object]
    ) -> Vault:
        return await to_its_end(lambda: self._create(directory, slots, fill))

    async def unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> Vault:
        return await to_its_end(lambda: self._unlock(directory, kind, secret))

    async def restore(
        self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Callable[[Transaction], object]
    ) -> None:
        await to_its_end(lambda: self._restore(directory, source, kind, secret, amend))

    def checks(self, directory: Path) -> Sequence[Check]:
        if not self.exists(directory):
            return [Check(name="vault", finding="there is none yet")]
        return [Check(name="vault", finding="it is there, and it is not encrypted")]

    # -- in a worker thread

    def _create(
        self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Callable[[Transaction], object]
    ) -> PlainVault:
        if not slots:
            raise BadInput(what="vault", problem="it must have a secret that opens it")
        verifiers = {kind: new_verifier(kind, secret) for kind, secret in slots.items()}
        lock = self._claimed(directory)
        try:
            make_database(new_database_of(directory), verifiers, fill)
            put_in_place(directory)
            return PlainVault(open_database(database_of(directory)), lock)
        except BaseException:
            new_database_of(directory).unlink(missing_ok=True)
            os.close(lock)
            raise

    def _unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> PlainVault:
        if not self.exists(directory):
            raise NoSuchProfile(name=directory.name)
        lock = take_lock(directory)
        try:
            database = open_database(database_of(directory))
            try:
                require_opens(database, kind, secret)
            except BaseException:
                database.close()
                raise
        except BaseException:
            os.close(lock)
            raise
        return PlainVault(database, lock)

    def _restore(
        self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Callable[[Transaction], object]
    ) -> None:
        if not self.exists(source):
            raise BadInput(what=str(source), problem="there is no backup here")
        lock, source_lock = self._claimed(directory), None
        try:
            source_lock = take_lock(source)
            with closing(sqlite3.connect(f"{database_of(source).as_uri()}?mode=ro", uri=True)) as database:
                require_opens(database, kind, secret)
                copy_database(database, new_database_of(directory), amend)
            put_in_place(directory)
        finally:
            new_database_of(directory).unlink(missing_ok=True)
            for each in filter(None, (lock, source_lock)):
                os.close(each)

    def _claimed(self, directory: Path) -> int:
        """Return the lock of a directory in which there is no vault yet. Raise AccountExists."""
        if self.exists(directory):
            raise AccountExists(name=directory.name)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return take_lock(directory)
