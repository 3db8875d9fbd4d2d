"""The conformance kit for crypto engines: subclass `CryptoKit`, give it an engine, and get the suite.

    class TestPigeonEngine(CryptoKit):
        @pytest.fixture
        def engine(self):
            return PigeonEngine()

Every test looks from outside: at what the engine gives and raises, and at the area that it was handed. The areas are
dictionaries, so that they can be compared, and put back as an older copy of a disk would be.
"""

from balchat_host.testing.crypto_kit.accounts import GROUP, HOUR, NOW, CryptoAccount
from balchat_host.testing.crypto_kit.disk import DiskTests
from balchat_host.testing.crypto_kit.groups import GroupsTests
from balchat_host.testing.crypto_kit.identity import IdentityTests
from balchat_host.testing.crypto_kit.refusals import RefusalsTests
from balchat_host.testing.crypto_kit.welcomes import WelcomesTests

__all__ = ["GROUP", "HOUR", "NOW", "CryptoAccount", "CryptoKit"]


class CryptoKit(IdentityTests, GroupsTests, RefusalsTests, WelcomesTests, DiskTests):
    """What every engine must do. Subclasses give an `engine` fixture."""
