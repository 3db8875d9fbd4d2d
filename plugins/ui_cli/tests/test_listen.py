"""Readers of events that confirm what they have handled: nothing that was only printed is lost with them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from balchat_host.api.backoff import Backoff
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.memory_profiles import MemoryProfiles
from balchat_host.testing.waiting import closing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from balchat_host.api.events import Event
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.peer import Peer
    from conftest import Cli

PROGRAM = str(Path(__file__).with_name("memory_balchat.py"))
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def bob(alice: MemoryAccount) -> Peer:
    """A contact of the account that runs, with three messages that the reader called bot has not seen."""
    bob = alice.befriend("Bob")
    anyio.run(alice.app.events.acknowledge, "bot", last(alice))
    for text in ("one", "two", "three"):
        bob.write(text)
    return bob


def texts(result: Any) -> list[str]:
    return [event["message"]["text"] for event in result.json_lines]


def last(alice: MemoryAccount) -> int:
    """The cursor of the newest event."""
    return anyio.run(alice.app.events.cursor)


def missing(alice: MemoryAccount, reader: str = "bot") -> int:
    """How many events a reader would get again."""

    seen: list[Event] = []

    async def follow() -> None:
        async with closing(alice.app.events.follow(subscriber=reader)) as events:
            async for event in events:
                seen.append(event)  # noqa: PERF401  # it is read until it is cancelled

    async def read() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    anyio.run(read)
    return len(seen)


# -- printing


def test_what_was_only_printed_comes_again(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    for _ in range(2):
        assert texts(cli.ok("listen", "--as", "bot", "--count", "2", "--json")) == ["one", "two"]
    assert missing(alice) == 3


def test_a_new_reader_is_known_from_its_first_look(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    cli.ok("listen", "--as", "another bot", "--count", "1")
    alice.pass_time(60 * 24 * 3600)
    assert missing(alice, "another bot") == last(alice)


def test_confirming_needs_a_name_and_one_way(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    for options in (["--confirm"], ["--exec", "true"], ["--as", "bot", "--confirm", "--exec", "true"]):
        assert cli("listen", *options, "--json").error["code"] == "usage"


# -- --confirm


def confirm(cli: Cli, stdin: bytes, *more: str) -> Any:
    return cli("listen", "--as", "bot", "--confirm", "--json", *more, stdin=stdin)


def test_a_confirmed_event_does_not_come_again(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    first = last(alice) - 2
    assert texts(confirm(cli, b"%d\n" % (first + 1), "--count", "3")) == ["one", "two", "three"]
    assert texts(cli.ok("listen", "--as", "bot", "--count", "1", "--json")) == ["three"]


def test_the_last_event_may_still_be_confirmed_after_it_was_printed(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    result = confirm(cli, b"%d\n" % last(alice), "--count", "3")
    assert (result.code, result.err) == (0, "")
    assert missing(alice) == 0


def test_a_wrong_confirmation_is_an_error_about_its_line(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    newest = last(alice)
    lines = [b"one", b"", b"-1", b"9" * 15, b"9" * 5000, "٣".encode(), b"%d" % (newest - 1), b"1e3", b" %d \r" % newest]
    result = confirm(cli, b"\xef\xbb\xbf" + b"\n".join([b"0", *lines]) + b"\n", "--count", "3")
    assert result.code == 0
    errors = [json.loads(line)["error"] for line in result.err.splitlines()]
    assert [error["fields"]["line"] for error in errors] == [2, 3, 4, 5, 6, 7, 9]
    assert {error["code"] for error in errors} == {"bad-input"}
    assert missing(alice) == 0


def test_half_a_line_confirms_nothing(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    result = confirm(cli, b"%d" % last(alice))
    assert result.code == 0
    assert result.error["fields"]["line"] == 1
    assert missing(alice) == 3


def test_the_input_may_end_at_once(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    assert confirm(cli, b"").code == 0
    assert missing(alice) == 3


# -- --exec


def execute(cli: Cli, command: str, *more: str) -> Any:
    return cli("listen", "--as", "bot", "--json", "--exec", command, *more)


@pytest.mark.usefixtures("bob")
def test_a_command_gets_each_event_and_confirms_it(
    cli: Cli, alice: MemoryAccount, host: MemoryProfiles, tmp_path: Path
) -> None:
    command = f"cat >> {tmp_path}/events; env >> {tmp_path}/environment"
    result = execute(cli, command, "--count", "3")
    assert (result.code, result.out, result.err) == (0, "", "")
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [event["message"]["text"] for event in events] == ["one", "two", "three"]
    environment = (tmp_path / "environment").read_text()
    assert re.findall(r"^BALCHAT_CURSOR=(.*)$", environment, re.MULTILINE) == [str(each["cursor"]) for each in events]
    assert re.findall(r"^BALCHAT_EVENT=(.*)$", environment, re.MULTILINE) == ["message.added"] * 3
    assert f"BALCHAT_PROFILE={host.profile().directory}\n" in environment
    assert not re.search("Bob|one", environment)
    assert missing(alice) == 0


def test_a_command_need_not_read_its_event(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    bob.write("x" * 30_000)
    assert execute(cli, "exec <&-", "--count", "4").code == 0
    assert missing(alice) == 0


@pytest.mark.parametrize(
    ("command", "how"),
    [("exit 3", "ended with 3"), ("kill -9 $$", "was ended by signal 9"), ("/nonexistent 2>&-", "ended with 127")],
)
@pytest.mark.usefixtures("bob")
def test_a_command_that_fails_is_tried_again_and_then_given_up(
    cli: Cli, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch, command: str, how: str
) -> None:
    monkeypatch.setattr("balchat_ui_cli.executing.BACKOFF", Backoff(first=0, longest=0))
    result = execute(cli, command, "--tries", "3")
    assert result.code == 7
    *warnings, error = [json.loads(line) for line in result.err.splitlines()]
    assert [warning["warning"]["code"] for warning in warnings] == ["command-failed"] * 2
    assert all(how in warning["warning"]["message"] for warning in warnings)
    assert error["error"]["code"] == "command-failed"
    assert error["error"]["fields"] == {"cursor": last(alice) - 2, "tries": 3, "how": how}
    assert missing(alice) == 3


def test_a_command_that_works_the_second_time(
    cli: Cli, alice: MemoryAccount, bob: Peer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("balchat_ui_cli.executing.BACKOFF", Backoff(first=0, longest=0))
    result = execute(cli, f'echo $BALCHAT_CURSOR >> {tmp_path}/tried; test "$BALCHAT_TRY" = 2', "--count", "3")
    assert result.code == 0
    tried = (tmp_path / "tried").read_text().split()
    assert len(tried) == 6
    assert tried[0::2] == tried[1::2]
    assert missing(alice) == 0


# -- readers that die, in processes


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    MemoryProfiles(tmp_path / "profiles").profile().make()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    return {**kept, "MEMORY_BALCHAT": str(tmp_path / "profiles"), "LC_ALL": "C.UTF-8"}


@pytest.fixture
def balchat(environment: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """Runs commands beside an account that is up and in which three contacts were added, so that there are events."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, PROGRAM, *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=60, env=environment,
        )  # fmt: skip

    assert run("up", "--detach", "--passphrase-fd", "0", stdin=PASSPHRASE).returncode == 0
    for number, name in enumerate(("Bob", "Carol", "Dave"), start=1):
        assert run("contacts", "add", nobody(number).onion, "--name", name).returncode == 0
    yield run
    assert run("down").returncode == 0


