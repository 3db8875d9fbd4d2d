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
  unit is undone and raises `StorageFull`, and the vault goes on. It may take along units of the same commit.
- A statement that SQL refuses raises `SqlError`, whichever driver is below; what it did is undone, the unit may go on.
- After `aclose` every call raises `anyio.ClosedResourceError`.

A vault may be SQLCipher, another encrypted SQLite, or memory in tests. It never learns what the rows mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from balchat_host.api.types import Check, Secret

T = TypeVar("T")

SqlValue = None | int | float | str | bytes
SqlRow = tuple[SqlValue, ...]


class SqlError(Exception):
    """SQL refused a statement: a mistake in it, or a constraint that it would break. The caller is at fault.

    The driver's own error, its cause, says which. It may quote what the statement was about: never log it.
    """


class KeyValueArea(ABC):
    """A namespaced, ordered store of octets inside the caller's transaction; keys sort as their octets do."""

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""

    @abstractmethod
    def put(self, key: bytes, value: bytes) -> None:
        """Set `key` to `value`, whether it was there or not. Raise TypeError for what is no bytes."""

    @abstractmethod
    def delete(self, key: bytes) -> None:
        """Remove `key`; one that is absent is no error."""

    @abstractmethod
    def scan(self, prefix: bytes = b"", *, before: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Return the keys that begin with `prefix`, with their values, in order, as they were when the scan began.

        Where `before` is given, only those that sort before that key.
        """


class ReadTransaction(ABC):
    """One consistent view of the vault."""

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        """Run one statement of the SQLite dialect and return all its rows.

        SQLite 3.40 or newer: with FTS5, STRICT, RETURNING, last_insert_rowid.
        """

    @abstractmethod
    def area(self, name: str) -> KeyValueArea:
        """Return the key-value area called `name`. Two names never see each other's keys."""


class Transaction(ReadTransaction):
    """A unit of change. Valid only inside the function that it was handed to.

    Transactions, savepoints and databases are the vault's: BEGIN, COMMIT, ATTACH and their like raise SqlError. Foreign
    keys are enforced at once; do not declare them DEFERRABLE, because several units share one commit.
    """

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one changing statement; return the number of rows it changed."""

    @abstractmethod
    def insert(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int | None:
        """Run one INSERT of one row into a table with row ids.

        Return its row id, or None where it inserted nothing (ON CONFLICT DO NOTHING).
        """

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


class Vault(ABC):
    """An unlocked vault. `aclose` locks it: keys are forgotten, threads have ended, the lock on the files is gone."""

    @abstractmethod
    async def transact(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` as one unit of change; return its result once that is durable.

        Raise what `fn` raises, StorageFull, StorageFailed or VaultDamaged.
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
        """Make `secret` open the vault as `kind`, in place of the one before. The database is not rewritten.

        Raise WeakPassphrase; BadInput for a recovery code that is not of the shape of `Storage.new_recovery_code`;
        StorageFull and StorageFailed, and then the one before still opens it.
        """

    @abstractmethod
    async def verify_slot(self, kind: SlotKind, secret: Secret) -> None:
        """Raise WrongSecret unless `secret` opens the vault as `kind`; BadInput for a mistyped recovery code."""

    look_every: float | None = None
    """Seconds after which `condition` may have become another one; None where it never changes by itself."""

    async def condition(self) -> str | None:
        """Say what keeps the disk from taking anything, as far as can be seen without writing; None where nothing does.

        The words are for a person, such as `the disk is full`.
        """
        return None

    @abstractmethod
    async def backup(self, target: Path, amend: Callable[[Transaction], object]) -> None:
        """Write a whole, consistent, equally locked copy to `target`, while work goes on.

        `target` is a path that does not exist yet. The copy opens with the secrets of this moment. `amend` is run as
        one unit on the copy, and not on this vault, before anybody could open it. Being cut short leaves nothing at
        `target`, and no copy anywhere that opens without what `amend` wrote. Raise what `amend` raises, BadInput if
        `target` exists or its folder does not, StorageFull, StorageFailed, VaultDamaged.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Finish the units that were handed in, then lock the vault. Calling it twice is harmless."""


class Storage(ABC):
    """Makes and unlocks vaults; what a storage plugin's factory gives."""

    @abstractmethod
    def new_recovery_code(self) -> Secret:
        """Make a recovery code: at least 128 bits of chance, as text that a person can write down and type.

        A code with a typing error is told apart from a wrong one: BadInput instead of WrongSecret.
        """

    @abstractmethod
    def check_passphrase(self, passphrase: Secret) -> None:
        """Look whether a passphrase could be that of a new vault: what `create` raises for it. Quick, without a disk.

        Raise WeakPassphrase, BadInput.
        """

    @abstractmethod
    def exists(self, directory: Path) -> bool:
        """Return whether `directory` holds a vault, damaged or not. Never creates anything."""

    @abstractmethod
    async def create(
        self, directory: Path, slots: Mapping[SlotKind, Secret], fill: Callable[[Transaction], object]
    ) -> Vault:
        """Make a new vault in `directory` (made with mode 0700 if absent) and return it unlocked.

        `fill` is its first unit. It is durable before `exists` says that there is a vault, so that nobody ever finds
        one without what `fill` wrote: a creation that fails, or is cut short, leaves no vault and can be done again.

        Raise what `fill` raises, AccountExists if one is there, WeakPassphrase, BadInput without slots or with a
        recovery code of another shape, StorageFull, StorageFailed.
        """

    @abstractmethod
    async def unlock(self, directory: Path, kind: SlotKind, secret: Secret) -> Vault:
        """Open the vault in `directory`.

        Raise NoSuchProfile, WrongSecret, BadInput for a mistyped recovery code, VaultInUse, VaultExposed,
        VaultDamaged, VaultTooNew, StorageFull, StorageFailed. Never changes or recreates a vault that it cannot open.
        """

    @abstractmethod
    async def restore(
        self, directory: Path, source: Path, kind: SlotKind, secret: Secret, amend: Callable[[Transaction], object]
    ) -> None:
        """Make a vault in `directory` from the copy at `source`: a backup, or the directory of another account.

        The copy is looked at whole: `secret` opens it, and no page of it is damaged. `amend` is run as one unit on what
        is made of it. Then it is put in place at once, or not at all; the copy stays as it is.

        Raise what `amend` raises, AccountExists if there is a vault in `directory`, BadInput where there is none at
        `source`, VaultInUse where that is open; and WrongSecret, BadInput for a mistyped recovery code, VaultDamaged,
        VaultTooNew, StorageFull, StorageFailed.
        """

    @abstractmethod
    def checks(self, directory: Path) -> Sequence[Check]:
        """Look at the vault from outside for `balchat doctor`: permissions, files, versions. Needs no secret."""
