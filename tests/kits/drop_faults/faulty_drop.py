"""The small transport that stores, for faults."""

from __future__ import annotations

from typing import ClassVar

from tests.kits.drop_transport import DropTransport


class FaultyDrop(DropTransport):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    ended: ClassVar[list[object]] = []
    """What the audit's faults leave behind, for the test to end."""

    @property
    def look_every(self) -> float:
        # In virtual time a look that comes later costs no wait, and a fault that is waited for costs fewer looks.
        return 0.05 if self.threads else 0.1