def listening(environment: dict[str, str], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, "listen", "--json", "--as", "bot", *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def next_name(balchat: Callable[..., Any]) -> str:
    """The contact that the next event for the reader is about."""
    told = balchat("listen", "--json", "--as", "bot", "--count", "1")
    return json.loads(told.stdout)["contact"]["name"]


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["reader", "listen"])
def test_a_kill_at_any_moment_loses_no_event(
    balchat: Callable[..., Any], environment: dict[str, str], killed: str
) -> None:
    for read, confirmed, then in ((0, 0, "Bob"), (1, 0, "Bob"), (3, 0, "Bob"), (1, 1, "Carol"), (2, 1, "Dave")):
        with listening(environment, "--confirm") as process:
            lines = [json.loads(process.stdout.readline()) for _ in range(read)]
            for line in lines[:confirmed]:
                process.stdin.write(f"{line['cursor']}\n")
            # A line whose error says that the ones before it were taken, and half a confirmation, which means nothing.
            process.stdin.write("nonsense\n9")
            process.stdin.flush()
            assert json.loads(process.stderr.readline())["error"]["fields"]["line"] == confirmed + 1
            if killed == "listen":
                process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait(60)
        assert next_name(balchat) == then


def test_a_reader_that_reads_nothing_holds_up_neither_confirming_nor_ending(
    balchat: Callable[..., Any], environment: dict[str, str]
) -> None:
    assert balchat("send", "Bob", "x" * 30_000).returncode == 0
    with listening(environment, "--confirm") as process:
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        first = json.loads(process.stdout.readline())
        process.stdin.write(f"{first['cursor']}\nnonsense\n")
        process.stdin.flush()
        assert json.loads(process.stderr.readline())["error"]["fields"]["line"] == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert next_name(balchat) == "Carol"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_command_too_and_what_it_did_not_finish_comes_again(
    balchat: Callable[..., Any], environment: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    os.mkfifo(tmp_path / "started")
    command = f"trap 'exit 1' TERM; echo $$ > {tmp_path}/started; while :; do read line < {tmp_path}/never; done"
    os.mkfifo(tmp_path / "never")
    with listening(environment, "--exec", command) as process:
        child = int((tmp_path / "started").read_text())
        process.send_signal(how)
        # The one from the keyboard ends as Ctrl-C does.
        assert process.wait(60) == (130 if how is signal.SIGINT else -how)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert next_name(balchat) == "Bob"


def test_what_a_command_finishes_after_a_signal_counts(
    balchat: Callable[..., Any], environment: dict[str, str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "started")
    os.mkfifo(tmp_path / "never")
    command = f"trap 'exit 0' TERM; echo > {tmp_path}/started; while :; do read line < {tmp_path}/never; done"
    with listening(environment, "--exec", command) as process:
        (tmp_path / "started").read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert next_name(balchat) == "Carol"
