"""Migrations: a vault of every released version opens, one from the future does not, and what is there is never redone.

`vaults/vN.sql` is the dump of a vault that version N of the tables wrote, with a row in every table. It is never
changed; a new step brings a new dump. Run as a program, this file writes that of a new version.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from balchat_host.api.errors import VaultTooNew
from balchat_host.api.sql import statements
from balchat_host.api.storage import SqlError
from balchat_host.core import account, contacts, journal, messages, outbox, requests, schema
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.sqlite_transaction import SqliteUnits

VAULTS = Path(__file__).parent / "vaults"
VERSIONS = range(1, schema.SCHEMA_VERSION + 1)


def version(units: SqliteUnits) -> object:
    return units.run(lambda tx: tx.query("PRAGMA user_version"))[0][0]


def tables(units: SqliteUnits) -> list[tuple[object, ...]]:
    """Give everything that makes the tables what they are."""
    return units.run(lambda tx: tx.query("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"))


def fresh() -> SqliteUnits:
    units = SqliteUnits()
    units.run(schema.migrate)
    return units


def released(number: int) -> SqliteUnits:
    """Give a vault as version `number` left it."""
    units = SqliteUnits()

    def load(tx) -> None:
        for statement in statements((VAULTS / f"v{number}.sql").read_text()):
            tx.execute(statement)

    units.run(load)
    return units


def test_a_new_vault_gets_the_newest_tables() -> None:
    assert version(fresh()) == schema.SCHEMA_VERSION == len(schema.STEPS)


@pytest.mark.parametrize("number", VERSIONS)
def test_a_vault_of_every_released_version_becomes_like_a_new_one_and_keeps_its_rows(number: int) -> None:
    units = released(number)
    assert version(units) == number
    units.run(schema.migrate)
    assert version(units) == schema.SCHEMA_VERSION
    assert tables(units) == tables(fresh())
    assert units.run(account.load).name == "Alice"
    (bob,) = units.run(contacts.everyone)
    assert (bob.name, bob.verified, bob.blocked) == ("Bob", True, False)
    assert [m.text for m in units.run(lambda tx: messages.history(tx, "Bob", limit=10, before=None))] == ["hello"]
    assert [request.name for request in units.run(requests.everything)] == ["Zoe"]
    assert units.run(outbox.view).waiting == 1
    events, _ = units.run(lambda tx: journal.read(tx, after=0, limit=10))
    assert [event.type for event in events] == ["message.added"]


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


def dump() -> str:
    """Write a vault of the present version, a row in every table, as SQL."""
    database = sqlite3.connect(":memory:")
    for step in schema.STEPS:
        database.executescript(step)
    us, bob, zoe = (nobody(number).octets for number in (99, 1, 2))
    database.execute("INSERT INTO account VALUES (1, ?, 'Alice', 1, 'a.onion')", (us,))
    database.execute(
        "INSERT INTO contact VALUES (1, ?, 'Bob', 'active', 1, 0, 'It is me', x'80', 2, 'b.onion', 3, 4, 1)", (bob,)
    )
    database.execute("INSERT INTO contact_group VALUES (x'0102', 1, 0, 1, 3)")
    database.execute("INSERT INTO route VALUES (1, 0, 'transport_tor_direct', ?, NULL, NULL)", (bob,))
    database.execute("INSERT INTO request VALUES (?, 'Zoe', 'may I?', x'0304', 4, x'80')", (zoe,))
    database.execute("INSERT INTO issued_key_package VALUES (?, x'05', 5)", (zoe,))
    database.execute(
        "INSERT INTO message VALUES (1, ?, 1, 1, 6, 'text/markdown', 'hello', NULL, NULL, 'queued', NULL, 0, x'0a', 1)",
        (bytes(32),),
    )
    database.execute("INSERT INTO outbox VALUES (1, 1, 1, 1, x'06', x'07', 0, 6, x'0b', NULL, 10)")
    database.execute("INSERT INTO pooled_key_package VALUES (1, x'0c', 1, 9)")
    database.execute("INSERT INTO received VALUES (x'08', 7, 1, x'09', 8)")
    database.execute("""INSERT INTO event VALUES (1, 6, 'message.added', 1, '{"seq": 1}')""")
    database.execute("INSERT INTO subscriber VALUES ('screen', 1)")
    database.execute("INSERT INTO bucket VALUES ('requests', 1.5, 8)")
    lines = [line for line in database.iterdump() if line not in {"BEGIN TRANSACTION;", "COMMIT;"}]
    return "\n".join([*lines, f"PRAGMA user_version = {schema.SCHEMA_VERSION};", ""])


if __name__ == "__main__":
    new = VAULTS / f"v{schema.SCHEMA_VERSION}.sql"
    assert not new.exists(), "a released version is never changed"
    VAULTS.mkdir(exist_ok=True)
    new.write_text(dump())
