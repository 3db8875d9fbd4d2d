from __future__ import annotations

import json
import os
from dataclasses import replace
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import (
    BalchatError,
    ConfigurationError,
    ConnectionLost,
    ProtocolViolation,
    RunningElsewhere,
    RunningUnreachable,
    SocketUnusable,
    TimedOut,
)
from balchat_host.api.frontend import Holder, PluginView
from balchat_host.api.types import ONLINE, Check, Phase, Problem, ServiceState
from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles
    from conftest import Cli


# -- status and down


def test_status_as_json(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    alice.stranger("Dave").ask()
    cli.ok("send", "Bob", "hello")
    alice.set_network(ServiceState(phase=Phase.STARTING, percent=42, reason="loading descriptors"), published=ONLINE)
    status = cli.json("status")
    assert status["vault"] == "unlocked"
    assert status["running"] is True
    assert status["network"] == {
        "network_memory": {"phase": "starting", "percent": 42, "reason": "loading descriptors", "code": None}
    }
    assert list(status["transports"]) == ["transport_memory"]
    assert status["identity_onion"]["phase"] == "online"
    assert [contact["name"] for contact in status["contacts"]] == ["Bob"]
    assert status["requests"] == 1
    assert (status["outbox"]["waiting"], status["outbox"]["in_flight"]) == (1, 0)
    assert status["outbox"]["oldest"] > 0
    assert status["policy"] == "both"


def test_status_for_a_person(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob").come_online()
    cli.ok("contacts", "add", nobody().onion, "--name", "Carol")
    alice.set_network(ServiceState(phase=Phase.DEGRADED, reason="the clock is wrong"))
    lines = {line.split("  ")[0]: line for line in cli.ok("status").out.splitlines()}
    assert lines["memory"].endswith("degraded  the clock is wrong")
    assert lines["contacts"].endswith("1 of 2 reachable")
    assert "1 waiting" in lines["outbox"]
    shown = cli.ok("status").out
    assert "Bob    active, not verified, reachable" in shown
    assert "Carol  not reached yet" in shown


def test_a_network_that_is_online_may_have_something_to_say_of_itself(cli: Cli, alice: MemoryAccount) -> None:
    alice.set_network(ServiceState(phase=Phase.ONLINE, reason="no anonymity"))
    lines = {line.split("  ")[0]: line for line in cli.ok("status").out.splitlines()}
    assert lines["memory"].endswith("online  no anonymity")


def test_a_plugin_that_does_not_work_has_a_line_in_the_status_and_one_that_works_has_none(
    cli: Cli, alice: MemoryAccount
) -> None:
    reason = "balchat-ui-bell 0.3: run() raised KeyError; it is started again"
    alice.live_status.set_plugin("ui_bell", ServiceState(phase=Phase.DEGRADED, reason=reason))
    alice.live_status.set_plugin("ui_slow", ServiceState(phase=Phase.STARTING))
    alice.live_status.set_plugin("ui_rpc", ONLINE)
    shown = cli.ok("status").out
    assert f"ui_bell     degraded  {reason}\n" in shown
    assert "ui_slow     starting\n" in shown
    assert "ui_rpc" not in shown
    assert cli.json("status")["plugins"]["ui_bell"] == {
        "phase": "degraded",
        "percent": None,
        "reason": reason,
        "code": None,
    }


def test_status_of_a_locked_account_asks_for_nothing(cli: Cli, profile: MemoryProfile) -> None:
    status = cli.json("status")
    assert (status["vault"], status["running"]) == ("locked", False)
    assert (status["network"], status["transports"]) == ({}, {})
    assert (status["contacts"], status["requests"], status["outbox"]) == (None, None, None)
    assert "balchat is not running" in cli.ok("status").out


def test_a_locked_account_has_the_same_fields(cli: Cli, profile: MemoryProfile) -> None:
    locked = cli.json("status")
    profile.running = True
    assert list(cli.json("status")) == list(locked)


def test_status_with_the_passphrase_says_the_rest(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.befriend("Bob")
    assert [contact["name"] for contact in cli.json("status", key)["contacts"]] == ["Bob"]


def test_down(cli: Cli, alice: MemoryAccount) -> None:
    assert cli.json("down") == {"running": False}
    assert alice.ended


@pytest.mark.parametrize("error", [RunningUnreachable, SocketUnusable, TimedOut, ConnectionLost, ProtocolViolation])
def test_down_ends_the_process_where_its_socket_leads_nowhere(
    cli: Cli, profile: MemoryProfile, error: type[BalchatError], tmp_path: Path
) -> None:
    profile.unreachable = error()
    profile.holding = Holder(process_id=os.getpid(), runtime_directory=tmp_path, here=True)
    assert cli.json("down") == {"running": False}
    assert profile.holding is None


def test_down_leaves_alone_what_runs_elsewhere(cli: Cli, profile: MemoryProfile, tmp_path: Path) -> None:
    profile.unreachable = RunningElsewhere(directory="/run/theirs")
    profile.holding = Holder(process_id=1, runtime_directory=tmp_path, here=False)
    told = cli("down", "--json")
    assert (told.code, told.error["code"]) == (6, "running-elsewhere")
    assert "/run/theirs" in told.error["message"]


@pytest.mark.parametrize("told", [True, False])
def test_down_waits_for_the_process(
    cli: Cli, profile: MemoryProfile, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    if not told:
        # As on a system that cannot tell of the end of a process.
        monkeypatch.delattr(os, "pidfd_open")
    with Popen(["cat"], stdin=PIPE) as process:
        profile.make(process_id=process.pid)
        profile.running = True
        late = cli("down", "--timeout", "0.05", "--json")
        assert (late.code, late.error["code"]) == (10, "timed-out")
        assert process.stdin
        process.stdin.close()
        process.wait()
        assert cli.json("down") == {"running": False}
    assert cli.json("down") == {"running": False}


def test_what_needs_a_running_balchat(cli: Cli, profile: MemoryProfile) -> None:
    for arguments in (["down"], ["listen"], ["status", "--watch"], ["chat", "Bob"]):
        result = cli(*arguments, "--json")
        assert (result.code, result.error["code"]) == (6, "not-running")
        assert "balchat up" in result.error["message"]


def test_up_twice(cli: Cli, alice: MemoryAccount) -> None:
    for arguments in (["up"], ["up", "--detach"]):
        result = cli(*arguments, "--json")
        assert (result.code, result.error["code"]) == (6, "already-running")


def test_up_until_it_is_ended_from_inside(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.ended = True
    assert cli("up", key).code == 0


def test_up_with_a_wrong_passphrase(cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]) -> None:
    result = cli("up", "--passphrase-fd", str(pipe_with(b"wrong")), "--json")
    assert (result.code, result.error["code"]) == (4, "wrong-secret")


# -- profiles, plugins, configuration, doctor


def test_profile_list(cli: Cli, host: MemoryProfiles) -> None:
    assert cli("profile", "list").err == "No account yet. `balchat init` makes one.\n"
    host.profile().make()
    host.profile("work").make()
    first, second = cli.ok("profile", "list", "--json").json_lines
    assert first == {"name": "default", "directory": str(host.profile().directory), "default": True}
    assert (second["name"], second["default"]) == ("work", False)
    assert [line.split()[0] for line in cli.ok("profile", "list").out.splitlines()] == ["default", "work"]


PLUGINS = [
    PluginView(
        name="network_tor", kind="network", summary="Tor", distribution="balchat-network-tor", version="0.1.0",
        api_version=1, enabled=True,
    ),
    PluginView(
        name="ui_bell", kind=None, summary="Rings", distribution="balchat-ui-bell", version="0.3",
        api_version=None, enabled=False,
    ),
    PluginView(
        name="ui_broken", kind=None, summary="", distribution="balchat-ui-broken", version="1.0",
        api_version=None, enabled=True, problem="it raised ImportError",
    ),
]  # fmt: skip


def test_plugins(cli: Cli, host: MemoryProfiles) -> None:
    host.profile().plugin_views = PLUGINS
    tor, bell, broken = cli.ok("plugins", "list").out.splitlines()
    assert tor.split() == ["network_tor", "network", "enabled", "balchat-network-tor", "0.1.0"]
    assert bell.split() == ["ui_bell", "–", "installed,", "not", "enabled", "balchat-ui-bell", "0.3"]
    assert "broken: it raised ImportError" in broken
    assert cli.ok("plugins", "list", "--json").json_lines[2] == {
        "name": "ui_broken", "kind": None, "summary": "", "distribution": "balchat-ui-broken", "version": "1.0",
        "api_version": None, "enabled": True, "problem": "it raised ImportError", "changed": None,
    }  # fmt: skip
    shown = cli.ok("plugins", "show", "ui_bell").out
    assert "Rings" in shown
    assert [line.split()[-2:] for line in shown.splitlines() if "for API" in line] == [["not", "enabled"]]
    assert "unknown" not in shown
    assert cli("plugins", "show", "nonsense", "--json").error["code"] == "no-such-plugin"


def test_a_plugin_that_has_changed_says_so_until_it_is_accepted(cli: Cli, host: MemoryProfiles) -> None:
    changed = "its files are not what they were when it was enabled on 2026-11-02"
    host.profile().plugin_views = [replace(PLUGINS[0], changed=changed)]
    assert f"enabled, but {changed}" in cli.ok("plugins", "list").out
    shown = cli.ok("plugins", "show", "network_tor").out
    for part in (changed, "It sees what you see.", "network_tor/__init__.py"):
        assert part in shown
    details = cli.json("plugins", "show", "network_tor")
    assert (details["plugin"]["changed"], details["files"]) == (changed, ["network_tor/__init__.py"])
    assert cli.json("plugins", "accept", "network_tor") == {"accepted": "network_tor"}
    assert changed not in cli.ok("plugins", "list").out
    assert cli("plugins", "accept", "nonsense").code == 5
    host.profile().plugin_views = [replace(each, changed=changed) for each in PLUGINS[:2]]
    names = [each.name for each in PLUGINS[:2]]
    assert cli.ok("plugins", "accept", *names, names[0]).out.splitlines() == [
        f"{name} is remembered as it is now." for name in names
    ]
    assert changed not in cli.ok("plugins", "list").out


def test_coming_up_says_what_is_not_as_it_was(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.ended = True
    profile.changes = ["delivery.policy is direct-only, and was both."]
    said = cli("up", key)
    assert (said.code, said.err) == (0, "Since this account last ran: delivery.policy is direct-only, and was both.\n")


def test_coming_up_warns_programs_of_what_is_not_as_it_was(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.ended = True
    profile.changes = ["delivery.policy is direct-only, and was both."]
    warning = json.loads(cli("up", key, "--json").err.splitlines()[0])["warning"]
    assert warning["code"] == "deployment-changed"


def test_coming_up_says_which_plugin_has_changed(
    cli: Cli, host: MemoryProfiles, profile: MemoryProfile, key: str
) -> None:
    profile.account.ended = True
    changed = "its files are not what they were when it was enabled on 2026-11-02"
    broken = replace(PLUGINS[0], name="ui_bell", changed=changed, problem="plugins.pin is set")
    host.profile().plugin_views = [replace(PLUGINS[0], changed=changed), broken]
    (line,) = cli("up", key).err.splitlines()
    assert line.startswith(f"network_tor: {changed}.")
    assert line.endswith("balchat plugins accept network_tor")
    (warning,) = cli("up", key, "--json").err.splitlines()
    assert json.loads(warning)["warning"]["code"] == "plugin-changed"


@pytest.mark.parametrize("faults", [(), ("ui_bell is not installed.",)])
def test_checking_a_deployment(cli: Cli, host: MemoryProfiles, faults: tuple[str, ...]) -> None:
    host.faults = faults
    told = cli("deployment", "check", "balchat.toml")
    assert told.code == (8 if faults else 0)
    assert "policy   both" in told.out
    assert "locked   plugins" in told.out
    assert ("balchat.toml can be used." in told.out) is not bool(faults)
    assert all(fault in told.out for fault in faults)
    assert json.loads(cli("deployment", "check", "balchat.toml", "--json").out)["problems"] == list(faults)


@pytest.mark.parametrize("ill", [True, False])
def test_checking_a_plugin(cli: Cli, host: MemoryProfiles, ill: bool) -> None:
    blocks = Problem(what="it blocks\n  in \x1bloft", remedy="Let it not.") if ill else None
    host.verdicts = [
        Check(name="ui_bell", finding="front end: Rings"),
        Check(name="trial", finding="done", problem=blocks),
        *([Check(name="contact", finding="not tried: no", tried=False)] if ill else []),
    ]
    told = cli("plugins", "check", "ui_bell")
    assert told.code == (9 if ill else 0)
    assert told.out.splitlines()[0] == "ok  ui_bell  front end: Rings"
    assert (
        told.out.splitlines()[1:]
        == [
            "!!  trial  it blocks", " " * 13 + "in ␛loft", " " * 11 + "Let it not.", "--  contact  not tried: no",
        ]
    ) is ill  # fmt: skip
    assert cli("plugins", "check", "./bell", "--json").json_lines[0] == {
        "name": "ui_bell", "finding": "front end: Rings", "problem": None, "tried": True,
    }  # fmt: skip


def test_a_new_plugin(cli: Cli, tmp_path: Path) -> None:
    made = cli.json("plugins", "new", "front-end", "bell", "--dir", str(tmp_path))
    assert made == {"folder": str(tmp_path / "balchat-ui-bell")}
    assert (tmp_path / "balchat-ui-bell" / "pyproject.toml").is_file()
    again = cli("plugins", "new", "front-end", "bell", "--dir", str(tmp_path), "--json")
    assert (again.code, again.error["code"]) == (3, "bad-input")
    assert cli("plugins", "new", "bell", "front-end").code == 2


def test_configuration(cli: Cli, host: MemoryProfiles, tmp_path: Path) -> None:
    here, there = tmp_path / "balchat.toml", tmp_path / "absent.toml"
    here.touch()
    host.profile().files = [there, here]
    assert cli.json("config", "check") == {"valid": True, "files": [str(here)]}
    assert cli.ok("config", "path", "--json").json_lines == [
        {"path": str(there), "exists": False},
        {"path": str(here), "exists": True},
    ]


def test_a_wrong_configuration(cli: Cli, host: MemoryProfiles) -> None:
    host.profile().make()
    host.profile().misconfigured = ConfigurationError(
        file="balchat.toml", key="polciy", problem="there is no such key", allowed="policy and plugins"
    )
    for command in ("config check", "settings list", "settings set delivery.read_receipts false"):
        result = cli(*command.split())
        assert result.code == 8
        for part in ("balchat.toml", "polciy", "policy and plugins"):
            assert part in result.err


@pytest.mark.parametrize("ill", [True, False])
def test_doctor(cli: Cli, host: MemoryProfiles, ill: bool) -> None:
    clock = Problem(what="3 minutes behind", remedy="Set the clock.") if ill else None
    host.profile().findings = [
        Check(name="tor", finding="0.4.9.3"),
        Check(name="clock", finding="compared", problem=clock),
    ]
    told = cli("doctor")
    assert told.code == (7 if ill else 0)
    assert told.out.splitlines()[0] == "ok  tor    0.4.9.3"
    assert ("!!  clock  3 minutes behind" in told.out) is ill
    assert ("Set the clock." in told.out) is ill
    [_, found] = cli("doctor", "--json").json_lines
    assert found["problem"] == ({"what": "3 minutes behind", "remedy": "Set the clock."} if ill else None)


def test_version(cli: Cli) -> None:
    assert cli.json("version")["version"] == "0.1.0"
