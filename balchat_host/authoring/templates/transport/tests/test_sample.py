"""The transport obeys the kit that every transport obeys."""

import pytest
from balchat_host.api.transport import Transport, TransportContext
from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities, TransportKit

from balchat_transport_sample.plugin import make
from balchat_transport_sample.settings import SampleSettings


class Bench(TransportBench):
    """It promises all that a transport can but to carry files and to tell devices of one peer apart."""

    capabilities = TransportCapabilities(devices=False)

    def transport(self, context: TransportContext) -> Transport:
        return make(context, SampleSettings())


class TestSample(TransportKit):
    """Its tests are the kit's."""

    @pytest.fixture
    def bench(self) -> TransportBench:
        return Bench()
