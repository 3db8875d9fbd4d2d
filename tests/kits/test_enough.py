"""Each kit is itself tested: with faults enough, and with tests that there are."""

from __future__ import annotations

import pytest
from balchat_relay.testing.store_kit import StoreKit

from balchat_host.testing.app_kit import AppKit
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.app_relay_kit import AppRelayKit
from balchat_host.testing.crypto_kit import CryptoKit
from balchat_host.testing.file_storage_kit import FileStorageKit
from balchat_host.testing.front_end_kit import FrontEndKit
from balchat_host.testing.network_kit import NetworkKit
from balchat_host.testing.transport_kit import TransportKit
from tests.kits import (
    app_faults,
    blob_faults,
    bulk_faults,
    crypto_faults,
    drop_faults,
    file_faults,
    front_end_faults,
    line_faults,
    network_faults,
    power_faults,
    storage_faults,
    store_faults,
)

LEAST = 15
KITS = {
    TransportKit: [
        *line_faults.FAULTS,
        *bulk_faults.FAULTS,
        *drop_faults.FAULTS,
        *blob_faults.FAULTS,
    ],
    NetworkKit: network_faults.FAULTS,
    FrontEndKit: front_end_faults.FAULTS,
    AppKit: app_faults.FAULTS,
    AppPairKit: app_faults.PAIR_FAULTS,
    AppRelayKit: app_faults.RELAY_FAULTS,
    FileStorageKit: [*storage_faults.FAULTS, *file_faults.FAULTS],
    CryptoKit: crypto_faults.FAULTS,
    StoreKit: [*store_faults.FAULTS, *power_faults.FAULTS],
}


@pytest.mark.parametrize("kit", KITS)
def test_each_kit_has_faults_enough_and_each_fault_its_test(kit: type) -> None:
    assert len(KITS[kit]) >= LEAST
    assert all(hasattr(kit, fault.caught_by) and fault.__doc__ for fault in KITS[kit])
