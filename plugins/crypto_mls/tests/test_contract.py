"""The engine against the kit that every engine is held to."""

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.testing.crypto_kit import CryptoKit


class TestMlsEngine(CryptoKit):
    @pytest.fixture
    def engine(self):
        return MlsEngine()
