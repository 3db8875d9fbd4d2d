"""The App across the socket is an App like any other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.app_kit import AppKit, TestedAccount
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.app_relay_kit import AppRelayKit, DirectOnlyAppKit
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from balchat_host.api.frontend import App


def seen(account: MemoryAccount, app: App) -> TestedAccount:
    return TestedAccount(app=app, passphrase=account.passphrase, recovery_code=account.recovery_code)


class TestRemoteApp(AppKit):
    @pytest.fixture
    def alice(self, account: MemoryAccount, remote: App) -> TestedAccount:
        return replace(seen(account, remote), one_client=True)


class TestRemoteAppPair(AppPairKit):
    @pytest.fixture
    def alice(self, account: MemoryAccount, remote: App) -> TestedAccount:
        return seen(account, remote)

    @pytest.fixture
    def bob(self, account: MemoryAccount) -> TestedAccount:
        bob = MemoryAccount("Bob", account.world)
        account.world.set_online(account, bob, online=True)
        return seen(bob, bob.app)


class TestRemoteAppRelays(AppRelayKit):
    @pytest.fixture
    def app(self, remote: App) -> App:
        return remote


class TestRemoteAppDirectOnly(DirectOnlyAppKit):
    @pytest.fixture
    def account(self) -> MemoryAccount:
        return MemoryAccount(has_relays=False)

    @pytest.fixture
    def app(self, remote: App) -> App:
        return remote
