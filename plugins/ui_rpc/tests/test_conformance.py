"""The App across the socket is an App like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.app_kit import AppKit, TestedAccount
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.fake_app import FakeApp

if TYPE_CHECKING:
    from balchat_host.api.frontend import App


def account(fake: FakeApp, app: App) -> TestedAccount:
    return TestedAccount(app=app, passphrase=fake.passphrase, recovery_code=fake.recovery_code)


class TestRemoteApp(AppKit):
    @pytest.fixture
    def alice(self, fake: FakeApp, remote: App) -> TestedAccount:
        return account(fake, remote)


class TestRemoteAppPair(AppPairKit):
    @pytest.fixture
    def alice(self, fake: FakeApp, remote: App) -> TestedAccount:
        return account(fake, remote)

    @pytest.fixture
    def bob(self, fake: FakeApp) -> TestedAccount:
        bob = FakeApp("Bob", fake.world)
        return account(bob, bob)
