"""The commands about settings, with a running account and without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from balchat_host.testing.memory_profiles import MemoryProfiles
    from conftest import Cli

RECEIPTS = "delivery.read_receipts"


@pytest.fixture(params=[True, False], ids=["running", "not running"], autouse=True)
def running(request: pytest.FixtureRequest, host: MemoryProfiles) -> bool:
    host.profile().make()
    host.profile().running = request.param
    return request.param


def test_settings_are_listed_with_what_can_be_changed(cli: Cli) -> None:
    lines = cli.ok("settings", "list").out.splitlines()
    assert '* delivery.policy = "both"  default' in lines
    assert "  delivery.retry_first_seconds = 2  default" in lines
    listed = {line["key"]: line for line in cli.ok("settings", "list", "--json").json_lines}
    assert listed[RECEIPTS] == cli.json("settings", "get", RECEIPTS)
    assert listed[RECEIPTS]["writable"]
    assert not listed["plugins.enabled"]["writable"]


def test_a_setting_says_everything_of_itself(cli: Cli) -> None:
    said = cli.ok("settings", "get", "delivery.policy").out
    for part in ("directly, by relays", '"both"', "direct-only, relay-only or both", "after a restart"):
        assert part in said
    assert "by hand" in cli.ok("settings", "get", "plugins.enabled").out


def test_a_setting_is_changed_and_reset(cli: Cli, host: MemoryProfiles) -> None:
    changed = cli.json("settings", "set", RECEIPTS, "false")
    assert (changed["value"], changed["pending"]) == (False, False)
    assert host.profile().account.file.text == "[delivery]\nread_receipts = false\n"
    assert cli.json("settings", "reset", RECEIPTS)["value"] is True
    assert host.profile().account.file.text == "[delivery]\n"


def test_what_holds_after_a_restart_says_so(cli: Cli) -> None:
    told = cli("settings", "set", "delivery.policy", "direct-only")
    assert '* delivery.policy = "direct-only"' in told.out
    assert "It holds once balchat is started again" in told.err


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        ("set delivery.polcy both", "no-such-setting", 5),
        ("get delivery.polcy", "no-such-setting", 5),
        ("reset delivery.polcy", "no-such-setting", 5),
        ("set plugins.program ui_evil", "setting-not-writable", 8),
        ("reset plugins.program", "setting-not-writable", 8),
        ("set delivery.policy everywhere", "bad-input", 3),
        ("set delivery.read_receipts 1", "bad-input", 3),
    ],
)
def test_what_cannot_be_changed_says_why(cli: Cli, host: MemoryProfiles, line: str, code: str, exit_code: int) -> None:
    result = cli("settings", *line.split(), "--json")
    assert (result.error["code"], result.code) == (code, exit_code)
    assert host.profile().account.file.text == ""
