"""The conformance kit of stores: subclass `StoreKit`, give the fixture `bench`, and get the suite.

class TestMyStore(StoreKit):
    @pytest.fixture
    async def bench(self, tmp_path):
        ...
        yield MyBench(...)

`bench` says what a StoreBench is.
"""

import pytest

from balchat_host.testing.audit.kit import FolderKit
from balchat_relay.testing.store_kit.blobs import BlobTests
from balchat_relay.testing.store_kit.inboxes import InboxTests
from balchat_relay.testing.store_kit.kills import KillTests
from balchat_relay.testing.store_kit.power_failures import PowerFailureTests
from balchat_relay.testing.store_kit.queues import QueueTests
from balchat_relay.testing.store_kit.quotas import QuotaTests
from balchat_relay.testing.store_kit.subscriptions import SubscriptionTests


@pytest.mark.anyio
class StoreKit(
    FolderKit, QueueTests, QuotaTests, InboxTests, SubscriptionTests, BlobTests, KillTests, PowerFailureTests
):
    """The suite."""
