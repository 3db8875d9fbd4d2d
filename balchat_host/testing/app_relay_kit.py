"""The conformance kits for the relays of an `App`: with a transport that uses relays, and without one.

    class TestRemoteAppRelays(AppRelayKit):
        @pytest.fixture
        async def app(self):
            async with remote_account() as app:
                yield app

The account is up, new for every test, and has no relay. Whatever has the form of a relay's address can be used as one.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from balchat_host.api.errors import BadRelayAddress, NoRelayTransport, NoSuchRelay
from balchat_host.api.frontend import App
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.audit.kit import AppKitAudit

ONE: Final = nobody(1).onion
TWO: Final = nobody(2).onion
UNKNOWN: Final = nobody(3).onion
CALLS: Final[list[Callable[[App], Awaitable[object]]]] = [
    lambda app: app.relays.list(),
    lambda app: app.relays.add(ONE),
    lambda app: app.relays.remove(ONE),
    lambda app: app.relays.check(ONE),
    lambda app: app.relays.set_default(ONE),
]


@pytest.mark.anyio
class DirectOnlyAppKit(AppKitAudit):
    """What every App does where no enabled transport uses relays."""

    @pytest.fixture
    def app(self) -> App:
        raise NotImplementedError("a subclass of DirectOnlyAppKit gives the fixture `app`")

    @pytest.mark.parametrize("call", CALLS)
    async def test_there_is_no_transport_for_relays(self, app: App, call: Callable[[App], Awaitable[object]]) -> None:
        with pytest.raises(NoRelayTransport):
            await call(app)

    async def test_relays_are_no_capability(self, app: App) -> None:
        offered = await app.capabilities()
        assert not any(name.startswith("relays.") for name in offered)
        assert {"delivery", "account.shut_down"} <= offered


@pytest.mark.anyio
class AppRelayKit(AppKitAudit):
    """What every App does where an enabled transport uses relays."""

    @pytest.fixture
    def app(self) -> App:
        raise NotImplementedError("a subclass of AppRelayKit gives the fixture `app`")

    async def test_relays_are_capabilities(self, app: App) -> None:
        assert {"relays.list", "relays.add", "relays.remove", "relays.check", "relays.set_default"} <= (
            await app.capabilities()
        )

    async def test_there_is_none_at_first(self, app: App) -> None:
        assert await app.relays.list() == []

    async def test_the_first_one_added_is_the_default(self, app: App) -> None:
        first = await app.relays.add(ONE)
        second = await app.relays.add(f"balchat-relay:{TWO.removesuffix('.onion')}")
        assert [(view.onion, view.default) for view in (first, second)] == [(ONE, True), (TWO, False)]
        assert await app.relays.list() == [first, second]

    async def test_adding_one_again_changes_nothing(self, app: App) -> None:
        await app.relays.add(ONE)
        await app.relays.add(TWO)
        before = await app.relays.list()
        assert (await app.relays.add(TWO)).default is False
        assert await app.relays.list() == before

    async def test_another_becomes_the_default_and_comes_first(self, app: App) -> None:
        await app.relays.add(ONE)
        await app.relays.add(TWO)
        assert (await app.relays.set_default(TWO)).default is True
        assert [(view.onion, view.default) for view in await app.relays.list()] == [(TWO, True), (ONE, False)]

    async def test_what_is_removed_is_gone_and_the_next_is_the_default(self, app: App) -> None:
        await app.relays.add(ONE)
        await app.relays.add(TWO)
        await app.relays.remove(ONE)
        assert [(view.onion, view.default) for view in await app.relays.list()] == [(TWO, True)]
        await app.relays.remove(TWO)
        assert await app.relays.list() == []

    @pytest.mark.parametrize("name", [TWO, TWO.removesuffix(".onion"), TWO[:6], TWO[:8].upper(), TWO.upper()])
    async def test_a_relay_is_called_by_its_address_or_its_beginning(self, app: App, name: str) -> None:
        await app.relays.add(ONE)
        await app.relays.add(TWO)
        assert (await app.relays.check(name)).onion == TWO
        assert (await app.relays.set_default(name)).onion == TWO
        await app.relays.remove(name)
        assert [view.onion for view in await app.relays.list()] == [ONE]

    @pytest.mark.parametrize("name", ["", ONE[:5], UNKNOWN, UNKNOWN[:8]])
    @pytest.mark.parametrize("method", ["remove", "check", "set_default"])
    async def test_a_name_of_none_or_too_short_a_beginning(self, app: App, method: str, name: str) -> None:
        await app.relays.add(ONE)
        before = await app.relays.list()
        with pytest.raises(NoSuchRelay):
            await getattr(app.relays, method)(name)
        assert await app.relays.list() == before

    @pytest.mark.parametrize("address", ["", "nonsense", "balchat-relay:", ONE[:-7] + ".onion", "https://" + ONE])
    async def test_a_bad_address_changes_nothing(self, app: App, address: str) -> None:
        await app.relays.add(ONE)
        before = await app.relays.list()
        with pytest.raises(BadRelayAddress):
            await app.relays.add(address)
        assert await app.relays.list() == before
