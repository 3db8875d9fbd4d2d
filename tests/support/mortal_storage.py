"""The storage in SQLCipher databases, which kills its own process (SIGKILL) at the commit that it is told.

It can also die in a creation. `when` says which moment it is:

    before   the unit has done its work in the transaction; nothing of it is on the disk
    after    the unit is on the disk; nobody has been told, and none of its effects has been carried out
    touching no commit, but while a vault is made: one of its files is about to be touched

A test that counts up `at` until the process survives has stopped it at every one of these points. As a plugin it is
called `storage_mortal`; a test announces `tests.support.mortal_storage` by an entry point of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api import API_VERSION
from balchat_host.api.descriptors import StorageDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.storage import ReadTransaction, SlotKind, Storage, Transaction, Vault
from balchat_host.api.types import Check, Secret
from balchat_host.testing.death import die, die_touching

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class MortalSettings:
    """`at` counts units, or touches, from 1; with 0 nobody dies."""

    when: str = "before"
    at: int = 0

    def __post_init__(self) -> None:
        if self.when not in ("before", "after", "touching"):
            raise ValueError(f"when: it is {self.when}; before, after or touching")


class MortalStorage(Storage):
    """Hands everything on to `storage`."""

    def __init__(self, storage: Storage, settings: MortalSettings) -> None:
        self._storage = storage
        self._settings = settings

    def new_recovery_code(self) -> Secret:
        return self._storage.new_recovery_code()

    def check_passphrase(self, passphrase: Secret) -> None:
        self._storage.check_passphrase(passphrase)

    def exists(self, directory: Path) -> bool:
        return self._storage.exists(directory)

    async def create(
        self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Callable[[Transaction], object]
    ) -> Vault:
        if self._settings.when == "touching":
            die_touching(directory, self._settings.at)
        last = self._settings.at == 1
        vault = await self._storage.create(directory, slots, _mortal(fill, self._settings, last=last))
        if last and self._settings.when == "after":
            die()
        return vault

    async def unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> Vault:
        return MortalVault(await self._storage.unlock(directory, kind, secret), self._settings)

    async def restore(
        self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Callable[[Transaction], object]
    ) -> None:
        if self._settings.when == "touching":
            die_touching(directory, self._settings.at)
        await self._storage.restore(directory, source, kind, secret, amend)

    def checks(self, directory: Path) -> Sequence[Check]:
        return self._storage.checks(directory)


class MortalVault(Vault):
    """Hands everything on to `vault`, until its hour has come."""

    def __init__(self, vault: Vault, settings: MortalSettings) -> None:
        self._vault = vault
        self._settings = settings
        self._units = 0

    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        self._units += 1
        last = self._units == self._settings.at
        result = await self._vault.transact(_mortal(fn, self._settings, last=last))
        if last and self._settings.when == "after":
            die()
        return result

    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        return await self._vault.read(fn)

    async def slots(self) -> Sequence[SlotKind]:
        return await self._vault.slots()

    async def set_slot(self, kind: SlotKind, secret: Secret) -> None:
        await self._vault.set_slot(kind, secret)

    async def verify_slot(self, kind: SlotKind, secret: Secret) -> None:
        await self._vault.verify_slot(kind, secret)

    @property
    def look_every(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]  # the vault's own
        return self._vault.look_every

    async def condition(self) -> str | None:
        return await self._vault.condition()

    async def backup(self, target: Path, amend: Callable[[Transaction], object]) -> None:
        await self._vault.backup(target, amend)

    async def aclose(self) -> None:
        await self._vault.aclose()


def _mortal(fn: Callable[[Transaction], T], settings: MortalSettings, *, last: bool) -> Callable[[Transaction], T]:
    """Return a unit that, where it is the last one, dies before its commit."""

    def run(tx: Transaction) -> T:
        result = fn(tx)
        if last and settings.when == "before":
            die()
        return result

    return run


def make(settings: MortalSettings) -> Storage:
    """Make it. Each vault is opened many times here, so its key derivation is weak."""
    return MortalStorage(SqlcipherStorage(weak_kdf=Kdf(memory_kib=8, passes=1, lanes=1)), settings)


@hookimpl
def balchat_storages() -> Sequence[StorageDescriptor]:
    """Register the storage."""
    return [
        StorageDescriptor(
            name="storage_mortal",
            summary="Kills its own process at a commit, for tests",
            api_version=API_VERSION,
            settings=MortalSettings,
            factory=make,
        )
    ]
