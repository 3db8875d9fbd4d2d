"""The relay's store in memory, for faults to be planted in."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

from balchat_relay.storage.memory import MemoryStore
from balchat_relay_proto.errors import Refused


class FaultyStore(MemoryStore):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = (Refused,)
    """How the test fails where that is no failure of every plugin."""

    disk = b""
    """What lies on the disk of a store that says nothing is there any more."""

    def durable(self) -> MemoryStore:
        """Return a store with what a kill leaves."""
        left = type(self)(self.limits)
        left._queues, left._invitations = deepcopy(self._queues), dict(self._invitations)
        left._blobs = deepcopy(self._blobs)
        left._draining = self._draining
        return left
