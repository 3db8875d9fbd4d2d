"""Runs the core's functions on the vault, and hands on their effects after the commit."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import anyio

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.errors import BalchatError, StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.failures import log_failure
from balchat_host.api.storage import ReadTransaction, Transaction, Vault
from balchat_host.core import after_restore, schema
from balchat_host.core.messages import expiry
from balchat_host.core.unit_of_work import Effect, Policy, UnitOfWork

T = TypeVar("T")


class UnitOfWorkRunner:
    """The one way to the vault for everything above it.

    `clock` returns Unix milliseconds; `entropy(n)` returns n unpredictable octets. None of the callbacks may wait:
    `on_commit` is called in the event loop with the effects of each commit; `on_failure` when the vault has failed and
    takes nothing more, and `on_full` when the disk had no room for a unit. The caller hears of both as well.
    """

    def __init__(
        self,
        vault: Vault,
        engine: CryptoEngine,
        *,
        policy: Policy,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        on_commit: Callable[[Iterable[Effect]], None] | None = None,
        on_failure: Callable[[BalchatError], None] | None = None,
        on_full: Callable[[], None] | None = None,
    ) -> None:
        self.vault = vault
        self.engine = engine
        self.policy = policy
        self.clock = clock
        self._entropy = entropy
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._on_full = on_full

    async def change(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run a changing function of the core as one unit of work.

        Return once it is durable and its effects are under way. Raise what `fn` raises, and what Vault.transact does.
        """

        def run(tx: Transaction) -> tuple[T, Iterable[Effect]]:
            unit = UnitOfWork(tx=tx, engine=self.engine, now=self.clock(), entropy=self._entropy, policy=self.policy)
            return fn(unit), tuple(unit.effects)

        try:
            # A caller that gives up after the commit must not take the effects with it.
            with anyio.CancelScope(shield=True):
                result, effects = await self.vault.transact(run)
                self._follow(effects)
                return result
        except StorageFull:
            if self._on_full is not None:
                self._on_full()
            raise
        except (StorageFailed, VaultDamaged) as error:
            self._fail(error)
            raise
        raise AssertionError("nothing cancels a shielded scope")

    async def back_up(self, target: Path) -> None:
        """Write a copy of the vault that knows that it is one. Raise what Vault.backup does."""
        now = self.clock()
        await self.vault.backup(target, lambda tx: after_restore.mark(tx, now=now))

    async def open(self) -> None:
        """Bring the vault to the present tables, and go on from it where it is a backup. Call it before all else.

        Raise VaultTooNew, and what Vault.transact does.
        """

        def run(unit: UnitOfWork) -> None:
            schema.migrate(unit.tx)
            after_restore.resume(unit)
            expiry.check(unit, up=0)

        await self.change(run)

    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        """Run a reading function of the core. Raise what `fn` raises, and what Vault.read does."""
        try:
            return await self.vault.read(fn)
        except (StorageFailed, VaultDamaged) as error:
            self._fail(error)
            raise

    def _fail(self, error: BalchatError) -> None:
        if self._on_failure is not None:
            self._on_failure(error)

    def _follow(self, effects: Iterable[Effect]) -> None:
        if self._on_commit is None:
            return
        # It is committed: whatever fails now, the caller must not take the change for undone.
        try:
            self._on_commit(effects)
        except Exception as error:  # noqa: BLE001  # see above
            log_failure("what follows a commit", error)
