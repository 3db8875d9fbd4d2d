"""The storage contract: a vault, and the transaction in which everything that changes state happens.

Rules
-----
- `Vault.transact(fn)` runs `fn(tx)` on the vault's own thread. Units are applied in the order in which they
  were handed in, each all or nothing. When `transact` returns, the unit is on the disk for good.
- `fn` is synchronous and does no I/O but through `tx`. An exception from `fn` undoes its unit, leaves the
  units around it alone, and comes out of `transact` as itself.
- Nothing that was handed to `transact` is forgotten when its caller is cancelled: the unit still happens, or
  does not, as a whole.
- Once a write to the disk has failed, the vault refuses further units with that error until it is unlocked
  again, so that nothing is built on a state that may not be there. A full disk is not such a failure: the
  unit is undone and raises `StorageFull`, and the vault goes on.

A vault may be SQLCipher, another encrypted SQLite, or memory in tests. It never learns what the rows mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from balchat_host.api.types import Check, Secret

T = TypeVar("T")

SqlValue = None | int | float | str | bytes
SqlRow = tuple[SqlValue, ...]


class KeyValueArea(ABC):
    """A namespaced, ordered store of octets inside the caller's transaction; keys sort as their octets do."""

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """Give the value of `key`, or None."""

    @abstractmethod
    def put(self, key: bytes, value: bytes) -> None:
        """Set `key` to `value`, whether it was there or not."""

    @abstractmethod
    def delete(self, key: bytes) -> None:
        """Remove `key`; one that is absent is no error."""

    @abstractmethod
    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Give the keys that begin with `prefix`, with their values, in order, as they were when the scan began."""


class ReadTransaction(ABC):
    """One consistent view of the vault."""

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        """Run one statement of the SQLite dialect (3.40 or newer, FTS5, STRICT, RETURNING) and give all its rows."""

    @abstractmethod
    def area(self, name: str) -> KeyValueArea:
        """Give the key-value area called `name`. Two names never see each other's keys."""


class Transaction(ReadTransaction):
    """A unit of change. Valid only inside the function that it was handed to."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one changing statement; give the number of rows it changed."""

    @abstractmethod
    def script(self, sql: str) -> None:
        """Run several statements without parameters, in this transaction. For migrations."""

    @abstractmethod
    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happened inside the `with` block, and only that, when it raises."""


class SlotKind(StrEnum):
    """What kind of secret opens a key slot."""

    PASSPHRASE = "passphrase"  # noqa: S105  # the name of a kind of secret, not a secret
    RECOVERY_CODE = "recovery code"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """What a deployment may say about a vault, whichever plugin makes it. None takes the plugin's own strong default.

    `kdf_memory_kib`, `kdf_passes` and `kdf_lanes` are Argon2id's (RFC 9106); a plugin refuses weaker ones than
    the RFC's second recommendation unless `testing` is set, which only `balchat_host.testing` does.
    """

    kdf_memory_kib: int | None = None
    kdf_passes: int | None = None
    kdf_lanes: int | None = None
    testing: bool = False


class Vault(ABC):
    """An unlocked vault. `aclose` locks it: keys are forgotten, threads have ended, the lock on the files is gone."""

    @abstractmethod
    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` as one unit of change; return its result once that is durable.

        Raises what `fn` raises, StorageFull, StorageFailed or VaultDamaged.
        """

    @abstractmethod
    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        """Run `fn` on a consistent view that holds at least everything committed before the call.

        Writers are not held up.
        """

    @abstractmethod
    async def slots(self) -> Sequence[SlotKind]:
        """Name the key slots that are in use."""

    @abstractmethod
    async def set_slot(self, kind: SlotKind, secret: Secret) -> None:
        """Make `secret` open the vault as `kind`, in place of the one before. The database is not rewritten."""

    @abstractmethod
    async def verify_slot(self, kind: SlotKind, secret: Secret) -> None:
        """Raise WrongSecret unless `secret` opens the vault as `kind`."""

    @abstractmethod
    async def backup(self, target: Path) -> None:
        """Write a whole, consistent, equally locked copy to the new path `target` while work goes on.

        Raises BadInput if `target` exists, StorageFull, StorageFailed.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Finish the units that were handed in, then lock the vault. Calling it twice is harmless."""


class Storage(ABC):
    """Makes and unlocks vaults; what a storage plugin's factory gives."""

    @abstractmethod
    def exists(self, directory: Path) -> bool:
        """Say whether `directory` holds a vault, damaged or not. Never creates anything."""

    @abstractmethod
    async def create(self, directory: Path, slots: Mapping[SlotKind, Secret]) -> Vault:
        """Make a new vault in `directory` (made with mode 0700 if absent) and give it unlocked.

        Raises AccountExists if one is there, StorageFull, StorageFailed. A creation that fails leaves no vault behind.
        """

    @abstractmethod
    async def unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> Vault:
        """Open the vault in `directory`.

        Raises NoSuchProfile, WrongSecret, VaultInUse, VaultDamaged, VaultTooNew. Never changes or recreates a vault
        that it cannot open.
        """

    @abstractmethod
    def checks(self, directory: Path) -> Sequence[Check]:
        """Look at the vault from outside for `balchat doctor`: permissions, files, versions. Needs no secret."""
