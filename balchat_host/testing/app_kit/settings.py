"""Settings, and changing them."""

import anyio
import pytest

from balchat_host.api.errors import BadInput, NoSuchSetting, SettingNotWritable
from balchat_host.api.frontend import App
from balchat_host.testing.app_kit.accounts import AppKitBase
from balchat_host.testing.waiting import PATIENCE, closing

RECEIPTS = "delivery.read_receipts"


@pytest.mark.anyio
class SettingTests(AppKitBase):
    """Settings, and changing them."""

    async def test_every_setting_is_listed_with_what_it_takes(self, app: App) -> None:
        views = {view.key: view for view in await app.settings.list()}
        receipts, policy = views[RECEIPTS], views["delivery.policy"]
        assert (receipts.value, receipts.default, receipts.kind) == (True, True, "boolean")
        assert (receipts.source, receipts.writable, receipts.at_once) == ("default", True, True)
        assert (policy.kind, list(policy.choices)) == ("choice", ["direct-only", "relay-only", "both"])
        assert (policy.writable, policy.at_once) == (True, False)
        assert not views["plugins.enabled"].writable
        assert await app.settings.get(RECEIPTS) == receipts

    async def test_a_setting_is_changed_and_reset(self, app: App) -> None:
        changed = await app.settings.set(RECEIPTS, value=False)
        assert (changed.value, changed.pending) == (False, False)
        assert changed.source != "default"
        assert await app.settings.get(RECEIPTS) == changed
        assert (await app.settings.reset(RECEIPTS)).value is True

    async def test_what_holds_after_a_restart_is_pending(self, app: App) -> None:
        changed = await app.settings.set("delivery.policy", "direct-only")
        assert (changed.value, changed.pending) == ("direct-only", True)
        assert (await app.settings.set("delivery.policy", "both")).pending is False

    async def test_what_cannot_be_set_is_refused_and_nothing_changes(self, app: App) -> None:
        before = await app.settings.list()
        with pytest.raises(NoSuchSetting):
            await app.settings.set("delivery.polcy", "both")
        with pytest.raises(NoSuchSetting) as caught:
            await app.settings.get("x" * 50_000)
        assert "x" * 1000 not in str(caught.value)
        with pytest.raises(SettingNotWritable):
            await app.settings.set("plugins.enabled", ["ui_evil"])
        for value in ("everywhere", 1, None, ["both"], {"both": 1}):
            with pytest.raises(BadInput):
                await app.settings.set("delivery.policy", value)
        assert await app.settings.list() == before

    async def test_watching_gives_the_settings_now_and_after_a_change(self, app: App) -> None:
        async with closing(app.settings.watch()) as watched:
            with anyio.fail_after(PATIENCE):
                assert list(await anext(watched)) == list(await app.settings.list())
                changed = await app.settings.set(RECEIPTS, value=False)
                now = list(await anext(watched))
            assert changed in now
            assert now == list(await app.settings.list())
