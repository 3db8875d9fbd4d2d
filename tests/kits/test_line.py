"""The small transport in which faults are planted is a good one."""

import pytest

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.line_bench import LineBench
from tests.kits.line_bulk import BulkLineBench, BulkLineTransport


class TestLine(TransportKit):
    @pytest.fixture
    def bench(self) -> LineBench:
        return LineBench()


class TestLineWithBulk(TransportKit):
    @pytest.fixture
    def bench(self) -> BulkLineBench:
        return BulkLineBench(BulkLineTransport)
