"""Which driver is used, and which one is refused (docs/decisions/0002-sqlcipher-driver.md)."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import sqlcipher3.dbapi2
from balchat_storage_sqlcipher import driver
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.driver import find_driver, open_database

from balchat_host.api.errors import LibraryTooOld, VaultDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeCursor:
    def __init__(self, version: str | None) -> None:
        self.version = version

    def execute(self, sql: str) -> FakeCursor:
        assert sql == "PRAGMA cipher_version"
        return self

    def fetchall(self) -> list[tuple[str]]:
        return [] if self.version is None else [(self.version,)]


class FakeConnection:
    def __init__(self, version: str | None) -> None:
        self.version = version

    def cursor(self) -> FakeCursor:
        return FakeCursor(self.version)

    def close(self) -> None:
        pass


def install(monkeypatch: pytest.MonkeyPatch, name: str, version: str | None) -> ModuleType:
    module = ModuleType(f"{name}.dbapi2")
    module.connect = lambda _: FakeConnection(version)
    module.register_adapter = lambda *_: None
    module.Error, module.Warning = ArithmeticError, UserWarning
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, f"{name}.dbapi2", module)
    return module


def uninstall(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.dbapi2", None)


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    find_driver.cache_clear()
    yield
    find_driver.cache_clear()


def test_the_installed_driver_is_new_enough() -> None:
    assert find_driver().name == "sqlcipher3"
    assert find_driver().connect is sqlcipher3.dbapi2.connect


@pytest.mark.parametrize("version", ["4.14.0 community", "4.19.1", "5.0.0 commercial", "10.2"])
def test_a_new_enough_version_is_used(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    install(monkeypatch, "sqlcipher3", version)
    assert find_driver().version == version


@pytest.mark.parametrize("version", ["4.13.9 community", "3.4.1", "", None])
def test_an_old_version_and_a_driver_without_sqlcipher_are_refused(
    monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    install(monkeypatch, "sqlcipher3", version)
    uninstall(monkeypatch, "pysqlcipher3")
    with pytest.raises(LibraryTooOld, match=r"the SQLCipher of sqlcipher3 .* is too old to be safe; 4\.14"):
        find_driver()


def test_the_older_driver_takes_its_place_where_it_is_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch, "sqlcipher3")
    install(monkeypatch, "pysqlcipher3", "4.14.0 community")
    assert find_driver().name == "pysqlcipher3"
    install(monkeypatch, "sqlcipher3", "4.6.0 community")
    find_driver.cache_clear()
    assert find_driver().name == "pysqlcipher3"


def test_the_older_driver_is_refused_where_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch, "sqlcipher3")
    install(monkeypatch, "pysqlcipher3", "3.4.1")
    with pytest.raises(LibraryTooOld, match=r"pysqlcipher3 3\.4\.1"):
        find_driver()


def test_no_driver_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch, "sqlcipher3")
    uninstall(monkeypatch, "pysqlcipher3")
    with pytest.raises(ImportError, match="install sqlcipher3"):
        find_driver()


class WithoutSetKey:
    """A connection of a driver that takes the key only by a statement, as pysqlcipher3 does."""

    def __init__(self, *arguments: object, **options: object) -> None:
        self.connection = sqlcipher3.dbapi2.connect(*arguments, **options)

    def cursor(self) -> object:
        return self.connection.cursor()

    def close(self) -> None:
        self.connection.close()


def test_a_key_given_by_a_statement_is_the_same_key(tmp_path: Path) -> None:
    path, key = tmp_path / "database", DataKey.generate()
    path.touch()
    by_statement = driver.Driver(
        name="older",
        version="4.14",
        connect=WithoutSetKey,
        errors=(sqlcipher3.dbapi2.Error,),
    )
    connection = open_database(by_statement, path, key)
    connection.cursor().execute("CREATE TABLE made (n)")
    connection.close()
    connection = open_database(find_driver(), path, key)
    assert connection.cursor().execute("SELECT name FROM sqlite_schema").fetchall() == [("made",)]
    connection.close()
    with pytest.raises(VaultDamaged), find_driver().faults():
        open_database(find_driver(), path, DataKey.generate())


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(sqlcipher3.dbapi2.OperationalError):
        open_database(find_driver(), tmp_path / "absent", DataKey.generate())
    assert not (tmp_path / "absent").exists()
