"""The engine obeys the kit that every engine obeys."""

import pytest
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import NoSettings
from balchat_host.testing.crypto_kit import CryptoKit

from balchat_crypto_sample.plugin import make


class TestSample(CryptoKit):
    """Its tests are the kit's."""

    @pytest.fixture
    def engine(self) -> CryptoEngine:
        return make(NoSettings())
