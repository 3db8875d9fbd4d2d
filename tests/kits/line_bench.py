"""The bench of the small transport, and of those with a planted fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities
from tests.kits.line_transport import ENVELOPE, SILENCE, Frame, LineTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.transport import Outgoing, Transport, TransportContext
    from balchat_host.api.types import PeerId, Route


class LineBench(TransportBench):
    capabilities = TransportCapabilities(oversize=True, silence=SILENCE)

    def __init__(self, make: type[LineTransport] = LineTransport) -> None:
        super().__init__()
        self.make = make

    def transport(self, context: TransportContext) -> Transport:
        return self.make(context)

    async def send_oversize(
        self, transport: Transport, peer: PeerId, routes: Sequence[Route], outgoing: Outgoing
    ) -> None:
        assert isinstance(transport, LineTransport)
        assert transport.tasks is not None
        (await transport.link_to(peer, transport.tasks)).put(Frame(ENVELOPE, 0, outgoing.envelope))
