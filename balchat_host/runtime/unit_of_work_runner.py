"""Runs the core's functions on the vault and has their effects carried out after the commit."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import anyio

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.errors import BalchatError, StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.failures import log_failure
from balchat_host.api.storage import ReadTransaction, Transaction, Vault
from balchat_host.core import restoring, schema
from balchat_host.core.unit_of_work import Effect, Policy, UnitOfWork

T = TypeVar("T")


class UnitOfWorkRunner:
    """The one way to the vault for everything above it.

    `clock` gives Unix milliseconds; `entropy(n)` gives n unpredictable octets.
    """

    def __init__(
        self,
        vault: Vault,
        engine: CryptoEngine,
        *,
        policy: Policy,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.vault = vault
        self.engine = engine
        self.policy = policy
        self.clock = clock
        self._entropy = entropy
        self._carry_out: Callable[[Iterable[Effect]], None] = _nothing
        self._fail: Callable[[BalchatError], None] = _nobody
        self._tell_full: Callable[[], None] = _not_said

    def carry_out_with(self, carry_out: Callable[[Iterable[Effect]], None]) -> None:
        """Have `carry_out` called, in the event loop, with the effects of each commit; it must not wait."""
        self._carry_out = carry_out

    def fail_with(self, fail: Callable[[BalchatError], None]) -> None:
        """Have `fail` called when the vault has failed and takes no more units; whoever called hears of it as well."""
        self._fail = fail

    def full_with(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when a unit has found no room on the disk; it must not wait."""
        self._tell_full = tell

    async def change(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run a changing function of the core as one unit; return once it is durable and its effects are under way.

        Raises what `fn` raises, and what Vault.transact does.
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
            self._tell_full()
            raise
        except (StorageFailed, VaultDamaged) as error:
            self._fail(error)
            raise
        raise AssertionError("nothing cancels a shielded scope")

    async def back_up(self, target: Path) -> None:
        """Write a copy of the vault that knows that it is one. Raises what Vault.backup does."""
        now = self.clock()
        await self.vault.backup(target, lambda tx: restoring.mark(tx, now=now))

    async def open(self) -> None:
        """Bring the vault to the present tables, and go on from it where it is a backup. Call it before all else.

        Raises VaultTooNew, and what Vault.transact does.
        """

        def run(unit: UnitOfWork) -> None:
            schema.migrate(unit.tx)
            restoring.resume(unit)

        await self.change(run)

    async def read(self, fn: Callable[[ReadTransaction], T]) -> T:
        """Run a reading function of the core. Raises what `fn` raises, and what Vault.read does."""
        try:
            return await self.vault.read(fn)
        except (StorageFailed, VaultDamaged) as error:
            self._fail(error)
            raise

    def _follow(self, effects: Iterable[Effect]) -> None:
        # It is committed: whatever fails now, the caller must not take the change for undone.
        try:
            self._carry_out(effects)
        except Exception as error:  # noqa: BLE001  # see above
            log_failure("what follows a commit", error)


def _nothing(effects: Iterable[Effect]) -> None:
    """Carry out nothing: the account is open for its vault only, and what waits in the outbox waits on."""


def _nobody(error: BalchatError) -> None:
    """Tell nobody but the caller: nothing else runs."""


def _not_said() -> None:
    """Tell nobody but the caller, as above."""
