"""Conformance kits: what every storage must do, as pytest classes to inherit from.

    from mls_rs_py.testing import GroupStateStorageKit

    class TestMyStorage(GroupStateStorageKit):
        max_past_epochs = 5

        @pytest.fixture
        def storage(self, tmp_path):
            return MyStorage(tmp_path)

The kit uses the storage directly, and beneath a real client. A test that fails names the rule that is broken.
"""

from hashlib import sha256
from typing import Final

from mls_rs_py._mls_rs_py import ApplicationMessage, BasicCredential, BasicIdentityProvider, Client, SignatureKeyPair
from mls_rs_py.errors import MlsError, PeerError, UnknownKeyPackageError
from mls_rs_py.storage import (
    GroupStateStorage,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    KeyPackageStorage,
    PreSharedKeyStorage,
)


def _with_id(tree: bytes) -> tuple[bytes, bytes]:
    """Return a tree as `write` gets it: a storage may rely on its id."""
    return sha256(tree).digest(), tree


_NO_TREE: Final = _with_id(b"")


def make_client(
    name: bytes,
    *,
    groups: GroupStateStorage | None = None,
    key_packages: KeyPackageStorage | None = None,
    psks: PreSharedKeyStorage | None = None,
) -> Client:
    """Make a client on the given storages, or on ones in memory."""
    return Client(
        BasicCredential(name),
        SignatureKeyPair.generate(),
        identity_provider=BasicIdentityProvider(),
        group_state_storage=groups if groups is not None else InMemoryGroupStateStorage(),
        key_package_storage=key_packages if key_packages is not None else InMemoryKeyPackageStorage(),
        psk_storage=psks,
    )


def _data(message: object) -> bytes:
    assert isinstance(message, ApplicationMessage)
    return message.data


class GroupStateStorageKit:
    """What a GroupStateStorage must do. Subclasses give a `storage` fixture, and say how many past epochs it keeps."""

    max_past_epochs: int = 5

    def test_an_unknown_group_has_nothing(self, storage: GroupStateStorage) -> None:
        """`state`, `epoch` and `max_epoch_id` give None for what is not there."""
        assert storage.state(b"unknown") is None
        assert storage.epoch(b"unknown", 0) is None
        assert storage.epoch(b"unknown", 2**64 - 1) is None
        assert storage.max_epoch_id(b"unknown") is None

    def test_what_is_written_can_be_read(self, storage: GroupStateStorage) -> None:
        """`write` replaces the state and inserts epochs, whatever octets they are."""
        octets = bytes(range(256)) * 300
        storage.write(b"", b"\x00", _NO_TREE, [], [])
        storage.write(b"\x00\xff", octets, _with_id(octets[1:]), [(1, b""), (2, octets)], [])
        assert storage.state(b"") == (b"\x00", b"")
        assert storage.state(b"\x00\xff") == (octets, octets[1:])
        assert storage.epoch(b"\x00\xff", 2) == octets
        storage.write(b"\x00\xff", b"new", _with_id(b"tree"), [], [])
        assert storage.state(b"\x00\xff") == (b"new", b"tree")
        assert storage.max_epoch_id(b"\x00\xff") == 2  # noqa: PLR2004  # inserted above

    def test_a_state_comes_back_with_its_tree(self, storage: GroupStateStorage) -> None:
        """The tree of another id replaces the one that is stored, also where an earlier one comes again."""
        for number, tree in enumerate((b"one", b"one", b"another", b"another", b"one")):
            storage.write(b"group", b"%d" % number, _with_id(tree), [], [])
            assert storage.state(b"group") == (b"%d" % number, tree)

    def test_groups_do_not_mix(self, storage: GroupStateStorage) -> None:
        """A group sees its own epochs only, also where one id begins with the other."""
        storage.write(b"a", b"a", _with_id(b"tree of a"), [(0, b"a0")], [])
        storage.write(b"ab", b"ab", _with_id(b"tree of ab"), [(7, b"ab7")], [])
        assert storage.state(b"a") == (b"a", b"tree of a")
        assert storage.epoch(b"a", 7) is None
        assert storage.max_epoch_id(b"a") == 0
        assert storage.max_epoch_id(b"ab") == 7  # noqa: PLR2004  # inserted above

    def test_the_newest_epoch_counts_by_number(self, storage: GroupStateStorage) -> None:
        """`max_epoch_id` compares numbers, not their spellings."""
        for epoch_id in range(2, 300, 1):
            storage.write(b"group", b"", _NO_TREE, [(epoch_id, b"%d" % epoch_id)], [])
            assert storage.max_epoch_id(b"group") == epoch_id

    def test_the_oldest_epochs_go(self, storage: GroupStateStorage) -> None:
        """Retention keeps the newest `max_past_epochs`, without a gap."""
        storage.write(b"group", b"", _NO_TREE, [(epoch_id, b"") for epoch_id in range(20)], [])
        kept = [epoch_id for epoch_id in range(20) if storage.epoch(b"group", epoch_id) is not None]
        assert kept == list(range(20 - self.max_past_epochs, 20))

    def test_updates_replace_only_what_is_there(self, storage: GroupStateStorage) -> None:
        """An update for an epoch that is gone brings nothing back."""
        newest = self.max_past_epochs
        storage.write(b"group", b"", _NO_TREE, [(epoch_id, b"old") for epoch_id in range(newest + 1)], [])
        storage.write(b"group", b"", _NO_TREE, [], [(newest, b"new"), (0, b"new")])
        assert storage.epoch(b"group", newest) == b"new"
        assert storage.epoch(b"group", 0) is None

    def test_the_same_inserts_can_come_again(self, storage: GroupStateStorage) -> None:
        """After a failure in between, a write is repeated."""
        for state in (b"one", b"two"):
            storage.write(b"group", state, _NO_TREE, [(0, state)], [])
        assert storage.epoch(b"group", 0) == b"two"

    def test_beneath_a_client(self, storage: GroupStateStorage) -> None:
        """A group goes on over many epochs, loaded again each time, and reads late messages from those kept."""
        alice, bob = make_client(b"alice"), make_client(b"bob", groups=storage)
        group = alice.create_group(b"group")
        welcome = group.commit(add=[bob.generate_key_package()]).welcomes[0]
        group.apply_pending_commit()
        bob.join(welcome).write_to_storage()
        late: list[bytes] = []
        for _ in range(self.max_past_epochs + 2):
            late.append(group.encrypt(b"%d" % group.epoch))
            commit = group.commit()
            group.apply_pending_commit()
            bobs = bob.load_group(b"group")
            bobs.process(commit.message)
            bobs.write_to_storage()
            assert bobs.epoch_authenticator == group.epoch_authenticator
        for message in late[-min(self.max_past_epochs, 5) :]:
            bobs = bob.load_group(b"group")
            _data(bobs.process(message))
            bobs.write_to_storage()
        try:
            bob.load_group(b"group").process(late[-1])
        except PeerError:
            return
        raise AssertionError("a message was taken twice: updates of past epochs are not kept")


