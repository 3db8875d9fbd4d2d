"""The package's storages against the kits that others' storages are held to."""

import hashlib
import sqlite3

import pytest
from mls_rs_py import InMemoryGroupStateStorage, InMemoryKeyPackageStorage, InMemoryPreSharedKeyStorage
from mls_rs_py.sqlite import (
    SqliteDatabase,
    SqliteGroupStateStorage,
    SqliteKeyPackageStorage,
    SqlitePreSharedKeyStorage,
)
from mls_rs_py.testing import GroupStateStorageKit, KeyPackageStorageKit, PreSharedKeyStorageKit, make_client

OLD, NEW = ((hashlib.sha256(tree).digest(), tree) for tree in (b"old tree", b"new tree"))


@pytest.fixture
def connection(tmp_path):
    connection = sqlite3.connect(tmp_path / "mls.db", check_same_thread=False)
    yield connection
    connection.close()


class TestInMemoryGroups(GroupStateStorageKit):
    @pytest.fixture(params=[1, 5])
    def storage(self, request):
        self.max_past_epochs = request.param
        return InMemoryGroupStateStorage(max_past_epochs=request.param)


class TestInMemoryKeyPackages(KeyPackageStorageKit):
    @pytest.fixture
    def storage(self):
        return InMemoryKeyPackageStorage()


class TestSqliteGroups(GroupStateStorageKit):
    @pytest.fixture(params=[1, 5])
    def storage(self, request, connection):
        self.max_past_epochs = request.param
        return SqliteGroupStateStorage(SqliteDatabase(connection), max_past_epochs=request.param)


class TestSqliteKeyPackages(KeyPackageStorageKit):
    @pytest.fixture
    def storage(self, connection):
        return SqliteKeyPackageStorage(SqliteDatabase(connection))


class TestPreSharedKeys(PreSharedKeyStorageKit):
    @pytest.fixture(params=["memory", "sqlite"])
    def storage(self, request, connection):
        memory = request.param == "memory"
        storage = InMemoryPreSharedKeyStorage() if memory else SqlitePreSharedKeyStorage(SqliteDatabase(connection))
        storage.insert(self.psk_id, self.psk)
        return storage


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_pre_shared_keys(kind, connection):
    storage = (
        InMemoryPreSharedKeyStorage() if kind == "memory" else SqlitePreSharedKeyStorage(SqliteDatabase(connection))
    )
    assert storage.get(b"id") is None
    storage.insert(b"id", b"psk")
    assert storage.get(b"id") == b"psk"
    storage.delete(b"id")
    assert storage.get(b"id") is None


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_expired_key_packages_go(kind, connection):
    storage = InMemoryKeyPackageStorage() if kind == "memory" else SqliteKeyPackageStorage(SqliteDatabase(connection))
    storage.insert(b"old", b"1", 99)
    storage.insert(b"new", b"2", 100)
    storage.delete_expired(100)
    assert (storage.get(b"old"), storage.get(b"new")) == (None, b"2")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_deleted_group_is_gone(kind, connection):
    storage = InMemoryGroupStateStorage() if kind == "memory" else SqliteGroupStateStorage(SqliteDatabase(connection))
    storage.write(b"group", b"", OLD, [(0, b"")], [])
    storage.delete_group(b"group")
    storage.delete_group(b"group")
    assert storage.state(b"group") is None
    assert storage.epoch(b"group", 0) is None


@pytest.mark.parametrize(
    "make", [InMemoryGroupStateStorage, lambda **options: SqliteGroupStateStorage(None, **options)]
)
def test_no_past_epoch_at_all_is_refused(make):
    with pytest.raises(ValueError, match="at least 1"):
        make(max_past_epochs=0)


def test_a_group_survives_the_process(connection, tmp_path):
    client = make_client(b"alice", groups=SqliteGroupStateStorage(SqliteDatabase(connection)))
    group = client.create_group(b"group")
    group.write_to_storage()
    other = sqlite3.connect(tmp_path / "mls.db", check_same_thread=False)
    try:
        storage = SqliteGroupStateStorage(SqliteDatabase(other))
        assert storage.state(b"group") == SqliteGroupStateStorage(SqliteDatabase(connection)).state(b"group")
    finally:
        other.close()


def test_the_application_commits(connection):
    """With commit=False the application's transaction holds the group's state and its own rows."""
    connection.execute("CREATE TABLE outbox (message BLOB)")
    database = SqliteDatabase(connection, commit=False)
    connection.commit()
    client = make_client(b"alice", groups=SqliteGroupStateStorage(database))
    group = client.create_group(b"group")
    group.write_to_storage()
    connection.commit()
    before = SqliteGroupStateStorage(database).state(b"group")
    connection.execute("INSERT INTO outbox VALUES (?)", (group.encrypt(b"x"),))
    group.write_to_storage()
    connection.rollback()
    assert SqliteGroupStateStorage(database).state(b"group") == before
    assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_a_failing_write_leaves_nothing_behind(connection):
    storage = SqliteGroupStateStorage(SqliteDatabase(connection))
    storage.write(b"group", b"old", OLD, [(0, b"")], [])
    with pytest.raises(sqlite3.Error):
        storage.write(b"group", b"new", NEW, [(1, "no octets")], [])
    assert storage.state(b"group") == (b"old", b"old tree")
    assert storage.max_epoch_id(b"group") == 0


def test_a_message_leaves_the_tree_where_it_is(connection):
    storage = SqliteGroupStateStorage(SqliteDatabase(connection))
    alice, bob = make_client(b"alice", groups=storage), make_client(b"bob")
    group = alice.create_group(b"group")
    others = [make_client(b"%d" % number).generate_key_package() for number in range(48)]
    welcome = group.commit(add=[bob.generate_key_package(), *others]).welcomes[0]
    group.apply_pending_commit()
    group.write_to_storage()
    bobs = bob.join(welcome)
    connection.executescript(
        "CREATE TEMP TRIGGER untouched BEFORE INSERT ON main.mls_tree"
        " BEGIN SELECT RAISE(ABORT, 'the tree was written again'); END"
    )
    for _ in range(3):
        group = alice.load_group(b"group")
        bobs.process(group.encrypt(b"x"))
        group.process(bobs.encrypt(b"y"))
        group.write_to_storage()
    state, tree = storage.state(b"group")
    assert len(state) < 3_000 < len(tree)
    group.commit()
    group.apply_pending_commit()
    with pytest.raises(sqlite3.Error, match="written again"):
        group.write_to_storage()
