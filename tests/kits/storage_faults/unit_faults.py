"""Faults of units of change, and of views."""

from __future__ import annotations

from contextlib import contextmanager

from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from balchat_host.testing import memory_storage
from balchat_host.testing.memory_storage import MemoryVault
from balchat_host.testing.sqlite_transaction import SqliteTransaction, SqliteView
from tests.kits.storage_faults.faulty_storage import FaultyStorage, _InEveryUnit, _vault


class KeepsWhatFailed(FaultyStorage):
    """Keeps what a unit did that raised."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def transact(self, fn):
            raised = []

            def unit(tx):
                try:
                    return fn(tx)
                except LookupError as error:
                    raised.append(error)

            result = await super().transact(unit)
            if raised:
                raise raised[0]
            return result


class HidesWhatWasRaised(FaultyStorage):
    """Raises an error of its own for what a unit raised."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"
    failures = (RuntimeError,)

    class vault(MemoryVault):  # noqa: N801  # see above
        async def transact(self, fn):
            try:
                return await super().transact(fn)
            except Exception:  # noqa: BLE001  # that is the fault
                raise RuntimeError("a unit failed") from None


class ForgetsCancelledUnits(FaultyStorage):
    """Does not run a unit whose caller was cancelled."""

    caught_by = "test_a_unit_happens_though_its_caller_is_cancelled"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def transact(self, fn):
            await checkpoint_if_cancelled()
            return await super().transact(fn)


class LeavesTransactionsOpen(FaultyStorage):
    """Lets a transaction be used when its function has returned."""

    caught_by = "test_a_transaction_ends_with_its_function"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            result = super().run(fn, then_crash=then_crash)
            if isinstance(result, SqliteTransaction):
                result._ended = False
            return result


class UndoesNothing(FaultyStorage):
    """Undoes nothing of a savepoint."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                @contextmanager
                def savepoint():
                    yield

                tx.savepoint = savepoint
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class LetsViewsWrite(FaultyStorage):
    """Lets a view change what it looks at."""

    caught_by = "test_a_view_changes_nothing"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def read(self, fn):
            self._refuse_closed()
            await checkpoint()
            return fn(SqliteTransaction(self._disk.database))


class ShowsTheOld(FaultyStorage):
    """Shows what was there a unit ago."""

    caught_by = "test_a_view_holds_everything_committed_before"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            self.old = memory_storage.memory_database()
            self._disk.database.backup(self.old)
            return super().run(fn, then_crash=then_crash)

        async def read(self, fn):
            await checkpoint()
            try:
                return fn(SqliteView(self.old))
            finally:
                self.old.close()


class SavesNoAreas(FaultyStorage):
    """Undoes the SQL of a savepoint, and not its areas."""

    caught_by = "test_a_savepoint_undoes_areas_too"

    class Unit(_InEveryUnit):
        @contextmanager
        def savepoint(self):
            rows = self._inner.area_rows
            changed = None
            try:
                with self._inner.savepoint():
                    try:
                        yield
                    finally:
                        changed = rows.copy()
            except BaseException:
                rows.restore(changed)
                raise

    vault = _vault(Unit)


class SavesTheOutermost(FaultyStorage):
    """Undoes the outermost savepoint alone, whichever one fails."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class Unit(_InEveryUnit):
        inside = False

        @contextmanager
        def savepoint(self):
            if self.inside:
                yield
                return
            self.inside = True
            try:
                with self._inner.savepoint():
                    yield
            finally:
                self.inside = False

    vault = _vault(Unit)


class KeepsWhatWasInterrupted(FaultyStorage):
    """Keeps what a unit did that ended with what is no Exception."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            raised = []

            def unit(tx):
                try:
                    return fn(tx)
                except Exception:
                    raise
                except BaseException as error:  # noqa: BLE001  # that is the fault
                    raised.append(error)

            result = super().run(unit, then_crash=then_crash)
            if raised:
                raise raised[0]
            return result
