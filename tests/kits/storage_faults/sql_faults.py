"""Faults of SQL in a unit."""

from __future__ import annotations

from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage, _InEveryUnit, _vault


class CountsOneRow(FaultyStorage):
    """Says of every statement that it changed one row."""

    caught_by = "test_execute_counts_the_rows_that_it_changed"

    class Unit(_InEveryUnit):
        def execute(self, sql, parameters=()):
            self._inner.execute(sql, parameters)
            return 1

    vault = _vault(Unit)


class NumbersWhatItDidNotInsert(FaultyStorage):
    """Gives the number of the last row where it inserted nothing."""

    caught_by = "test_insert_gives_the_number_of_its_row"

    class Unit(_InEveryUnit):
        def insert(self, sql, parameters=()):
            self._inner.insert(sql, parameters)
            return self._inner.query("SELECT last_insert_rowid()")[0][0]

    vault = _vault(Unit)


class CommitsInScripts(FaultyStorage):
    """Commits what a unit did so far when it runs a script."""

    caught_by = "test_a_script_runs_every_statement_in_the_unit"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                script = tx.script

                def committing(sql):
                    script(sql)
                    self._disk.database.execute("COMMIT")
                    self._disk.database.execute("BEGIN")

                tx.script = committing
                return fn(tx)

            return super().run(unit, then_crash=then_crash)
