"""Where a client keeps what must outlive it: protocols to implement, and implementations in memory.

Rules for implementations
-------------------------
- A method that returns has done its work; one that raises has done nothing. The exception reaches whoever called
  the client or group.
- `write` takes state, tree, inserts and updates together, or none of them. After a failure the same inserts can come
  again: they replace what is there.
- The tree is the larger part, and only commits make it another: where the one that is stored has the id of the one that
  comes, it may stay. A state is only ever given back with the tree that was written with it: any other, or a damaged
  one, is refused with StorageError.
- Epoch ids are dense: `max_epoch_id` gives the newest epoch that was inserted, and retention removes the oldest, never
  one in the middle and never the newest. An update for an epoch that is gone is left out.
- Everything handed over is secret, but for ids and references.
- No method may call a client or group, nor wait for a thread that does: that raises ReentrancyError. With the
  interpreter lock released around it, a method can be called from any thread.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Protocol


class GroupStateStorage(Protocol):
    """Keeps the groups' states and past epochs, by group id (RFC 9420, section 8)."""

    def state(self, group_id: bytes) -> tuple[bytes, bytes] | None:
        """Return the state last written and its tree, or None for an unknown group."""
        ...

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        """Return a past epoch as it was last inserted or updated, or None."""
        ...

    def write(
        self,
        group_id: bytes,
        state: bytes,
        tree: tuple[bytes, bytes],
        epoch_inserts: Sequence[tuple[int, bytes]],
        epoch_updates: Sequence[tuple[int, bytes]],
    ) -> None:
        """Replace the state and its tree, insert epochs that have passed, and replace past epochs that were used.

        Trees and epochs come with their ids: that of a tree is the SHA-256 of its octets.
        """
        ...

    def max_epoch_id(self, group_id: bytes) -> int | None:
        """Return the newest past epoch, or None if there is none."""
        ...


class KeyPackageStorage(Protocol):
    """Keeps the private halves of key packages, by KeyPackageRef (RFC 9420, section 5.2)."""

    def insert(self, reference: bytes, key_package: bytes, not_after: int) -> None:
        """Keep a key package; from `not_after` (Unix seconds) on it is of no use."""
        ...

    def get(self, reference: bytes) -> bytes | None:
        """Return a key package, or None."""
        ...

    def delete(self, reference: bytes) -> None:
        """Erase a key package; one that is absent is no error."""
        ...


class PreSharedKeyStorage(Protocol):
    """Keeps external pre-shared keys, by their id (RFC 9420, section 8.4)."""

    def get(self, psk_id: bytes) -> bytes | None:
        """Return a pre-shared key, or None."""
        ...


class InMemoryGroupStateStorage:
    """A GroupStateStorage (RFC 9420, section 8) that ends with the process.

    Keeps `max_past_epochs` of each group, at least 1.
    """

    def __init__(self, *, max_past_epochs: int = 5) -> None:
        if max_past_epochs < 1:
            raise ValueError("max_past_epochs is at least 1")
        self._max_past_epochs = max_past_epochs
        self._states: dict[bytes, tuple[bytes, bytes]] = {}
        self._epochs: dict[bytes, dict[int, bytes]] = {}
        self._lock = Lock()

    def state(self, group_id: bytes) -> tuple[bytes, bytes] | None:
        """See GroupStateStorage."""
        with self._lock:
            return self._states.get(group_id)

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        """See GroupStateStorage."""
        with self._lock:
            return self._epochs.get(group_id, {}).get(epoch_id)

    def write(
        self,
        group_id: bytes,
        state: bytes,
        tree: tuple[bytes, bytes],
        epoch_inserts: Sequence[tuple[int, bytes]],
        epoch_updates: Sequence[tuple[int, bytes]],
    ) -> None:
        """See GroupStateStorage."""
        with self._lock:
            self._states[group_id] = (state, tree[1])
            epochs = self._epochs.setdefault(group_id, {})
            epochs.update(epoch_inserts)
            epochs.update((epoch_id, epoch) for epoch_id, epoch in epoch_updates if epoch_id in epochs)
            for epoch_id in sorted(epochs)[: -self._max_past_epochs]:
                del epochs[epoch_id]

    def max_epoch_id(self, group_id: bytes) -> int | None:
        """See GroupStateStorage."""
        with self._lock:
            return max(self._epochs.get(group_id, {}), default=None)

    def delete_group(self, group_id: bytes) -> None:
        """Forget everything of a group; one that is absent is no error."""
        with self._lock:
            self._states.pop(group_id, None)
            self._epochs.pop(group_id, None)

    def group_ids(self) -> list[bytes]:
        """Return the ids of all groups."""
        with self._lock:
            return list(self._states)

    def __repr__(self) -> str:
        return f"InMemoryGroupStateStorage({len(self._states)} groups)"


class InMemoryKeyPackageStorage:
    """A KeyPackageStorage (RFC 9420, section 10) that ends with the process."""

    def __init__(self) -> None:
        self._key_packages: dict[bytes, tuple[bytes, int]] = {}
        self._lock = Lock()

    def insert(self, reference: bytes, key_package: bytes, not_after: int) -> None:
        """See KeyPackageStorage."""
        with self._lock:
            self._key_packages[reference] = (key_package, not_after)

    def get(self, reference: bytes) -> bytes | None:
        """See KeyPackageStorage."""
        with self._lock:
            key_package, _ = self._key_packages.get(reference, (None, 0))
            return key_package

    def delete(self, reference: bytes) -> None:
        """See KeyPackageStorage."""
        with self._lock:
            self._key_packages.pop(reference, None)

    def delete_expired(self, now: int) -> None:
        """Erase the key packages that were valid until before `now` (Unix seconds)."""
        with self._lock:
            self._key_packages = {k: v for k, v in self._key_packages.items() if v[1] >= now}

    def __len__(self) -> int:
        return len(self._key_packages)

    def __repr__(self) -> str:
        return f"InMemoryKeyPackageStorage({len(self)} key packages)"


class InMemoryPreSharedKeyStorage:
    """A PreSharedKeyStorage (RFC 9420, section 8.4) that ends with the process."""

    def __init__(self) -> None:
        self._psks: dict[bytes, bytes] = {}
        self._lock = Lock()

    def get(self, psk_id: bytes) -> bytes | None:
        """See PreSharedKeyStorage."""
        with self._lock:
            return self._psks.get(psk_id)

    def insert(self, psk_id: bytes, psk: bytes) -> None:
        """Keep a pre-shared key."""
        with self._lock:
            self._psks[psk_id] = psk

    def delete(self, psk_id: bytes) -> None:
        """Forget a pre-shared key; one that is absent is no error."""
        with self._lock:
            self._psks.pop(psk_id, None)

    def __repr__(self) -> str:
        return f"InMemoryPreSharedKeyStorage({len(self._psks)} keys)"
