"""The engine's rows in its key-value area, and how one that was put back from an older copy is noticed.

    a                        the account: identity seed (32) ‖ MLS signature seed (32) ‖ credential
    g LEN ID s               a group's state:          version (8) ‖ state
    g LEN ID t               its ratchet tree:         version (8) ‖ tree
    g LEN ID e EPOCH         one of its past epochs:   version (8) ‖ epoch
    k REFERENCE              a key package of ours:    not-after (8) ‖ MLS signature seed (32) ‖ key package
    v LEN ID                 a group's version (8), its tree's version (8) and id (32), then for each kept epoch its
                             number (8) and its row's version (8)

LEN is one octet, EPOCH and all numbers are 8 octets, big-endian. A group's version grows with each write, and each row
says in which it was written; the tree, most of a large group, is only written where a commit made it another. SQLCipher
authenticates pages one by one and notices no older page among newer ones; the `v` rows lie apart from the `g` rows, so
that the two do not share a page once there is more than one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from balchat_host.api.errors import CryptoRejected, VaultRolledBack
from balchat_host.api.storage import KeyValueArea

MAX_PAST_EPOCHS: Final = 5
"""Epochs before the current one of which messages can still be read."""

MAX_GROUP_ID: Final = 255
SEED_SIZE: Final = 32
TREE_ID_SIZE: Final = 32

_ACCOUNT: Final = b"a"
_GROUP: Final = b"g"
_KEY_PACKAGE: Final = b"k"
_VERSION: Final = b"v"


def _named(prefix: bytes, group_id: bytes) -> bytes:
    if len(group_id) > MAX_GROUP_ID:
        raise CryptoRejected(problem="a group id of more than 255 octets")
    return prefix + bytes([len(group_id)]) + group_id


def _state_key(group_id: bytes) -> bytes:
    return _named(_GROUP, group_id) + b"s"


def _tree_key(group_id: bytes) -> bytes:
    return _named(_GROUP, group_id) + b"t"


def _epoch_key(group_id: bytes, epoch_id: int) -> bytes:
    return _named(_GROUP, group_id) + b"e" + epoch_id.to_bytes(8)


@dataclass(slots=True, kw_only=True)
class _Versions:
    """In which version of a group its rows were written."""

    group: int = 0
    tree: int = 0
    tree_id: bytes = b""
    epochs: dict[int, int] = field(default_factory=dict[int, int])

    @classmethod
    def decode(cls, row: bytes) -> Self:
        numbers = [int.from_bytes(row[at : at + 8]) for at in range(16 + TREE_ID_SIZE, len(row), 8)]
        return cls(
            group=int.from_bytes(row[:8]),
            tree=int.from_bytes(row[8:16]),
            tree_id=row[16 : 16 + TREE_ID_SIZE],
            epochs=dict(zip(numbers[::2], numbers[1::2], strict=True)),
        )

    def encode(self) -> bytes:
        numbers = (number for pair in sorted(self.epochs.items()) for number in pair)
        head = self.group.to_bytes(8) + self.tree.to_bytes(8) + self.tree_id
        return head + b"".join(number.to_bytes(8) for number in numbers)


class GroupRows:
    """mls-rs' group state storage on an area, for one call to the engine: a group's versions are read once in it."""

    def __init__(self, area: KeyValueArea) -> None:
        self._area = area
        self._read: dict[bytes, _Versions] = {}

    def state(self, group_id: bytes) -> tuple[bytes, bytes] | None:
        """Give a group's state and tree. Raises VaultRolledBack."""
        versions = self._versions(group_id)
        row = self._area.get(_state_key(group_id))
        if versions.group == 0 and row is None:
            return None
        return _checked(row, versions.group), _checked(self._area.get(_tree_key(group_id)), versions.tree)

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        """Give a past epoch. Raises VaultRolledBack."""
        epochs = self._versions(group_id).epochs
        if epoch_id not in epochs:
            return None
        return _checked(self._area.get(_epoch_key(group_id, epoch_id)), epochs[epoch_id])

    def write(
        self,
        group_id: bytes,
        state: bytes,
        tree: tuple[bytes, bytes],
        epoch_inserts: Sequence[tuple[int, bytes]],
        epoch_updates: Sequence[tuple[int, bytes]],
    ) -> None:
        """Write a group and its past epochs, and forget the oldest of them."""
        versions = self._versions(group_id)
        versions.group += 1
        epochs = versions.epochs
        kept = {*epochs, *(epoch_id for epoch_id, _ in epoch_inserts)}
        kept = set(sorted(kept)[-MAX_PAST_EPOCHS:])
        for epoch_id in epochs.keys() - kept:
            self._area.delete(_epoch_key(group_id, epoch_id))
            del epochs[epoch_id]
        for epoch_id, epoch in (*epoch_inserts, *epoch_updates):
            if epoch_id in kept:
                self._put(_epoch_key(group_id, epoch_id), versions.group, epoch)
                epochs[epoch_id] = versions.group
        tree_id, tree_octets = tree
        if tree_id != versions.tree_id:
            self._put(_tree_key(group_id), versions.group, tree_octets)
            versions.tree, versions.tree_id = versions.group, tree_id
        self._put(_state_key(group_id), versions.group, state)
        self._read[group_id] = versions
        self._area.put(_named(_VERSION, group_id), versions.encode())

    def max_epoch_id(self, group_id: bytes) -> int | None:
        """Give the newest past epoch."""
        return max(self._versions(group_id).epochs, default=None)

    def delete(self, group_id: bytes) -> None:
        """Forget everything of a group."""
        self._read.pop(group_id, None)
        for key, _ in self._area.scan(_named(_GROUP, group_id)):
            self._area.delete(key)
        self._area.delete(_named(_VERSION, group_id))

    def has(self, group_id: bytes) -> bool:
        """Say whether a group is here, without reading it. Raises VaultRolledBack where only its versions are gone."""
        if self._versions(group_id).group:
            return True
        return self.state(group_id) is not None

    def ids(self) -> list[bytes]:
        """Give the ids of all groups."""
        return [key[2:] for key, _ in self._area.scan(_VERSION)]

    def _put(self, key: bytes, version: int, octets: bytes) -> None:
        self._area.put(key, version.to_bytes(8) + octets)

    def _versions(self, group_id: bytes) -> _Versions:
        if group_id not in self._read:
            row = self._area.get(_named(_VERSION, group_id))
            self._read[group_id] = _Versions() if row is None else _Versions.decode(row)
        return self._read[group_id]


