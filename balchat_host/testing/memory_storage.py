"""Vaults in memory, for tests and simulations: no files, no threads, no time.

A unit runs in the event loop, inside the call, so that a simulation under a virtual clock sees it take no time at all.
Failures come when a test asks for them:

    storage.kill(directory)          as SIGKILL: the vault is gone without a farewell, what it committed stays
    vault.fail_next_commit()         the disk fails: the vault refuses everything until it is unlocked again
    vault.full = True                the disk is full until a test makes it False again

The secrets are kept as they are, and nothing is encrypted.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Final, TypeVar
from zlib import crc32

from anyio import ClosedResourceError
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import (
    AccountExists,
    BadInput,
    BalchatError,
    NoSuchProfile,
    StorageFailed,
    StorageFull,
    VaultInUse,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.storage import (
    ReadTransaction,
    SlotKind,
    Storage,
    Transaction,
    Vault,
)
from balchat_host.api.types import Check, Secret
from balchat_host.testing.sqlite_transaction import SqliteView, memory_database, run_unit

T = TypeVar("T")

_MIN_PASSPHRASE: Final = 8
_CODE_LENGTH: Final = 32


class MemoryStorage(Storage):
    """Keeps vaults under the paths that they are given, in this object and nowhere else."""

    def __init__(self) -> None:
        self._disks: dict[Path, _Disk] = {}

    def new_recovery_code(self) -> Secret:
        digits = token_hex(_CODE_LENGTH // 2).encode()
        return Secret(digits + _check(digits))

    def check_passphrase(self, passphrase: Secret) -> None:
        _read_new(SlotKind.PASSPHRASE, passphrase)

    def exists(self, directory: Path) -> bool:
        return directory in self._disks

    async def create(
        self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Callable[[Transaction], object]
    ) -> "MemoryVault":
        await checkpoint()
        return self.make(directory, slots, fill)

    def make(
        self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Callable[[Transaction], object]
    ) -> "MemoryVault":
        """Do what `create` does, without an event loop."""
        if directory in self._disks:
            raise AccountExists(name=directory.name)
        if not slots:
            raise BadInput(what="vault", problem="it needs a secret that opens it")
        disk = _Disk({kind: _read_new(kind, secret) for kind, secret in slots.items()})
        run_unit(disk.database, fill, commit=disk.database.commit)
        self._disks[directory] = disk
        return MemoryVault(self._disks, disk)

    async def unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> "MemoryVault":
        await checkpoint()
        disk = self._disks.get(directory)
        if disk is None:
            raise NoSuchProfile(name=directory.name)
        disk.require_opens(kind, _read(kind, secret))
        if disk.holder is not None:
            raise VaultInUse
        return MemoryVault(self._disks, disk)

    async def restore(
        self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Callable[[Transaction], object]
    ) -> None:
        await checkpoint()
        if directory in self._disks:
            raise AccountExists(name=directory.name)
        disk = self._disks.get(source)
        if disk is None:
            raise BadInput(what=str(source), problem="there is no backup here")
        disk.require_opens(kind, _read(kind, secret))
        if disk.holder is not None:
            raise VaultInUse
        self._disks[directory] = disk.copy(amend)

    def checks(self, directory: Path) -> Sequence[Check]:
        return [Check(name="vault", finding="in memory" if self.exists(directory) else "there is none yet")]

    def kill(self, directory: Path) -> None:
        """Take an open vault away from its process, as SIGKILL does. It can be unlocked again."""
        self._disks[directory].holder = None


class _Disk:
    """What outlives a process: the secrets and the database. `holder` is the vault that is open on it."""

    def __init__(self, secrets: Mapping[SlotKind, bytes]) -> None:
        self.secrets = dict(secrets)
        self.database = memory_database()
        self.holder: MemoryVault | None = None

    def __del__(self) -> None:
        self.database.close()

    def require_opens(self, kind: SlotKind, secret: bytes) -> None:
        if self.secrets.get(kind) != secret:
            raise WrongSecret(slot=str(kind))

    def copy(self, amend: Callable[[Transaction], object]) -> "_Disk":
        copy = _Disk(self.secrets)
        self.database.backup(copy.database)
        run_unit(copy.database, amend, commit=copy.database.commit)
        return copy


class MemoryVault(Vault):
    """An unlocked vault in memory."""

    def __init__(self, disks: dict[Path, _Disk], disk: _Disk) -> None:
        self._disks = disks
        self._disk = disk
        self._refusal: BalchatError | None = None
        self._failing: bool | None = None
        self.full = False
        """Units raise StorageFull, and are undone."""
        disk.holder = self

    def fail_next_commit(self, *, on_disk: bool = False) -> None:
        """Have the next unit raise StorageFailed.

        `on_disk`: its changes are there nevertheless after the next unlock, as when power fails before the answer.
        """
        self._failing = on_disk

    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        try:
            return self.run(fn)
        finally:
            # After the unit, because units happen in the order of the calls, and even when the caller is cancelled.
            await checkpoint()

    def run(self, fn: Callable[[Transaction], T], *, then_crash: bool = False) -> T:
        """Do what `transact` does, without an event loop. With `then_crash`, the unit is undone."""
        self._refuse_closed()
        if self._refusal is not None:
            raise self._refusal
        return run_unit(self._disk.database, fn, commit=_die if then_crash else self._commit)

    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        self._refuse_closed()
        view = SqliteView(self._disk.database)
        try:
            self._disk.database.execute("PRAGMA query_only = ON")
            return fn(view)
        finally:
            self._disk.database.execute("PRAGMA query_only = OFF")
            view.end()
            await checkpoint()

    async def slots(self) -> Sequence[SlotKind]:
        self._refuse_closed()
        return tuple(self._disk.secrets)

    async def set_slot(self, kind: SlotKind, secret: Secret) -> None:
        self._refuse_closed()
        self._disk.secrets[kind] = _read_new(kind, secret)
        await checkpoint()

    async def verify_slot(self, kind: SlotKind, secret: Secret) -> None:
        self._refuse_closed()
        self._disk.require_opens(kind, _read(kind, secret))
        await checkpoint()

    async def backup(self, target: Path, amend: Callable[[Transaction], object]) -> None:
        self._refuse_closed()
        if target in self._disks:
            raise BadInput(what=str(target), problem="it is there already; choose another path for the copy")
        if self.full:
            raise StorageFull
        self._disks[target] = self._disk.copy(amend)
        await checkpoint()

    async def aclose(self) -> None:
        if self._disk.holder is self:
            self._disk.holder = None
        await checkpoint()

    def _commit(self) -> None:
        if self.full:
            raise StorageFull
        failing, self._failing = self._failing, None
        if failing is not False:
            self._disk.database.execute("COMMIT")
        if failing is not None:
            self._refusal = StorageFailed(problem="a test made it fail")
            raise self._refusal

    def _refuse_closed(self) -> None:
        if self._disk.holder is not self:
            raise ClosedResourceError


def _read(kind: SlotKind, secret: Secret) -> bytes:
    """Return a typed secret. A recovery code here is 32 hexadecimal digits, and 8 that check them."""
    octets = secret.reveal()
    if kind is SlotKind.RECOVERY_CODE:
        octets = octets.strip().lower()
        if _check(octets[:_CODE_LENGTH]) != octets[_CODE_LENGTH:]:
            raise BadInput(what="recovery code", problem="it is mistyped")
    return octets


def _check(digits: bytes) -> bytes:
    return b"%08x" % crc32(digits)


def _read_new(kind: SlotKind, secret: Secret) -> bytes:
    octets = _read(kind, secret)
    length = len(octets.decode(errors="replace"))
    if kind is SlotKind.PASSPHRASE and length < _MIN_PASSPHRASE:
        raise WeakPassphrase(problem=f"it has {length} characters; at least {_MIN_PASSPHRASE} are needed")
    return octets


def _die() -> None:
    """Commit nothing."""
