"""The conformance kit for the `App`: subclass `AppKit`, give it an account, and get the suite.

    class TestRemoteApp(AppKit):
        @pytest.fixture
        async def alice(self):
            async with remote_account() as app:
                yield TestedAccount(app=app, passphrase=…, recovery_code=…, one_client=True)

The account is new for every test: no contact, no request, no message. Nothing needs a network: who is added here is
nobody. Where accounts reach each other, subclass `AppPairKit` of `balchat_host.testing.app_pair_kit` as well.
"""

from balchat_host.testing.app_kit.account import AccountTests
from balchat_host.testing.app_kit.accounts import TestedAccount, nobody, take, until
from balchat_host.testing.app_kit.contacts import ContactTests
from balchat_host.testing.app_kit.conversations import ConversationTests
from balchat_host.testing.app_kit.ephemeral import EphemeralTests
from balchat_host.testing.app_kit.files import FileTests
from balchat_host.testing.app_kit.messages import MessageTests
from balchat_host.testing.app_kit.settings import SettingTests

__all__ = [
    "AppKit",
    "TestedAccount",
    "nobody",
    "take",
    "until",
]


class AppKit(AccountTests, ContactTests, ConversationTests, EphemeralTests, FileTests, MessageTests, SettingTests):
    """What every App does."""
