"""The small transports in which faults are planted are good ones."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.drop_blobs import BlobDropBench
from tests.kits.line_bulk import BulkLineBench, BulkLineTransport


class TestLine(TransportKit):
    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, object]]:
        """Of asyncio, the planted faults have their own test that without a fault nothing is caught."""
        return "trio", {"clock": MockClock(autojump_threshold=0)}

    @pytest.fixture
    def bench(self) -> BulkLineBench:
        return BulkLineBench(BulkLineTransport)


class TestDrop(TransportKit):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> BlobDropBench:
        return BlobDropBench(tmp_path)
