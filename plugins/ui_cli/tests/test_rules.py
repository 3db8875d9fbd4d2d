"""The rules that hold for every command: help, profiles, errors, exit codes, colours, completion."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from balchat_ui_cli.other_program import COMMANDS
from balchat_ui_cli.program import application

from balchat_host.api.errors import BalchatError, type_registry
from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles
    from conftest import Cli

PROGRAM = Path(__file__).with_name("memory_balchat.py")


def commands(group: Any = None, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    group = group or typer.main.get_command(application())
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found += commands(command, (*path, name)) if hasattr(command, "commands") else [(*path, name)]
    return found


def test_the_commands() -> None:
    assert {" ".join(path) for path in commands()} == {
        "init", "restore", "code", "backup", "passphrase change", "recovery renew", "up", "down", "status",
        "relay add", "relay list", "relay check", "relay default", "relay remove",
        "contacts add", "contacts list", "contacts rename", "contacts verify", "contacts block", "contacts unblock",
        "contacts remove", "contacts renew", "requests list", "requests accept", "requests reject",
        "requests block", "requests on", "requests off", "send", "history", "chat", "listen",
        "profile list", "plugins list", "plugins accept", "plugins check", "plugins new", "plugins show",
        "deployment check", "config check", "config path", "doctor",
        "settings list", "settings get", "settings set", "settings reset", "search", "retry", "react", "edit", "delete",
        "info", "export", "conversations set", "conversations list", "conversations mute",
        "conversations unmute", "conversations archive", "conversations unarchive", "conversations read",
        "conversations unread",
        "conversations draft",
        "files list", "files get", "files pause", "files resume", "files cancel", "files remove", "files automatic",
        "files open", "files play", "voice", "version",
    }  # fmt: skip
    assert {path[0] for path in commands()} == COMMANDS, "else the program of another front end takes a command's name"


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_help_with_examples_and_the_shared_options(cli: Cli, path: tuple[str, ...]) -> None:
    shown = cli.ok(*path, "--help").out
    assert "--json" in shown
    assert "--profile" in shown
    assert "}" not in shown
    assert "[[" not in shown
    examples = shown.partition("Examples:\n")[2].splitlines()
    assert examples
    assert any(f"balchat {' '.join(path)}" in example for example in examples)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("group", ["contacts", "requests", "passphrase", "recovery", "profile", "plugins", "config"])
def test_a_group_alone_shows_its_help(cli: Cli, group: str) -> None:
    assert cli.ok(group).out == cli.ok(group, "--help").out


def test_balchat_alone_shows_help(cli: Cli) -> None:
    assert cli.ok().out == cli.ok("--help").out
    assert cli.ok("--version").out == cli.ok("version").out == "balchat 0.1.0\n"


def test_help_imports_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", PROGRAM, "--help"],
        env={"MEMORY_BALCHAT": "/nonexistent", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in loaded.stderr.splitlines()}
    assert "typer" in modules
    assert not modules & {"rich", "markdown_it", "prompt_toolkit", "segno", "asyncio", "cryptography"}


# -- profiles


@pytest.mark.parametrize("before", [True, False])
def test_the_profile_option_stands_before_or_after_the_command(cli: Cli, host: MemoryProfiles, before: bool) -> None:
    host.profile("work").make("Alice at work")
    host.profile("work").running = True
    option = ["--profile", "work"]
    shown = cli.json(*option, "code") if before else cli.json("code", *option)
    assert shown["name"] == "Alice at work"


def test_the_profile_from_the_environment(cli: Cli, host: MemoryProfiles, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("work", "home"):
        host.profile(name).make(name)
        host.profile(name).running = True
    monkeypatch.setenv("BALCHAT_PROFILE", "work")
    assert cli.json("code")["name"] == "work"
    assert cli.json("--profile", "home", "code")["name"] == "home"
    assert cli.json("code", "--profile", "home")["name"] == "home"


def test_a_profile_by_directory(cli: Cli, host: MemoryProfiles, tmp_path: Path) -> None:
    host.profile(str(tmp_path / "elsewhere")).make("Elsewhere")
    host.profile(str(tmp_path / "elsewhere")).running = True
    assert cli.json("code", "--profile", str(tmp_path / "elsewhere"))["name"] == "Elsewhere"


def test_no_account(cli: Cli) -> None:
    for path in commands():
        if path[0] in {"init", "restore", "profile", "plugins", "deployment", "config", "doctor", "version"}:
            continue
        wanted = {
            ("send",): ["Bob", "hello"],
            ("passphrase", "change"): [],
            ("contacts", "rename"): ["Bob", "Rob"],
            ("contacts", "renew"): ["Bob"],
            ("search",): ["word"],
            ("retry",): ["Bob", "0123456789abcdef"],
            ("react",): ["Bob", "0123456789abcdef", "👍"],
            ("edit",): ["Bob", "0123456789abcdef", "hello"],
            ("delete",): ["Bob", "0123456789abcdef"],
            ("info",): ["Bob", "0123456789abcdef"],
            ("export",): ["Bob"],
            ("conversations", "set"): ["Bob", "--expire-after", "1h"],
            **{
                ("conversations", name): ["Bob"]
                for name in ("mute", "unmute", "archive", "unarchive", "read", "unread")
            },
            ("conversations", "draft"): ["Bob", "begun"],
            **{
                ("files", name): ["0123456789abcdef"]
                for name in ("get", "open", "pause", "play", "resume", "cancel", "remove")
            },
            ("files", "automatic"): ["Bob", "1M"],
            ("settings", "get"): ["delivery.policy"],
            ("settings", "set"): ["delivery.policy", "both"],
            ("settings", "reset"): ["delivery.policy"],
        }
        one = {
            "chat",
            "history",
            "backup",
            "add",
            "verify",
            "block",
            "unblock",
            "remove",
            "accept",
            "reject",
            "default",
            "voice",
        }
        arguments = wanted.get(path, ["Bob"] if path[-1] in one else [])
        yes = ["--yes"] if path == ("contacts", "remove") else []
        result = cli(*path, *arguments, *yes, "--json")
        assert (path, result.code, result.error["code"]) == (path, 5, "no-such-profile")


# -- errors


@pytest.mark.parametrize("kind", sorted(type_registry.values(), key=lambda kind: kind.code), ids=lambda kind: kind.code)
def test_every_error_has_one_line_and_its_exit_code(cli: Cli, alice: MemoryAccount, kind: type[BalchatError]) -> None:
    alice.fail_next("account.code", kind(problem="no\nluck"))
    told = cli("code")
    assert (told.code, told.out) == (kind.exit_code, "")
    assert told.err.count("\n") == 1
    assert told.err.startswith("balchat: ")

    alice.fail_next("account.code", kind(problem="no\nluck"))
    error = cli("code", "--json").error
    assert error["code"] == kind.code
    assert error["fields"] == {"problem": "no\nluck"}
    assert error["message"] == str(kind(problem="no\nluck"))


def test_the_command_line_is_wrong(cli: Cli) -> None:
    for arguments in (["nonsense"], ["send"], ["status", "--nonsense"], ["history", "Bob", "--limit", "x"], ["--x"]):
        told = cli(*arguments)
        assert (told.code, told.out) == (2, "")
        assert told.err.count("\n") == 1
        assert "--help" in told.err
        assert cli(*arguments, "--json").error["code"] == "usage"


@pytest.mark.parametrize("text", ["- item", "-1", "-x", "--x", "---", "--wait for me", "—", "-h", "-💥", "-\n-"])
def test_text_after_a_name_may_begin_with_a_dash(cli: Cli, alice: MemoryAccount, text: str) -> None:
    alice.befriend("Bob")
    assert cli.json("send", "Bob", text)["text"] == text
    assert cli.json("send", "Bob", "--reply-to", cli.json("history", "Bob")["id"], text)["text"] == text
    assert cli.json("send", "--profile", "default", "Bob", text)["text"] == text


@pytest.mark.parametrize("text", ["--wait", "--json", "--wiat", "--help", "--", "--timeout=5"])
def test_what_looks_like_an_option_is_text_behind_two_dashes(cli: Cli, alice: MemoryAccount, text: str) -> None:
    alice.befriend("Bob")
    assert cli.ok("send", "--json", "Bob", "--", text).json["text"] == text
    assert cli.ok("send", "--json", "--", "Bob", text).json["text"] == text


def test_a_mistyped_option_is_not_sent(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    for typo, meant in (("--wiat", "--wait"), ("--jsno", "--json"), ("-json", "--json"), ("--timout=5", "--timeout")):
        told = cli("send", "Bob", typo, stdin=b"hello")
        assert told.code == 2
        assert f"No such option: {typo}. Did you mean {meant}?" in told.err
        assert "`--`" in told.err
    assert cli("send", "Bob", "hello", "--x").code == 2
    assert not bob.conversation


def test_a_name_that_begins_with_a_dash(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    assert cli.json("contacts", "rename", "Bob", "-Bob-")["name"] == "-Bob-"
    assert cli.ok("send", "--json", "--", "-Bob-", "- item").json["text"] == "- item"
    for arguments in (["send", "-Bob-", "hi"], ["history", "-Bob-"], ["contacts", "block", "-Bob-"]):
        told = cli(*arguments)
        assert told.code == 2
        assert "behind `--`" in told.err
    assert cli.json("contacts", "add", nobody(2).onion, "--name", "-C", "--introduction", "- hi")["name"] == "-C"


def test_a_typo_gets_a_suggestion(cli: Cli) -> None:
    assert "Did you mean 'doctor'?" in cli("docter").err


def test_a_bug_is_one_line_without_what_it_was_about(
    cli: Cli, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BALCHAT_TRACEBACK")
    alice.fail_next("account.code", ValueError("somebody's words"))
    told = cli("code")
    assert told.code == 1
    assert told.err.count("\n") == 1
    assert "ValueError at memory_account.py" in told.err
    assert "somebody's words" not in told.err


def test_errors_in_a_group_come_out_as_themselves(cli: Cli, alice: MemoryAccount) -> None:
    error = type_registry["storage-full"]()
    alice.fail_next("account.code", ExceptionGroup("unhandled", [ExceptionGroup("unhandled", [error])]))
    assert cli("code", "--json").error["code"] == "storage-full"


# -- what strangers send


HOSTILE = "\x1b[31mred\x1b[0m \x07bell \x9b2J \u202eoverride \u2066isolate \r\x00 \u200btag \U000e0041"


def assert_harmless(text: str) -> None:
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]", text), text


def test_no_text_reaches_the_terminal_unchecked(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    message = bob.write(HOSTILE)
    alice.stranger("Mallory").ask(HOSTILE)
    bob.write("an answer", message.id)
    for arguments in (
        ["history", "Bob"],
        ["requests", "list"],
        ["listen", "--from", "0", "--count", "6"],
        ["status"],
        ["history", HOSTILE.replace("\x00", "")],
    ):
        result = cli(*arguments)
        assert_harmless(result.out)
        assert_harmless(result.err)
        assert_harmless(cli(*arguments, "--json").out)


def test_a_text_cannot_pass_for_another_message(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    message = bob.write("hello")
    [_, line] = cli.ok("history", "Bob").out.splitlines()
    bob.write(f"hello\n{line}\r{line}\u2028{line}")
    rows = cli.ok("history", "Bob").out.splitlines()
    assert [row for row in rows if row.startswith(line[:7])] == [line, rows[2]]
    assert message.id[:8] in rows[3]


def test_json_is_ascii(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob").write(HOSTILE)
    shown = cli.ok("history", "Bob", "--json").out
    assert shown.isascii()
    assert json.loads(shown)["text"] == HOSTILE


# -- colours, completion


def test_no_colour_where_there_is_no_terminal(cli: Cli, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    alice.befriend("Bob")
    assert "\x1b" not in cli.ok("contacts", "list").out


def complete(cli: Cli, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    monkeypatch.setenv("_BALCHAT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    with pytest.raises(SystemExit):
        cli()
    return cli.printed().split()


def test_completion(cli: Cli, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    alice.befriend("Bob")
    alice.befriend("Carol")
    assert complete(cli, monkeypatch, "balchat sta") == ["status"]
    assert complete(cli, monkeypatch, "balchat send B") == ["Bob"]
    assert complete(cli, monkeypatch, "balchat contacts block ") == ["Bob", "Carol"]
    assert complete(cli, monkeypatch, "balchat send Bob hi --wait ") == ["sent", "delivered", "received"]


def test_completion_is_quiet_where_nothing_runs(
    cli: Cli, profile: MemoryProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile.account.befriend("Bob")
    assert complete(cli, monkeypatch, "balchat send B") == []


def test_a_command_that_is_shown_names_the_profile_that_was_named(cli: Cli) -> None:
    for named in (["--profile", "work at home"], ["--profile=work at home"]):
        assert "`balchat --profile 'work at home' --help`" in cli("nonsense", *named).err
    assert "`balchat --help`" in cli("nonsense").err
