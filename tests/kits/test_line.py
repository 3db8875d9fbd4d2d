"""The small transports in which faults are planted are good ones."""

from pathlib import Path

import pytest

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.drop_blobs import BlobDropBench
from tests.kits.line_bulk import BulkLineBench, BulkLineTransport


class TestLine(TransportKit):
    @pytest.fixture
    def bench(self) -> BulkLineBench:
        return BulkLineBench(BulkLineTransport)


class TestDrop(TransportKit):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> BlobDropBench:
        return BlobDropBench(tmp_path)
