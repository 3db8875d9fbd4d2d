"""The engine's rows in its key-value area, and how one that was put back from an older copy is noticed.

    a                        the account: identity seed (32) ‖ MLS signature seed (32) ‖ credential
    g LEN ID s               a group's state:          version (8) ‖ state
    g LEN ID e EPOCH         one of its past epochs:   version (8) ‖ epoch
    k REFERENCE              a key package of ours:    not-after (8) ‖ MLS signature seed (32) ‖ key package
    v LEN ID                 a group's version (8), then for each kept epoch its number (8) and its row's version (8)

LEN is one octet, EPOCH and all numbers are 8 octets, big-endian. A group's version grows with each write, and each row
says in which it was written. SQLCipher authenticates pages one by one and notices no older page among newer ones; the
`v` rows lie apart from the `g` rows, so that the two do not share a page once there is more than one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from balchat_host.api.errors import CryptoRejected, VaultRolledBack
from balchat_host.api.storage import KeyValueArea

MAX_PAST_EPOCHS: Final = 5
"""Epochs before the current one of which messages can still be read."""

MAX_GROUP_ID: Final = 255
SEED_SIZE: Final = 32

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


def _epoch_key(group_id: bytes, epoch_id: int) -> bytes:
    return _named(_GROUP, group_id) + b"e" + epoch_id.to_bytes(8)


class GroupRows:
    """mls-rs' group state storage on an area, for one call to the engine: a group's versions are read once in it."""

    def __init__(self, area: KeyValueArea) -> None:
        self._area = area
        self._read: dict[bytes, tuple[int, dict[int, int]]] = {}

    def state(self, group_id: bytes) -> bytes | None:
        """Give a group's state. Raises VaultRolledBack."""
        version, _ = self._versions(group_id)
        row = self._area.get(_state_key(group_id))
        if version == 0 and row is None:
            return None
        return _checked(row, version)

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        """Give a past epoch. Raises VaultRolledBack."""
        _, epochs = self._versions(group_id)
        if epoch_id not in epochs:
            return None
        return _checked(self._area.get(_epoch_key(group_id, epoch_id)), epochs[epoch_id])

    def write(
        self,
        group_id: bytes,
        state: bytes,
        epoch_inserts: Sequence[tuple[int, bytes]],
        epoch_updates: Sequence[tuple[int, bytes]],
    ) -> None:
        """Write a group and its past epochs, and forget the oldest of them."""
        version, epochs = self._versions(group_id)
        version += 1
        kept = {*epochs, *(epoch_id for epoch_id, _ in epoch_inserts)}
        kept = set(sorted(kept)[-MAX_PAST_EPOCHS:])
        for epoch_id in epochs.keys() - kept:
            self._area.delete(_epoch_key(group_id, epoch_id))
            del epochs[epoch_id]
        for epoch_id, epoch in (*epoch_inserts, *epoch_updates):
            if epoch_id in kept:
                self._area.put(_epoch_key(group_id, epoch_id), version.to_bytes(8) + epoch)
                epochs[epoch_id] = version
        self._area.put(_state_key(group_id), version.to_bytes(8) + state)
        self._read[group_id] = version, epochs
        numbers = [version, *(number for pair in sorted(epochs.items()) for number in pair)]
        self._area.put(_named(_VERSION, group_id), b"".join(number.to_bytes(8) for number in numbers))

    def max_epoch_id(self, group_id: bytes) -> int | None:
        """Give the newest past epoch."""
        _, epochs = self._versions(group_id)
        return max(epochs, default=None)

    def delete(self, group_id: bytes) -> None:
        """Forget everything of a group."""
        self._read.pop(group_id, None)
        for key, _ in self._area.scan(_named(_GROUP, group_id)):
            self._area.delete(key)
        self._area.delete(_named(_VERSION, group_id))

    def has(self, group_id: bytes) -> bool:
        """Say whether a group is here, without reading it. Raises VaultRolledBack where only its versions are gone."""
        if self._versions(group_id)[0]:
            return True
        return self.state(group_id) is not None

    def ids(self) -> list[bytes]:
        """Give the ids of all groups."""
        return [key[2:] for key, _ in self._area.scan(_VERSION)]

    def _versions(self, group_id: bytes) -> tuple[int, dict[int, int]]:
        if group_id not in self._read:
            self._read[group_id] = self._stored_versions(group_id)
        return self._read[group_id]

    def _stored_versions(self, group_id: bytes) -> tuple[int, dict[int, int]]:
        row = self._area.get(_named(_VERSION, group_id))
        if row is None:
            return 0, {}
        numbers = [int.from_bytes(row[at : at + 8]) for at in range(0, len(row), 8)]
        return numbers[0], dict(zip(numbers[1::2], numbers[2::2], strict=True))


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