def _checked(row: bytes | None, version: int) -> bytes:
    if row is None or int.from_bytes(row[:8]) != version:
        raise VaultRolledBack(problem="a group's keys are not of the version that was written last")
    return row[8:]


class KeyPackageRows:
    """mls-rs' key package storage on an area.

    `mls_seed` makes the signature key of what is inserted: a key package outlives the renewal of the account's own.
    """

    def __init__(self, area: KeyValueArea, *, mls_seed: bytes = b"") -> None:
        self._area = area
        self._mls_seed = mls_seed

    def insert(self, reference: bytes, key_package: bytes, not_after: int) -> None:
        """Keep the private half of a key package."""
        self._area.put(_KEY_PACKAGE + reference, not_after.to_bytes(8) + self._mls_seed + key_package)

    def get(self, reference: bytes) -> bytes | None:
        """Give the private half of a key package."""
        row = self._area.get(_KEY_PACKAGE + reference)
        return None if row is None else row[8 + SEED_SIZE :]

    def mls_seed(self, references: Iterable[bytes]) -> bytes | None:
        """Give the seed that belongs to the first of these key packages that is here."""
        rows = (self._area.get(_KEY_PACKAGE + reference) for reference in references)
        return next((row[8 : 8 + SEED_SIZE] for row in rows if row is not None), None)

    def delete(self, reference: bytes) -> None:
        """Forget a key package."""
        self._area.delete(_KEY_PACKAGE + reference)

    def expired(self, before: int) -> Iterator[bytes]:
        """Give the references of those that were valid until before `before` (Unix seconds)."""
        for key, row in self._area.scan(_KEY_PACKAGE):
            if int.from_bytes(row[:8]) < before:
                yield key[1:]


class AccountRow:
    """The account's own keys on an area."""

    def __init__(self, area: KeyValueArea) -> None:
        self._area = area

    def get(self) -> bytes | None:
        """Give the account's row, if there is one."""
        return self._area.get(_ACCOUNT)

    def put(self, row: bytes) -> None:
        """Replace the account's row."""
        self._area.put(_ACCOUNT, row)
