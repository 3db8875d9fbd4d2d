"""Makes and unlocks vaults (docs/spec/vault.md, section 5)."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from anyio import to_thread

from balchat_host.api.errors import AccountExists, BadInput, NoSuchProfile, VaultDamaged
from balchat_host.api.sql import AREA_SCHEMA
from balchat_host.api.storage import SlotKind, Storage, Transaction
from balchat_host.api.types import Check, Secret
from balchat_storage_sqlcipher import header, recovery_code
from balchat_storage_sqlcipher.backup import Backup
from balchat_storage_sqlcipher.checks import check_vault
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.driver import Access, Connection, find_driver, open_database
from balchat_storage_sqlcipher.faults import disk_faults, opening_faults
from balchat_storage_sqlcipher.files import (
    VaultFiles,
    VaultLock,
    locked_while_failing,
    make_file,
    make_folder,
    remove_tree,
    sync,
)
from balchat_storage_sqlcipher.header import Kdf, Slots
from balchat_storage_sqlcipher.keyslots import lock_slot, open_slot, read_new_secret, read_secret
from balchat_storage_sqlcipher.log_check import require_whole_log
from balchat_storage_sqlcipher.settings import Settings
from balchat_storage_sqlcipher.transaction import run_alone
from balchat_storage_sqlcipher.vault import Opened, SqlcipherVault

Fill = Callable[[Transaction], object]

_OUR_TABLES: Final = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'vault_area'"


class SqlcipherStorage(Storage):
    """Vaults in SQLCipher databases. `weak_kdf` is for tests, which cannot wait for a strong one."""

    def __init__(self, settings: Settings | None = None, *, weak_kdf: Kdf | None = None) -> None:
        """Find the driver. Raise LibraryTooOld."""
        find_driver()
        self._kdf = weak_kdf or (settings or Settings()).kdf

    def new_recovery_code(self) -> Secret:
        return Secret.from_text(recovery_code.new())

    def check_passphrase(self, passphrase: Secret) -> None:
        read_new_secret(SlotKind.PASSPHRASE, passphrase)

    def exists(self, directory: Path) -> bool:
        with disk_faults():
            return VaultFiles(directory).folder.exists()

    async def create(self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Fill) -> SqlcipherVault:
        return await to_thread.run_sync(self._create, directory, slots, fill)

    async def unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> SqlcipherVault:
        return await to_thread.run_sync(self._unlock, directory, kind, secret)

    async def restore(self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Fill) -> None:
        await to_thread.run_sync(self._restore, directory, source, kind, secret, amend)

    def checks(self, directory: Path) -> Sequence[Check]:
        return check_vault(directory)

    def _create(self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Fill) -> SqlcipherVault:
        files = VaultFiles(directory)
        if self.exists(directory):
            raise AccountExists(name=directory.name)
        if not slots:
            raise BadInput(what="vault", problem="it needs a secret that opens it")
        secrets = {kind: read_new_secret(kind, secret) for kind, secret in slots.items()}
        with disk_faults(), self._making(files) as lock:
            data_key = DataKey.generate()
            with _wiped_while_failing(data_key):
                new_slots = {kind: lock_slot(data_key, secret, self._kdf) for kind, secret in secrets.items()}
                return self._build(files, lock, data_key, new_slots, fill)

    def _build(self, files: VaultFiles, lock: VaultLock, data_key: DataKey, slots: Slots, fill: Fill) -> SqlcipherVault:
        files.new.folder.mkdir(mode=0o700)
        make_file(files.new.database)
        _fill(files.new, data_key, fill)
        files.new.write_header(header.encode(slots))
        sync(files.new.database)
        files.new.folder.rename(files.folder)
        sync(files.directory)
        return self._open(files, lock, data_key, slots)

    def _restore(self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Fill) -> None:
        files = VaultFiles(directory)
        read = read_secret(kind, secret)
        with disk_faults(), Backup(source) as backup:
            data_key = open_slot(header.decode(backup.files.read_header()), kind, read)
            try:
                with self._making(files) as lock:
                    backup.copy_to(files.new, data_key, amend)
                    files.new.folder.rename(files.folder)
                    sync(files.directory)
                lock.release()
            finally:
                data_key.wipe()

    @contextmanager
    def _making(self, files: VaultFiles) -> Generator[VaultLock]:
        """Hold the lock of a directory without a vault while one is made in it, first under the name `vault.new`.

        Where the block raises, there is no vault and the lock is free. Raise AccountExists, VaultInUse, VaultExposed.
        """
        if self.exists(files.directory):
            raise AccountExists(name=files.directory.name)
        make_folder(files.directory)
        files.require_own_directory()
        with locked_while_failing(files.directory) as lock:
            if self.exists(files.directory):
                raise AccountExists(name=files.directory.name)
            remove_tree(files.new.folder)  # what was cut short has left
            try:
                yield lock
            except BaseException:
                with suppress(OSError):  # it hardly ever has its name by now; a kill must not leave half of it there
                    files.folder.rename(files.new.folder)
                remove_tree(files.new.folder)
                raise

    def _unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> SqlcipherVault:
        files = VaultFiles(directory)
        if not self.exists(directory):
            raise NoSuchProfile(name=directory.name)
        read = read_secret(kind, secret)
        with disk_faults():
            files.require_own_directory()
            with locked_while_failing(directory) as lock:
                files.require_private()
                slots = header.decode(files.read_header())
                files.require_database()
                require_whole_log(files)
                data_key = open_slot(slots, kind, read)
                with _wiped_while_failing(data_key):
                    return self._open(files, lock, data_key, slots)

    def _open(self, files: VaultFiles, lock: VaultLock, data_key: DataKey, slots: Slots) -> SqlcipherVault:
        driver = find_driver()
        with opening_faults(files.folder), driver.faults():
            if files.log.exists():
                # A connection that may write and finds damage would, when closed, still empty the log.
                _require_tables(open_database(driver, files.database, data_key, Access.LOOK)).close()
            connection = _require_tables(open_database(driver, files.database, data_key))
        return SqlcipherVault(
            Opened(
                driver=driver,
                files=files,
                lock=lock,
                data_key=data_key,
                slots=slots,
                connection=connection,
                kdf=self._kdf,
            )
        )


@contextmanager
def _wiped_while_failing(data_key: DataKey) -> Generator[None]:
    try:
        yield
    except BaseException:
        data_key.wipe()
        raise


def _require_tables(connection: Connection) -> Connection:
    """Return the connection back; close it and raise where it leads to something else than a vault's database."""
    try:
        tables = connection.cursor().execute(_OUR_TABLES).fetchall()
    except BaseException:
        connection.close()
        raise
    if tables != [(1,)]:
        connection.close()
        raise VaultDamaged(problem="its database is not that of a vault")
    return connection


def _fill(files: VaultFiles, data_key: DataKey, fill: Fill) -> None:
    """Make the vault's table and run the first unit, in one transaction."""
    driver = find_driver()
    with driver.faults(), closing(open_database(driver, files.database, data_key)) as connection:
        run_alone(driver, connection, fill, first=[AREA_SCHEMA])
