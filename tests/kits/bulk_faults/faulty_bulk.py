"""The small transport with bulk streams, for faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.kits.line_bulk import BulkLineTransport, BulkStream

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from balchat_host.api.types import PeerId


class FaultyBulk(BulkLineTransport):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    stream: ClassVar[type[BulkStream]] = BulkStream
    ended: ClassVar[list[object]] = []
    """What the audit's faults leave behind, for the test to end."""

    def new_bulk(self, peer: PeerId, stream: ByteStream) -> BulkStream:
        return self.stream(self.bulk.setdefault(peer, []), stream)
