"""The conformance kit for transports: subclass `TransportKit`, give it a bench, and get the suite.

    class TestPigeonTransport(TransportKit):
        @pytest.fixture
        def bench(self):
            return PigeonBench()

Tests ask the bench what the transport promises (`TransportBench.capabilities`), never who it is. They look at it from
outside: at what another account's vault holds, and at what was reported. `FakeTransportContext` fails the transport's
own call when a report breaks the contract, so every test here also tests that each envelope has exactly one final
outcome.
"""

from balchat_host.testing.transport_kit.bench import TransportBench, TransportCapabilities
from balchat_host.testing.transport_kit.blob_keeping import BlobKeepingTests
from balchat_host.testing.transport_kit.blobs import BlobTests
from balchat_host.testing.transport_kit.bounding import BoundedStoringTests
from balchat_host.testing.transport_kit.bulk import BulkTests
from balchat_host.testing.transport_kit.bulk_ends import BulkEndTests
from balchat_host.testing.transport_kit.bulk_stuck import StuckBulkTests
from balchat_host.testing.transport_kit.carrying import CarryingTests
from balchat_host.testing.transport_kit.remembering import RememberingTests
from balchat_host.testing.transport_kit.reports import ReportTests
from balchat_host.testing.transport_kit.storing import StoringTests
from balchat_host.testing.transport_kit.strangers import StrangerTests
from balchat_host.testing.transport_kit.streams import StreamTests
from balchat_host.testing.transport_kit.tampering import TamperingTests
from balchat_host.testing.transport_kit.troubles import TroubleTests

__all__ = [
    "TransportBench",
    "TransportCapabilities",
    "TransportKit",
]


class TransportKit(
    CarryingTests,
    ReportTests,
    TroubleTests,
    StreamTests,
    StrangerTests,
    RememberingTests,
    StoringTests,
    BoundedStoringTests,
    TamperingTests,
    BulkTests,
    StuckBulkTests,
    BulkEndTests,
    BlobTests,
    BlobKeepingTests,
):
    """What every transport does."""
