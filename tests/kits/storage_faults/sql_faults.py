"""Faults of SQL in a unit."""

from __future__ import annotations

import sqlite3

from balchat_host.api.storage import SqlError
from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage, InEveryUnit, vault_of


class CountsOneRow(FaultyStorage):
    """Says of every statement that it changed one row."""

    caught_by = "test_execute_counts_the_rows_that_it_changed"

    class Unit(InEveryUnit):
        def execute(self, sql, parameters=()):
            self._inner.execute(sql, parameters)
            return 1

    vault = vault_of(Unit)


class NumbersWhatItDidNotInsert(FaultyStorage):
    """Gives the number of the last row where it inserted nothing."""

    caught_by = "test_insert_gives_the_number_of_its_row"

    class Unit(InEveryUnit):
        def insert(self, sql, parameters=()):
            self._inner.insert(sql, parameters)
            return self._inner.query("SELECT last_insert_rowid()")[0][0]

    vault = vault_of(Unit)


class CommitsInScripts(FaultyStorage):
    """Commits what a unit did so far when it runs a script."""

    caught_by = "test_a_script_runs_every_statement_in_the_unit"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
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


class GivesLists(FaultyStorage):
    """Gives rows as lists."""

    caught_by = "test_values_come_back_as_they_went_in"

    class Unit(InEveryUnit):
        def query(self, sql, parameters=()):
            return [list(row) for row in self._inner.query(sql, parameters)]

    vault = vault_of(Unit)


class KeepsNumbersAsFloats(FaultyStorage):
    """Keeps large numbers as JavaScript does."""

    caught_by = "test_values_come_back_as_they_went_in"

    class Unit(InEveryUnit):
        def execute(self, sql, parameters=()):
            rounded = [int(float(each)) if type(each) is int and abs(each) < 2**62 else each for each in parameters]
            return self._inner.execute(sql, rounded)

    vault = vault_of(Unit)


class CutsTextsAtNul(FaultyStorage):
    """Cuts a text at the first NUL."""

    caught_by = "test_values_come_back_as_they_went_in"

    class Unit(InEveryUnit):
        def execute(self, sql, parameters=()):
            cut = [each.split("\0")[0] if isinstance(each, str) else each for each in parameters]
            return self._inner.execute(sql, cut)

    vault = vault_of(Unit)


class TakesEmptyForNull(FaultyStorage):
    """Takes a text without characters for none."""

    caught_by = "test_values_come_back_as_they_went_in"

    class Unit(InEveryUnit):
        def execute(self, sql, parameters=()):
            return self._inner.execute(sql, [None if each == "" else each for each in parameters])

    vault = vault_of(Unit)


class RaisesTheDriversError(FaultyStorage):
    """Raises an error of its driver for a statement that SQL refuses."""

    caught_by = "test_a_refused_statement_leaves_the_rest_of_the_unit"
    failures = (sqlite3.Error,)

    class Unit(InEveryUnit):
        def execute(self, sql, parameters=()):
            try:
                return self._inner.execute(sql, parameters)
            except SqlError as error:
                raise sqlite3.OperationalError from error

    vault = vault_of(Unit)


class UndoesTheUnitForAStatement(FaultyStorage):
    """Undoes all of a unit so far when a statement of it is refused."""

    caught_by = "test_a_refused_statement_leaves_the_rest_of_the_unit"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                execute = tx.execute

                def undoing(sql, parameters=()):
                    try:
                        return execute(sql, parameters)
                    except SqlError:
                        execute("DELETE FROM note")
                        raise

                tx.execute = undoing
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class EnforcesNoForeignKeys(FaultyStorage):
    """Takes a reference to what is not there."""

    caught_by = "test_a_refused_statement_leaves_the_rest_of_the_unit"

    def make(self, directory, slots, fill):
        made = super().make(directory, slots, fill)
        made._disk.database.execute("PRAGMA foreign_keys = OFF")
        return made


class IgnoresTransactionStatements(FaultyStorage):
    """Says nothing of a COMMIT in a unit, and leaves it out."""

    caught_by = "test_a_refused_statement_leaves_the_rest_of_the_unit"

    class Unit(InEveryUnit):
        def execute(self, sql, parameters=()):
            return 0 if sql == "COMMIT" else self._inner.execute(sql, parameters)

    vault = vault_of(Unit)


class NumbersRowsByTheirCount(FaultyStorage):
    """Gives the number of rows for that of the row that was inserted."""

    caught_by = "test_insert_gives_the_number_of_its_row"

    class Unit(InEveryUnit):
        def insert(self, sql, parameters=()):
            found = self._inner.insert(sql, parameters)
            return None if found is None else self._inner.query("SELECT count(*) FROM word")[0][0]

    vault = vault_of(Unit)


class ForgetsTheVersion(FaultyStorage):
    """Has a version of its own for the tables in every vault that it opens."""

    caught_by = "test_the_schema_version_is_the_hosts"

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        unlocked._disk.database.execute("PRAGMA user_version = 1")
        return unlocked


class FindsNoWords(FaultyStorage):
    """Finds nothing by the words of a text."""

    caught_by = "test_full_text_search_works"

    class Unit(InEveryUnit):
        def query(self, sql, parameters=()):
            return [] if "MATCH" in sql else self._inner.query(sql, parameters)

    vault = vault_of(Unit)


class FillsWithoutAreas(FaultyStorage):
    """Keeps of a vault's first unit what is in tables."""

    caught_by = "test_what_the_first_unit_wrote_is_in_the_vault"

    def make(self, directory, slots, fill):
        made = super().make(directory, slots, fill)
        made._disk.database.execute("DELETE FROM vault_area")
        return made
