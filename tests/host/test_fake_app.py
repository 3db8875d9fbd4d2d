"""The App in memory does what the contract says, so that what is tested against it is tested."""

from __future__ import annotations

import anyio
import pytest

from balchat_host.api.errors import NoSuchRelay, NotRunning
from balchat_host.api.types import STOPPED, PeerId
from balchat_host.core.codes import ChatCode
from balchat_host.testing.app_kit import AppKit, TestedAccount
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.app_relay_kit import CALLS, AppRelayKit, DirectOnlyAppKit
from balchat_host.testing.fake_account import FakeWorld, fake_peer
from balchat_host.testing.fake_app import FakeApp
from balchat_host.testing.waiting import PATIENCE


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


class TestFakeAppRelays(AppRelayKit):
    @pytest.fixture
    def app(self) -> FakeApp:
        return FakeApp()

    async def test_the_chat_code_names_them(self, app: FakeApp) -> None:
        added = [await app.add_relay(fake_peer(name).onion) for name in ("one", "two", "three")]
        named = ChatCode.parse((await app.code()).code).relays
        assert [relay.onion for relay in named] == [view.onion for view in added]

    async def test_two_that_begin_alike_need_more(self, app: FakeApp) -> None:
        onions = [PeerId(bytes(4) + bytes([number]) * 28).onion for number in (1, 2)]
        for onion in onions:
            await app.add_relay(onion)
        with pytest.raises(NoSuchRelay):
            await app.check_relay("aaaaaa")
        assert [(await app.check_relay(onion[:10])).onion for onion in onions] == onions

    async def test_a_change_is_seen_by_who_watches(self, app: FakeApp) -> None:
        relay = await app.add_relay(fake_peer("one").onion)
        states = app.watch_status()
        await anext(states)
        app.change_relay(relay.onion, STOPPED)
        with anyio.fail_after(PATIENCE):
            await anext(states)
        assert (await app.check_relay(relay.onion)).state == STOPPED

    @pytest.mark.parametrize("call", CALLS)
    async def test_an_account_that_has_ended_has_none_to_manage(self, app: FakeApp, call) -> None:
        await app.shut_down()
        with pytest.raises(NotRunning):
            await call(app)


@pytest.fixture(params=["no transport", "policy"])
def direct_only(request: pytest.FixtureRequest) -> FakeApp:
    app = FakeApp()
    if request.param == "policy":
        app.policy = "direct-only"
    else:
        app.has_relays = False
    return app


class TestFakeAppDirectOnly(DirectOnlyAppKit):
    @pytest.fixture
    def app(self, direct_only: FakeApp) -> FakeApp:
        return direct_only
