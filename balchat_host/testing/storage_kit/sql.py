"""What SQL a vault runs, and what it gives back."""

from pathlib import Path

import pytest

from balchat_host.api.storage import (
    SqlError,
    SqlRow,
    SqlValue,
    Storage,
    Transaction,
)
from balchat_host.testing.storage_kit.vaults import StorageKitBase, add_note, new_vault, notes, unlocked


@pytest.mark.anyio
class SqlTests(StorageKitBase):
    """What SQL a vault runs, and what it gives back."""

    async def test_values_come_back_as_they_went_in(self, storage: Storage, directory: Path) -> None:
        values: list[SqlValue] = [
            None,
            -(2**63),
            2**63 - 1,
            2**53 + 1,
            0.1,
            "",
            "Grüße \N{OWL}\0",
            b"",
            bytes(range(256)),
        ]

        def unit(tx: Transaction) -> list[SqlRow]:
            tx.execute("CREATE TABLE anything (value ANY) STRICT")
            for value in values:
                tx.execute("INSERT INTO anything VALUES (?)", (value,))
            return tx.query("SELECT value FROM anything ORDER BY rowid")

        async with new_vault(storage, directory) as vault:
            assert await vault.transact(unit) == [(value,) for value in values]

    async def test_execute_counts_the_rows_that_it_changed(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> list[int]:
            return [
                tx.execute("CREATE TABLE number (n INTEGER) STRICT"),
                tx.execute("INSERT INTO number VALUES (1), (2), (3)"),
                tx.execute("UPDATE number SET n = n + 1 WHERE n > ?", (1,)),
                tx.execute("DELETE FROM number"),
            ]

        async with new_vault(storage, directory) as vault:
            assert await vault.transact(unit) == [0, 3, 2, 3]

    async def test_insert_gives_the_number_of_its_row(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> list[int | None]:
            tx.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, w TEXT UNIQUE) STRICT")
            insert = "INSERT INTO word (w) VALUES (?)"
            return [
                tx.insert(insert, ("one",)),
                tx.insert("INSERT INTO word (id, w) VALUES (?, ?)", (41, "two")),
                tx.insert(f"{insert} ON CONFLICT DO NOTHING", ("one",)),
                tx.insert(insert, ("three",)),
            ]

        async with new_vault(storage, directory) as vault:
            assert await vault.transact(unit) == [1, 41, None, 42]

    async def test_a_script_runs_every_statement_in_the_unit(self, storage: Storage, directory: Path) -> None:
        script = """
            CREATE TABLE word (w TEXT) STRICT;  -- a comment; with a semicolon
            CREATE TRIGGER shout AFTER INSERT ON word WHEN new.w <> upper(new.w) BEGIN
                INSERT INTO word VALUES (upper(new.w));
                DELETE FROM word WHERE w = new.w;
            END;
            INSERT INTO word VALUES ('semi;colon');;
            -- the end; of it
        """

        def failing(tx: Transaction) -> None:
            tx.script("CREATE TABLE undone (n); INSERT INTO undone VALUES (1);")
            raise KeyError

        async with new_vault(storage, directory) as vault:
            await vault.transact(lambda tx: tx.script(script))
            assert await vault.read(lambda tx: tx.query("SELECT w FROM word")) == [("SEMI;COLON",)]
            with pytest.raises(KeyError):
                await vault.transact(failing)
            with pytest.raises(SqlError):
                await vault.read(lambda tx: tx.query("SELECT * FROM undone"))
            with pytest.raises(SqlError):
                await vault.transact(lambda tx: tx.script("CREATE TABLE cut_short (n"))
            for refused in ("INSERT INTO word VALUES ('KEPT');\nCOMMIT;\nBEGIN;\n", "SAVEPOINT mine;"):
                with pytest.raises(SqlError):
                    await vault.transact(lambda tx, refused=refused: tx.script(refused))
            assert await vault.read(lambda tx: tx.query("SELECT w FROM word")) == [("SEMI;COLON",)]

    async def test_full_text_search_works(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> list[SqlRow]:
            tx.script("CREATE VIRTUAL TABLE found USING fts5 (text, content='note', content_rowid='id');")
            for text in ("the quick brown fox", "a lazy dog", "foxes are quick"):
                identifier = add_note(text)(tx)
                tx.execute("INSERT INTO found (rowid, text) VALUES (?, ?)", (identifier, text))
            return tx.query("SELECT text FROM found WHERE found MATCH ? ORDER BY rowid", ('"quick"',))

        async with new_vault(storage, directory) as vault:
            assert await vault.transact(unit) == [("the quick brown fox",), ("foxes are quick",)]

    async def test_the_schema_version_is_the_hosts(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            assert await vault.read(lambda tx: tx.query("PRAGMA user_version")) == [(0,)]
            await vault.transact(lambda tx: tx.execute("PRAGMA user_version = 7"))
        async with unlocked(storage, directory) as vault:
            assert await vault.read(lambda tx: tx.query("PRAGMA user_version")) == [(7,)]

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO note (id, text) VALUES (1, 'twice')",
            "INSERT INTO part VALUES (99)",
            "INSERT INTO note (id) VALUES ('no integer')",
            "SELECT * FROM nowhere",
            "SELEC",
            "SELECT 1; SELECT 2",
            "SELECT ?",
            "COMMIT",
            " -- now\n rollback",
            "/* x */ BEGIN",
            "SAVEPOINT mine",
            "RELEASE unit",
            "ATTACH ':memory:' AS other",
            "VACUUM",
        ],
    )
    async def test_a_refused_statement_leaves_the_rest_of_the_unit(
        self, storage: Storage, directory: Path, statement: str
    ) -> None:
        def unit(tx: Transaction) -> None:
            tx.execute("CREATE TABLE part (of_note INTEGER REFERENCES note) STRICT")
            tx.execute("INSERT INTO note (id, text) VALUES (1, 'one')")
            with pytest.raises(SqlError):
                tx.execute(statement)
            with pytest.raises(SqlError):
                tx.query(statement)
            add_note("two")(tx)

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)
            assert await vault.read(notes) == ["one", "two"]
