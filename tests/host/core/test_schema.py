"""The tables: a new vault gets them, one from the future is refused, and a step is taken once or not at all."""

from __future__ import annotations

import pytest

from balchat_host.api.errors import VaultTooNew
from balchat_host.api.storage import SqlError
from balchat_host.core import schema
from balchat_host.testing.sqlite_transaction import SqliteUnits


def version(units: SqliteUnits) -> object:
    return units.run(lambda tx: tx.query("PRAGMA user_version"))[0][0]


def tables(units: SqliteUnits) -> list[tuple[object, ...]]:
    """Return everything that makes the tables what they are."""
    return units.run(lambda tx: tx.query("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"))


def fresh() -> SqliteUnits:
    units = SqliteUnits()
    units.run(schema.migrate)
    return units


def test_a_new_vault_gets_the_newest_tables() -> None:
    assert version(fresh()) == schema.SCHEMA_VERSION == len(schema.STEPS)


def test_what_is_there_already_is_left_alone() -> None:
    units = fresh()
    before = tables(units)
    units.run(schema.migrate)
    assert tables(units) == before


def test_a_vault_from_a_newer_balchat_is_refused_and_left_as_it_is() -> None:
    units = fresh()
    newer = schema.SCHEMA_VERSION + 1
    units.run(lambda tx: tx.execute(f"PRAGMA user_version = {newer}"))
    with pytest.raises(VaultTooNew) as error:
        units.run(schema.migrate)
    assert error.value.fields == {"found": newer, "known": schema.SCHEMA_VERSION}
    assert version(units) == newer


def test_steps_are_taken_in_order_each_once() -> None:
    steps = ("CREATE TABLE a (x);", "ALTER TABLE a ADD COLUMN y;", "INSERT INTO a VALUES (1, 2);")
    units = SqliteUnits()
    units.run(lambda tx: schema.migrate(tx, steps=steps[:1]))
    assert version(units) == 1
    for _ in range(2):
        units.run(lambda tx: schema.migrate(tx, steps=steps))
        assert version(units) == 3
        assert units.run(lambda tx: tx.query("SELECT x, y FROM a")) == [(1, 2)]


def test_a_migration_that_fails_leaves_the_vault_as_it_was() -> None:
    units = fresh()
    before = tables(units)
    steps = (*schema.STEPS, "CREATE TABLE good (x);", "CREATE TABLE good (x);")
    with pytest.raises(SqlError):
        units.run(lambda tx: schema.migrate(tx, steps=steps))
    assert (tables(units), version(units)) == (before, schema.SCHEMA_VERSION)
