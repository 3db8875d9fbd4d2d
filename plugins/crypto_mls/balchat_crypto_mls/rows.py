"""The engine's rows in its key-value area, and how one that was put back from an older copy is noticed.

    a                        the account: identity seed (32) ‖ MLS signature seed (32) ‖ credential
    g LEN ID s               a group's state
    g LEN ID t               its ratchet tree
    k REFERENCE              a key package of ours:    not-after (8) ‖ MLS signature seed (32) ‖ opening key (96)
                             ‖ key package
    x NOT-AFTER REFERENCE    nothing: the key packages of ours by when they expire
    v LEN ID                 the SHA-256 of a group's state and of its tree

LEN is one octet, numbers are 8 octets, big-endian. The tree, most of a large group, is written once: a group has one
epoch, and of the one before it, in which its founder was alone, nothing is kept. SQLCipher authenticates pages one by
one and notices no older page among newer ones, and a row of more than about a quarter of a page lies on several: so
each row that is read is compared with its hash as a whole. The `v` rows, which are short, lie apart from the `g` rows,
so that a group's hashes are on another page than its rows once a vault is not small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from balchat_common.x_wing import OPENING_KEY_SIZE, OpeningKey

from balchat_host.api.errors import CryptoRejected, VaultRolledBack
from balchat_host.api.storage import KeyValueArea

MAX_GROUP_ID: Final = 255
SEED_SIZE: Final = 32
HASH_SIZE: Final = 32

_SEED_AT: Final = 8
_OPENING_KEY_AT: Final = _SEED_AT + SEED_SIZE
_PRIVATE_AT: Final = _OPENING_KEY_AT + OPENING_KEY_SIZE

_ACCOUNT: Final = b"a"
_GROUP: Final = b"g"
_KEY_PACKAGE: Final = b"k"
_HASHES: Final = b"v"
_EXPIRY: Final = b"x"


def _named(prefix: bytes, group_id: bytes) -> bytes:
    if len(group_id) > MAX_GROUP_ID:
        raise CryptoRejected(problem="a group id of more than 255 octets")
    return prefix + bytes([len(group_id)]) + group_id


def _state_key(group_id: bytes) -> bytes:
    return _named(_GROUP, group_id) + b"s"


def _tree_key(group_id: bytes) -> bytes:
    return _named(_GROUP, group_id) + b"t"


@dataclass(slots=True, kw_only=True)
class _Hashes:
    """The SHA-256 of a group's rows as they were written last."""

    state: bytes = b""
    tree: bytes = b""

    @classmethod
    def decode(cls, row: bytes) -> Self:
        return cls(state=row[:HASH_SIZE], tree=row[HASH_SIZE:])

    def encode(self) -> bytes:
        return self.state + self.tree


class GroupRows:
    """mls-rs' group state storage on an area, for one call to the engine: a group's hashes are read once in it."""

    def __init__(self, area: KeyValueArea) -> None:
        self._area = area
        self._read: dict[bytes, _Hashes] = {}

    def state(self, group_id: bytes) -> tuple[bytes, bytes] | None:
        """Return a group's state and tree. Raise VaultRolledBack."""
        hashes = self._hashes(group_id)
        row = self._area.get(_state_key(group_id))
        if not hashes.state and row is None:
            return None
        return _checked(row, hashes.state), _checked(self._area.get(_tree_key(group_id)), hashes.tree)

    def epoch(self, group_id: bytes, epoch_id: int) -> None:
        """Return no past epoch: none is kept."""

    def write(
        self,
        group_id: bytes,
        state: bytes,
        tree: tuple[bytes, bytes],
        epoch_inserts: Sequence[tuple[int, bytes]],
        epoch_updates: Sequence[tuple[int, bytes]],
    ) -> None:
        """Write a group, and keep nothing of epochs that have passed."""
        del epoch_inserts, epoch_updates
        hashes = self._hashes(group_id)
        # A tree's id is its SHA-256.
        tree_id, tree_octets = tree
        if tree_id != hashes.tree:
            self._area.put(_tree_key(group_id), tree_octets)
            hashes.tree = tree_id
        self._area.put(_state_key(group_id), state)
        hashes.state = _hash(state)
        self._read[group_id] = hashes
        self._area.put(_named(_HASHES, group_id), hashes.encode())

    def max_epoch_id(self, group_id: bytes) -> None:
        """Return no past epoch: none is kept."""

    def delete(self, group_id: bytes) -> None:
        """Forget everything of a group."""
        self._read.pop(group_id, None)
        for key, _ in self._area.scan(_named(_GROUP, group_id)):
            self._area.delete(key)
        self._area.delete(_named(_HASHES, group_id))

    def has(self, group_id: bytes) -> bool:
        """Return whether a group is here, without reading it. Raise VaultRolledBack where only its hashes are gone."""
        if self._hashes(group_id).state:
            return True
        return self.state(group_id) is not None

    def ids(self) -> list[bytes]:
        """Return the ids of all groups."""
        return [key[2:] for key, _ in self._area.scan(_HASHES)]

    def _hashes(self, group_id: bytes) -> _Hashes:
        if group_id not in self._read:
            row = self._area.get(_named(_HASHES, group_id))
            self._read[group_id] = _Hashes() if row is None else _Hashes.decode(row)
        return self._read[group_id]


