import pytest
from anyio import to_thread

from balchat_host.api.transport import Outcome
from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities, TransportKit
from balchat_transport_drop import DropSettings, make
from balchat_transport_drop.carrier import MOST_WAITING, leave


class DropBench(TransportBench):
    capabilities = TransportCapabilities(
        final=Outcome.STORED,
        first_routes=False,
        proves_source=False,
        connects=False,
        answers=False,
        oversize=True,
        holds=MOST_WAITING,
        power=True,
        fills_up=True,
    )

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def transport(self, context):
        return make(context, DropSettings(folder=str(self.folder), look_every=0.01))

    def folders(self):
        return [self.folder]  # what may still have files in it when a test has ended

    async def send_oversize(self, transport, peer, routes, outgoing):
        await to_thread.run_sync(leave, self.folder / routes[0].address.hex(), [outgoing.envelope])


class TestDrop(TransportKit):
    @pytest.fixture
    def bench(self, tmp_path):
        return DropBench(tmp_path)
