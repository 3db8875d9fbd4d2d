"""The App in memory does what the contract says, so that what is tested against it is tested."""

from __future__ import annotations

import pytest

from balchat_host.testing.app_kit import AppKit, TestedAccount
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.fake_account import FakeWorld
from balchat_host.testing.fake_app import FakeApp


def account(app: FakeApp) -> TestedAccount:
    return TestedAccount(app=app, passphrase=app.passphrase, recovery_code=app.recovery_code)


class TestFakeApp(AppKit):
    @pytest.fixture
    def alice(self) -> TestedAccount:
        return account(FakeApp())


class TestFakeAppPair(AppPairKit):
    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld()

    @pytest.fixture
    def alice(self, world: FakeWorld) -> TestedAccount:
        return account(FakeApp("Alice", world))

    @pytest.fixture
    def bob(self, world: FakeWorld) -> TestedAccount:
        return account(FakeApp("Bob", world))