def _hash(row: bytes) -> bytes:
    return sha256(row).digest()


def _checked(row: bytes | None, digest: bytes) -> bytes:
    if row is None or _hash(row) != digest:
        raise VaultRolledBack(problem="a group's keys are not those that were written last")
    return row


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeyPackageKeys:
    """What is kept with a key package: the seed of the signature key that it outlives, and what opens its Welcome."""

    mls_seed: bytes
    opening_key: OpeningKey

    def __repr__(self) -> str:
        return "KeyPackageKeys(…)"


class KeyPackageRows:
    """mls-rs' key package storage on an area.

    `keys` are those of what is inserted.
    """

    def __init__(self, area: KeyValueArea, *, keys: KeyPackageKeys | None = None) -> None:
        self._area = area
        self._keys = keys

    def insert(self, reference: bytes, key_package: bytes, not_after: int) -> None:
        """Keep the private half of a key package."""
        assert self._keys is not None, "whoever makes one says with which keys"
        row = not_after.to_bytes(8) + self._keys.mls_seed + self._keys.opening_key.octets + key_package
        self._area.put(_KEY_PACKAGE + reference, row)
        self._area.put(_EXPIRY + row[:_SEED_AT] + reference, b"")

    def get(self, reference: bytes) -> bytes | None:
        """Return the private half of a key package."""
        row = self._area.get(_KEY_PACKAGE + reference)
        return None if row is None else row[_PRIVATE_AT:]

    def keys(self, reference: bytes) -> KeyPackageKeys | None:
        """Return the keys that belong to a key package, or None where it is not here."""
        row = self._area.get(_KEY_PACKAGE + reference)
        if row is None:
            return None
        opening_key = OpeningKey(row[_OPENING_KEY_AT:_PRIVATE_AT])
        return KeyPackageKeys(mls_seed=row[_SEED_AT:_OPENING_KEY_AT], opening_key=opening_key)

    def delete(self, reference: bytes) -> None:
        """Forget a key package."""
        row = self._area.get(_KEY_PACKAGE + reference)
        if row is not None:
            self._area.delete(_EXPIRY + row[:_SEED_AT] + reference)
            self._area.delete(_KEY_PACKAGE + reference)

    def delete_expired(self, before: int) -> None:
        """Forget those that were valid until before `before` (Unix seconds)."""
        for key, _ in self._area.scan(_EXPIRY, before=_EXPIRY + max(before, 0).to_bytes(8)):
            self._area.delete(_KEY_PACKAGE + key[1 + _SEED_AT :])
            self._area.delete(key)


def forget_all(area: KeyValueArea) -> None:
    """Delete every row but the account's own, without reading what is in them."""
    for key, _ in area.scan():
        if key != _ACCOUNT:
            area.delete(key)


class AccountRow:
    """The account's own keys on an area."""

    def __init__(self, area: KeyValueArea) -> None:
        self._area = area

    def get(self) -> bytes | None:
        """Return the account's row, if there is one."""
        return self._area.get(_ACCOUNT)

    def put(self, row: bytes) -> None:
        """Replace the account's row."""
        self._area.put(_ACCOUNT, row)
