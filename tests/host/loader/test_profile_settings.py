"""Settings as front ends change them: in the profile's file, held to the locks, and never so that nothing starts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from anyio import to_thread

from balchat_host.api.errors import (
    BadInput,
    ConfigurationError,
    NoSuchSetting,
    SettingLocked,
    SettingNotWritable,
)
from balchat_host.loader.configuration import examine
from balchat_host.loader.configuration_file import ConfigurationFile
from balchat_host.loader.plugins import discover
from balchat_host.loader.profile_settings import ProfileSettings
from balchat_host.loader.selection import select
from balchat_host.loader.setting_views import values_of

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_host.loader.configuration import Configuration

pytestmark = pytest.mark.anyio
ENABLED = "['storage_stone', 'crypto_stone', 'network_stone', 'transport_stone', 'ui_stone']"
FIELDS = """
loud: Annotated[bool, Doc("Whether it is heard."), Writable.AT_ONCE] = False
grains: Annotated[int, Meta(ge=1, le=9), Doc("How many."), Writable.AFTER_RESTART] = 3
most: int = 5
def __post_init__(self):
    if self.grains > self.most:
        raise ValueError("grains: they are too many; most of them")
"""
LOUD, GRAINS = "settings.transport_stone.loud", "settings.transport_stone.grains"


class Machine:
    """Settings of one profile, with everything that they come from."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "balchat.toml"
        self.system = directory / "system.toml"
        self.environment: dict[str, str] = {}
        self.overrides: dict[str, str] = {}
        self.used: list[Configuration] = []
        self._directory = directory
        self.file.write_text(
            f"[plugins]\nenabled = {ENABLED}\nstorage = 'storage_stone'\ncrypto = 'crypto_stone'\n"
            "network = 'network_stone'\nprogram = 'ui_stone'  # ours\n"
        )

    async def settings(self, *, up: bool = True) -> ProfileSettings:
        return await to_thread.run_sync(self._settings, up)

    def _settings(self, up: bool) -> ProfileSettings:
        look = partial(
            examine,
            self._directory,
            environment=self.environment,
            overrides=self.overrides,
            system_file=self.system,
        )
        configuration, _ = look()
        records = discover(configuration.plugins.enabled)
        made = select(configuration, records).settings
        return ProfileSettings(
            ConfigurationFile(self.file),
            lambda text: look(text=text),
            lambda configuration: select(configuration, records).settings,
            {name: type(each) for name, each in made.items()},
            in_use=values_of(configuration, made) if up else None,
            apply=self.used.append,
        )


@pytest.fixture
def machine(install, tmp_path: Path) -> Machine:
    install.stones(settings="pass")
    source = install.source("transport_stone", FIELDS)
    marked = source.replace(
        "from msgspec import Meta", "from balchat_common.settings import Doc, Writable\nfrom msgspec import Meta"
    )
    (install.folder / "transport_stone.py").write_text(marked)
    return Machine(tmp_path)


async def test_a_plugins_setting_is_written_and_the_rest_of_the_file_stays(machine: Machine) -> None:
    before = machine.file.read_text()
    settings = await machine.settings()
    changed = await settings.set(LOUD, True)
    assert (changed.value, changed.doc, changed.at_once, changed.pending) == (True, "Whether it is heard.", True, False)
    assert machine.file.read_text() == before + "\n[settings.transport_stone]\nloud = true\n"
    assert (await settings.reset(LOUD)).source == "default"
    assert machine.file.read_text() == before + "\n[settings.transport_stone]\n"


async def test_what_holds_at_once_is_used_and_what_does_not_is_pending(machine: Machine) -> None:
    settings = await machine.settings()
    await settings.set("delivery.read_receipts", False)
    assert [each.delivery.read_receipts for each in machine.used] == [False]
    assert (await settings.set(GRAINS, 4)).pending
    assert {view.key for view in await settings.list() if view.pending} == {GRAINS}
    assert not (await (await machine.settings(up=False)).get(GRAINS)).pending


async def test_what_is_written_by_hand_is_shown_and_pending_and_not_lost(machine: Machine) -> None:
    settings = await machine.settings()
    machine.file.write_text(machine.file.read_text() + "[delivery]\nhedge_seconds = 1  # mine\n")
    assert (await settings.get("delivery.hedge_seconds")).pending
    await settings.set("delivery.policy", "direct-only")
    assert "hedge_seconds = 1  # mine\n" in machine.file.read_text()


@pytest.mark.parametrize("lock", ["delivery", "delivery.policy"])
async def test_a_locked_setting_is_refused(machine: Machine, lock: str) -> None:
    machine.system.write_text(f"[locks]\nkeys = ['{lock}']\n")
    before = machine.file.read_text()
    settings = await machine.settings()
    for call in (settings.set("delivery.policy", "direct-only"), settings.reset("delivery.policy")):
        with pytest.raises(SettingLocked, match=f"fixed by {machine.system}"):
            await call
    assert (await (await machine.settings()).get("delivery.policy")).locked_by == str(machine.system)
    assert machine.file.read_text() == before


async def test_what_the_environment_or_an_option_says_holds_whatever_is_written(machine: Machine) -> None:
    machine.environment["BALCHAT_SET_DELIVERY__READ_RECEIPTS"] = "true"
    machine.overrides["delivery.hedge_seconds"] = "7"
    settings = await machine.settings()
    receipts = await settings.set("delivery.read_receipts", False)
    assert (receipts.value, receipts.pending) == (True, False)
    assert receipts.overridden_by == "environment variable BALCHAT_SET_DELIVERY__READ_RECEIPTS"
    assert (await settings.set("delivery.hedge_seconds", 1)).overridden_by == "--set"
    assert machine.used[-1].delivery.read_receipts is True
    assert "read_receipts = false" in machine.file.read_text()


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("delivery.polcy", "both", NoSuchSetting),
        ("settings.transport_stone.weight", 1, NoSuchSetting),
        ("settings.nobody.loud", True, NoSuchSetting),
        ("locks.keys", [], NoSuchSetting),
        ("", 1, NoSuchSetting),
        ("plugins.enabled", ["evil"], SettingNotWritable),
        ("settings.transport_stone.most", 9, SettingNotWritable),
        ("delivery.policy", "relay-only", ConfigurationError),
        (LOUD, 1, BadInput),
        (LOUD, None, BadInput),
        (GRAINS, 10, BadInput),
        (GRAINS, 2**70, BadInput),
        (GRAINS, 6, ConfigurationError),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_written(
    machine: Machine, key: str, value: object, error: type[Exception]
) -> None:
    before = machine.file.read_text()
    with pytest.raises(error):
        await (await machine.settings()).set(key, value)
    assert machine.file.read_text() == before
    assert machine.used == []


@pytest.mark.parametrize("broken", ["[plugins", "[delivery]\nhedge_seconds = 'x'\n", "\n[delivery]\npolcy = 1\n"])
async def test_a_broken_file_is_never_overwritten(machine: Machine, broken: str) -> None:
    settings = await machine.settings()
    machine.file.write_text(broken)
    with pytest.raises(ConfigurationError):
        await settings.set("delivery.read_receipts", False)
    with pytest.raises(ConfigurationError):
        await settings.list()
    assert machine.file.read_text() == broken


async def test_a_wrong_value_can_be_reset(machine: Machine) -> None:
    settings = await machine.settings()
    machine.file.write_text(machine.file.read_text() + "[delivery]\npolicy = 'everywhere'\n")
    assert (await settings.reset("delivery.policy")).value == "both"
