"""The bench of the small transport that stores, and of those with a planted fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from balchat_host.api.transport import Outcome
from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities
from tests.kits.drop_transport import DOMAIN, HOLDS, DropTransport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from balchat_host.api.transport import Outgoing, Transport, TransportContext
    from balchat_host.api.types import PeerId, Route


class DropBench(TransportBench):
    capabilities = TransportCapabilities(
        final=Outcome.STORED,
        first_routes=False,
        connects=False,
        answers=False,
        oversize=True,
        holds=HOLDS,
        power=True,
        fills_up=True,
    )

    def __init__(self, folder: Path, make: type[DropTransport] = DropTransport, *, threads: bool = True) -> None:
        super().__init__()
        self.folder = folder
        self.make = make
        self.threads = threads

    def transport(self, context: TransportContext) -> Transport:
        return self.make(context, self.folder, threads=self.threads)

    def folders(self) -> Sequence[Path]:
        return [self.folder]

    async def send_oversize(
        self, transport: Transport, peer: PeerId, routes: Sequence[Route], outgoing: Outgoing
    ) -> None:
        assert isinstance(transport, DropTransport)
        box = routes[0].address
        signature = await transport.context.sign(domain=DOMAIN, message=box + outgoing.envelope)
        await anyio.to_thread.run_sync(transport.leave, self.folder / box.hex(), signature + outgoing.envelope)
