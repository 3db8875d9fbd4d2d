"""Standard streams that are closed, full or broken, under every command that the program has."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_cli.program import program

from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = dict[str, Any]
    Streams = Callable[..., Answer]

RUNNER = str(Path(__file__).with_name("stream_runner.py"))
RELAY = nobody(5).onion
PIPE, CLOSED, FULL, GONE = "pipe", "closed", "full", "gone"

# What a command needs to do its work in the world of the runner.
NEEDS: dict[str, list[str]] = {
    "init": ["--name", "Alice", "--passphrase-file", "KEY"],
    "up": ["--passphrase-file", "KEY"],
    "backup": ["COPY"],
    "restore": ["BACKUP", "--passphrase-file", "KEY"],
    "passphrase change": ["--passphrase-file", "KEY", "--new-passphrase-file", "KEY"],
    "recovery renew": ["--passphrase-file", "KEY"],
    "relay add": [nobody(6).onion],
    "relay default": [RELAY],
    "relay remove": [RELAY],
    "contacts add": [nobody(2).onion, "--name", "Carol"],
    "contacts rename": ["Bob", "Robert"],
    "contacts verify": ["Bob", "NUMBER"],
    "contacts block": ["Bob"],
    "contacts unblock": ["Bob"],
    "contacts remove": ["Bob", "--yes"],
    "contacts renew": ["Bob"],
    "requests accept": ["Dave"],
    "requests reject": ["Dave"],
    "requests block": ["Dave"],
    "send": ["Bob", "hello"],
    "history": ["Bob"],
    "listen": ["--from", "0", "--count", "1"],
    "plugins show": ["network_memory"],
    "plugins accept": ["network_memory"],
    "plugins check": ["network_memory"],
    "plugins new": ["transport", "pigeon", "--dir", "NEW"],
    "deployment check": ["balchat.toml"],
    "retry": ["Bob", "LAST"],
    "search": ["hello"],
    "react": ["Bob", "LAST", "👍"],
    "edit": ["Bob", "LAST", "better"],
    "delete": ["Bob", "LAST"],
    "info": ["Bob", "LAST"],
    "export": ["Bob"],
    "conversations set": ["Bob", "--expire-after", "1h"],
    "conversations mute": ["Bob"],
    "conversations unmute": ["Bob"],
    "conversations archive": ["Bob"],
    "conversations unarchive": ["Bob"],
    "conversations read": ["Bob"],
    "conversations unread": ["Bob"],
    "conversations draft": ["Bob", "begun"],
    "files get": ["FILE", "--to", "FOLDER"],
    "files pause": ["FILE"],
    "files resume": ["FILE"],
    "files cancel": ["FILE"],
    "files remove": ["FILE"],
    "files automatic": ["Bob", "1M"],
    "settings get": ["delivery.policy"],
    "settings set": ["delivery.read_receipts", "false"],
    "settings reset": ["delivery.read_receipts"],
    "chat": ["Bob", "--json"],
    "voice": ["Bob", "--from", "WAV"],
}
# Those that change something, each with what it says of that when its result cannot be printed.
DONE = {
    "init": "The account of Alice is made",
    "backup": "The locked copy is ",
    "restore": "The account is restored, in ",
    "passphrase change": "The passphrase is changed.",
    "recovery renew": "The old recovery code works no more. The recovery code could not be shown",
    "down": "balchat has ended.",
    "relay add": "Contacts learn of it.",
    "relay default": "is your default relay now.",
    "relay remove": "is used no more.",
    "contacts add": "Carol is added.",
    "contacts rename": "Bob is now called Robert.",
    "contacts verify": "Bob is verified.",
    "contacts block": "Bob is blocked.",
    "contacts unblock": "Bob is no longer blocked.",
    "contacts remove": "Bob is removed.",
    "contacts renew": "The keys with Bob are renewed as soon as both of you have been up, an hour after the last "
    "time at the earliest.",
    "requests accept": "Dave is added.",
    "requests reject": "The request is turned down.",
    "requests block": "The request is turned down, and Dave is blocked.",
    "requests on": "requests.accept is true now.",
    "requests off": "requests.accept is false now.",
    "send": "The message is queued, as ",
    "voice": "The message is queued, as ",
    "retry": "The message is queued again, as ",
    "react": "The reaction to ",
    "edit": "The message ",
    "delete": "The message ",
    "conversations set": "Bob: messages expire 1 h after they are read.",
    "conversations mute": "Bob is muted.",
    "conversations unmute": "Bob is not muted.",
    "conversations archive": "Bob is archived.",
    "conversations unarchive": "Bob is not archived.",
    "conversations read": "Bob is read.",
    "conversations unread": "Bob: 1 unread.",
    "conversations draft": "Bob",
    "files get": "The file is written, as ",
    "files pause": "The file is paused.",
    "files resume": "The file is fetching.",
    "files cancel": "The file is offered.",
    "files remove": "The file is offered.",
    "files automatic": "Bob: files of up to 1.0 MB come by themselves.",
    "plugins accept": "network_memory is remembered as it is now.",
    "plugins new": " is there. Its README.md says how to try it.",
    "settings set": "delivery.read_receipts is false now.",
    "settings reset": "delivery.read_receipts is true now.",
}
# Those that print nothing more than a remark, or nothing in this world.
SILENT = {"up", "chat"}


def commands(group: Any = None, path: str = "") -> Iterator[str]:
    group = group or program()
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}"


# One asks at a terminal, one needs a loudspeaker; and voice messages are an extra.
LEFT_OUT = {"files open", "files play"} | (set() if find_spec("soundfile") else {"voice"})
EVERY = pytest.mark.parametrize("command", [each for each in commands() if each not in LEFT_OUT])


@pytest.fixture(scope="module")
def runner() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def run(runner: subprocess.Popen[str], tmp_path: Path) -> Streams:
    """Runs a command with the given standard input, output and error."""
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text("correct horse battery staple\n")
    spoken = tmp_path / "spoken.wav"
    with wave.open(str(spoken), "wb") as written:
        written.setparams((1, 2, 16_000, 0, "NONE", ""))
        written.writeframes(b"\x00\x20\x00\xe0" * 1_600)
    count = 0

    def run(command: str, *more: str, stdin: str = PIPE, stdout: str = PIPE, stderr: str = PIPE) -> Answer:
        nonlocal count
        count += 1
        stand_ins = {
            "KEY": str(key),
            "WAV": str(spoken),
            "COPY": str(tmp_path / f"copy{count}"),
            "BACKUP": f"{tmp_path}/world{count}/old",
            "FOLDER": str(tmp_path),
            "NEW": str(tmp_path / f"new{count}"),
        }
        needed = [stand_ins.get(argument, argument) for argument in NEEDS.get(command, [])]
        request = {
            "folder": str(tmp_path / f"world{count}"),
            "arguments": [*command.split(), *needed, *more],
            "streams": [stdin, stdout, stderr],
        }
        runner.stdin.write(json.dumps(request) + "\n")
        runner.stdin.flush()
        answer = json.loads(runner.stdout.readline())
        assert "Traceback" not in answer["err"]
        assert answer["code"] != 1, answer
        return answer

    return run


@EVERY
def test_a_closed_stream_is_as_dev_null(run: Streams, command: str) -> None:
    usual = run(command)
    assert usual["code"] == 0, usual
    assert usual["out"] or command in SILENT
    assert run(command, stdout=CLOSED) == usual | {"out": ""}
    assert run(command, stdin=CLOSED, stdout=CLOSED, stderr=CLOSED) == {"code": 0, "out": "", "err": ""}


@EVERY
def test_an_output_that_is_full_is_an_error_that_says_what_was_done(run: Streams, command: str) -> None:
    told = run(command, stdout=FULL)
    if command in SILENT:
        assert told["code"] == 0
        return
    assert told["code"] == 7
    [line] = told["err"].splitlines()
    assert line.startswith("balchat: Standard output cannot be written: No space left on device. ")
    assert DONE.get(command, "Nothing was changed.") in line
    [line] = run(command, "--json", stdout=FULL)["err"].splitlines()
    error = json.loads(line)["error"]
    assert error["code"] == "output-unwritable"
    assert DONE.get(command, "Nothing was changed.") in error["fields"]["done"]


@EVERY
def test_a_reader_that_went_away_hears_no_complaint_unless_something_was_changed(run: Streams, command: str) -> None:
    told = run(command, "--json", stdout=GONE)
    if command in DONE:
        assert told["code"] == 7
        assert DONE[command] in json.loads(told["err"])["error"]["message"]
    elif command not in SILENT:
        assert (told["code"], told["err"]) == (141, "")


@EVERY
def test_a_remark_that_cannot_be_written_changes_nothing(run: Streams, command: str) -> None:
    assert run(command, stderr=FULL)["code"] == 0
    assert run(command, stdout=FULL, stderr=FULL)["code"] == (0 if command in SILENT else 7)


@EVERY
def test_help_that_cannot_be_written(run: Streams, command: str) -> None:
    assert run(command, "--help", stdout=FULL)["code"] == 7


def test_help_whose_reader_is_gone_or_that_is_closed(run: Streams) -> None:
    assert run("send", "--help", stdout=GONE) == {"code": 141, "out": "", "err": ""}
    assert run("send", "--help", stdout=CLOSED) == {"code": 0, "out": "", "err": ""}
    assert run("send", "--nonsense", stderr=GONE)["code"] == 2
