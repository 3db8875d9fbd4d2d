"""Faults of units of change, and of views."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from copy import deepcopy

from anyio import sleep
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from balchat_host.api.errors import StorageFailed
from balchat_host.testing import memory_storage
from balchat_host.testing.memory_storage import MemoryVault
from balchat_host.testing.sqlite_transaction import SqliteTransaction, SqliteView
from tests.kits.storage_faults.faulty_storage import FaultyStorage, InEveryUnit, vault_of


class KeepsWhatFailed(FaultyStorage):
    """Keeps what a unit did that raised."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
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

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            try:
                return await super().transact(fn)
            except Exception:  # noqa: BLE001  # that is the fault
                raise RuntimeError("a unit failed") from None


class ForgetsCancelledUnits(FaultyStorage):
    """Does not run a unit whose caller was cancelled."""

    caught_by = "test_a_unit_happens_though_its_caller_is_cancelled"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            await checkpoint_if_cancelled()
            return await super().transact(fn)


class LeavesTransactionsOpen(FaultyStorage):
    """Lets a transaction be used when its function has returned."""

    caught_by = "test_a_transaction_ends_with_its_function"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            result = super().run(fn, then_crash=then_crash)
            if isinstance(result, SqliteTransaction):
                result._ended = False
            return result


class UndoesNothing(FaultyStorage):
    """Undoes nothing of a savepoint."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
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

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            self._refuse_closed()
            await checkpoint()
            return fn(SqliteTransaction(self._disk.database))


class ShowsTheOld(FaultyStorage):
    """Shows what was there a unit ago."""

    caught_by = "test_a_view_holds_everything_committed_before"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        old = None

        def run(self, fn, *, then_crash=False):
            if self.old is not None:
                self.old.close()
            self.old = memory_storage.memory_database()
            self._disk.database.backup(self.old)
            return super().run(fn, then_crash=then_crash)

        async def read(self, fn):
            await checkpoint()
            return fn(SqliteView(self.old))

        async def aclose(self):
            self.old.close()
            await super().aclose()


class SavesNoAreas(FaultyStorage):
    """Undoes the SQL of a savepoint, and not its areas."""

    caught_by = "test_a_savepoint_undoes_areas_too"

    class Unit(InEveryUnit):
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

    vault = vault_of(Unit)


class SavesTheOutermost(FaultyStorage):
    """Undoes the outermost savepoint alone, whichever one fails."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class Unit(InEveryUnit):
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

    vault = vault_of(Unit)


class KeepsWhatWasInterrupted(FaultyStorage):
    """Keeps what a unit did that ended with what is no Exception."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
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


class RunsUnitsTwice(FaultyStorage):
    """Runs a unit once to see whether it works, and then once more."""

    caught_by = "test_a_unit_gives_its_result"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                with suppress(ZeroDivisionError), tx.savepoint():
                    fn(tx)
                    raise ZeroDivisionError
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class CopiesResults(FaultyStorage):
    """Gives a copy of what a view returned, as another process would."""

    caught_by = "test_a_unit_gives_its_result"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            return deepcopy(await super().read(fn))


class KeepsViewsOfWhoGaveUp(FaultyStorage):
    """Takes no unit any more after a view was given up."""

    caught_by = "test_a_unit_happens_though_its_caller_is_cancelled"
    failures = (RuntimeError,)

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        reading = False

        async def read(self, fn):
            self.reading = True
            found = await super().read(fn)
            self.reading = False
            return found

        async def transact(self, fn):
            if self.reading:
                raise RuntimeError("a view is open")
            return await super().transact(fn)


class KeepsWhatWasInterruptedInABlock(FaultyStorage):
    """Keeps what happened in a savepoint that ended with what is no Exception."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class Unit(InEveryUnit):
        @contextmanager
        def savepoint(self):
            raised = None
            with self._inner.savepoint():
                try:
                    yield
                except Exception:
                    raise
                except BaseException as error:  # noqa: BLE001  # that is the fault
                    raised = error
            if raised is not None:
                raise raised

    vault = vault_of(Unit)


class SwallowsWhatABlockRaises(FaultyStorage):
    """Undoes a savepoint, and says nothing of why."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class Unit(InEveryUnit):
        @contextmanager
        def savepoint(self):
            with suppress(Exception), self._inner.savepoint():
                yield

    vault = vault_of(Unit)


class ShowsOldAreas(FaultyStorage):
    """Shows views what an area held when the first of them looked."""

    caught_by = "test_a_view_holds_everything_committed_before"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            self.seen = getattr(self, "seen", {})

            def view(tx):
                area = tx.area

                class Area(InEveryUnit):
                    def get(_, key):  # noqa: N805  # `self` is the vault
                        return self.seen.setdefault(key, area("a").get(key))

                tx.area = lambda name: Area(area(name))
                return fn(tx)

            return await super().read(view)


class EndsWithAView(FaultyStorage):
    """Takes nothing any more after a view that raised."""

    caught_by = "test_a_view_raises_what_its_function_raises"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            try:
                return await super().read(fn)
            except LookupError:
                self._refusal = StorageFailed(problem="a view failed")
                raise


class KeepsAreasOfWhatFailed(FaultyStorage):
    """Keeps what a unit did to an area that raised."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            kept = []

            def unit(tx):
                try:
                    return fn(tx)
                finally:
                    kept.extend(tx.area("a").scan())

            try:
                return super().run(unit, then_crash=then_crash)
            except BaseException:
                super().run(lambda tx: [tx.area("a").put(*row) for row in kept])
                raise


class LeavesViewsOpen(FaultyStorage):
    """Lets a view be used when its function has returned."""

    caught_by = "test_a_transaction_ends_with_its_function"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            found = await super().read(fn)
            if isinstance(found, SqliteView):
                found._ended = False
            return found


class LosesWhatWasHandedIn(FaultyStorage):
    """Refuses when it is locked what was handed in before."""

    caught_by = "test_locking_finishes_what_was_handed_in"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            await sleep(1)
            return await super().transact(fn)


class RunsTheNewestFirst(FaultyStorage):
    """Runs the unit first that was handed in last."""

    caught_by = "test_units_happen_in_order_and_a_failing_one_harms_no_other"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            self.waiting = [*getattr(self, "waiting", []), fn]
            await checkpoint()
            return await super().transact(self.waiting.pop())
