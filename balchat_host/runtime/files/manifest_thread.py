"""Hashes the parts of a file in a thread of its own while what seals it goes on: two processors share the work."""

from queue import Queue
from threading import Thread
from typing import Final

from balchat_host.core.files.shape import ManifestWriter, Shape

_BATCH: Final = 2**20
"""Octets that are hashed at once. hashlib lets other threads run meanwhile, and each handing over costs a little."""
_WAITING: Final = 4
"""Batches that wait at most."""


class ManifestThread:
    """Makes the manifest of a sealed file while that is written. Small files need no thread, and get none.

    `apart`: whether a thread may be used at all, which blocks whoever seals while batches wait.
    """

    def __init__(self, shape: Shape, *, apart: bool) -> None:
        self._apart = apart
        self._writer = ManifestWriter(shape)
        self._pieces: list[bytes] = []
        self._held = 0
        self._batches: Queue[bytes] = Queue(_WAITING)
        self._thread: Thread | None = None

    def write(self, octets: bytes) -> None:
        """Take the next octets."""
        self._pieces.append(octets)
        self._held += len(octets)
        if self._held >= _BATCH:
            if not self._apart:
                self._writer.write(self._batch())
                return
            if self._thread is None:
                self._thread = Thread(target=self._run, name="balchat manifest", daemon=True)
                self._thread.start()
            self._batches.put(self._batch())

    def finish(self) -> bytes:
        """Return the manifest."""
        self.end()
        self._writer.write(self._batch())
        return self._writer.finish()

    def end(self) -> None:
        """Have the thread end once it has hashed what waits."""
        if self._thread is not None:
            self._batches.put(b"")
            self._thread.join()
            self._thread = None

    def _batch(self) -> bytes:
        batch = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return batch

    def _run(self) -> None:
        while batch := self._batches.get():
            self._writer.write(batch)