class KeyPackageStorageKit:
    """What a KeyPackageStorage must do. Subclasses give a `storage` fixture."""

    def test_what_is_inserted_can_be_read_and_erased(self, storage: KeyPackageStorage) -> None:
        """`get` gives what `insert` kept until `delete`, which may come twice."""
        assert storage.get(b"reference") is None
        storage.insert(b"reference", b"key package", 2**63)
        storage.insert(b"other", b"another", 0)
        assert storage.get(b"reference") == b"key package"
        for _ in range(2):
            storage.delete(b"reference")
        assert storage.get(b"reference") is None
        assert storage.get(b"other") == b"another"

    def test_beneath_a_client(self, storage: KeyPackageStorage) -> None:
        """Joining finds the key package, and uses it up when the group is written."""
        alice, bob = make_client(b"alice"), make_client(b"bob", key_packages=storage)
        group = alice.create_group()
        welcome = group.commit(add=[bob.generate_key_package()]).welcomes[0]
        bob.join(welcome).write_to_storage()
        try:
            bob.join(welcome)
        except UnknownKeyPackageError:
            return
        raise AssertionError("the key package is still there after the group was written")


class PreSharedKeyStorageKit:
    """What a PreSharedKeyStorage must do. Subclasses give a `storage` fixture, in which `psk` is under `psk_id`."""

    psk_id: bytes = b"\x00an id\xff"
    psk: bytes = bytes(range(32))

    def test_a_key_is_found_by_its_id(self, storage: PreSharedKeyStorage) -> None:
        """`get` gives what is under an id, every time, and None for any other."""
        for _ in range(2):
            assert storage.get(self.psk_id) == self.psk
        for other in (b"", self.psk_id[:-1], self.psk_id + b"\x00"):
            assert storage.get(other) is None

    def test_beneath_a_client(self, storage: PreSharedKeyStorage) -> None:
        """A commit with the key leads all who have it into one epoch, and cannot be made where there is none."""
        alice, bob = make_client(b"alice", psks=storage), make_client(b"bob", psks=storage)
        group = alice.create_group()
        welcome = group.commit(add=[bob.generate_key_package()]).welcomes[0]
        group.apply_pending_commit()
        bobs = bob.join(welcome)
        commit = group.commit(psks=[self.psk_id])
        group.apply_pending_commit()
        bobs.process(commit.message)
        assert bobs.epoch_authenticator == group.epoch_authenticator
        try:
            group.commit(psks=[self.psk_id + b"\x00"])
        except MlsError:
            return
        raise AssertionError("a commit was made with a key that is not there")
