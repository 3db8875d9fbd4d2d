"""Commands as a person has them: programs on a terminal, signals, and processes that speak to each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from balchat_host.testing.app_kit import nobody
from balchat_host.testing.memory_profiles import MemoryProfiles
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Programs = Callable[..., Any]

PROGRAM = str(Path(__file__).with_name("memory_balchat.py"))
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "profiles"


@pytest.fixture
def account(root: Path) -> Path:
    MemoryProfiles(root).profile().make()
    return root


@pytest.fixture
def environment(root: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    return {**kept, "MEMORY_BALCHAT": str(root), "PYTHONWARNINGS": "error", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def run(environment: dict[str, str]) -> Programs:
    """Runs a command without a terminal, to its end."""

    def run(*arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, PROGRAM, *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=60,
            env=environment | more, start_new_session=True,
        )  # fmt: skip

    return run


@pytest.fixture
def on_terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Starts a command on a terminal."""
    with ExitStack() as stack:

        def start(*arguments: str, **more: str) -> Terminal:
            return stack.enter_context(Terminal([sys.executable, PROGRAM, *arguments], environment | more))

        yield start


@pytest.fixture
def up(account: Path, run: Programs) -> Iterator[None]:
    """An account that runs in the background."""
    assert run("up", "--detach", "--passphrase-fd", "0", stdin=PASSPHRASE).returncode == 0
    yield
    assert run("down").returncode in {0, 6}


# -- prompts


def test_init_asks(root: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("init")
    terminal.wait_for("Your name, as others will see it: ")
    terminal.press("Alice\n")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    terminal.wait_for("The same again: ")
    terminal.press(f"{PASSPHRASE}\n")
    before = terminal.wait_for("Recovery code, shown this once")
    assert terminal.wait_for_end() == 0
    assert PASSPHRASE not in before
    assert MemoryProfiles(root).profile().account.name == "Alice"


def test_init_with_two_different_passphrases(root: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("init", "--name", "Alice")
    for _ in range(3):
        terminal.wait_for("Passphrase: ")
        terminal.press(f"{PASSPHRASE}\n")
        terminal.wait_for("The same again: ")
        terminal.press("something else\n")
    terminal.wait_for("it was not the same")
    assert terminal.wait_for_end() == 3
    assert not MemoryProfiles(root).profile().exists()


def test_a_passphrase_that_is_too_weak_is_asked_for_again(root: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("init", "--name", "Alice")
    for passphrase in ("short", PASSPHRASE):
        for question in ("Passphrase: ", "The same again: "):
            terminal.wait_for(question)
            terminal.press(f"{passphrase}\n")
        terminal.wait_for("too weak" if passphrase == "short" else "The account of Alice is made")
    assert terminal.wait_for_end() == 0


def test_a_wrong_passphrase_may_be_tried_again(account: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("code")
    terminal.wait_for("Passphrase: ")
    terminal.press("wrong\n")
    terminal.wait_for("does not open the vault")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    terminal.wait_for("balchat:")
    assert terminal.wait_for_end() == 0


def test_three_wrong_passphrases(account: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("code")
    for _ in range(3):
        terminal.wait_for("Passphrase: ")
        terminal.press("wrong\n")
    terminal.wait_for("balchat:")
    assert terminal.wait_for_end() == 4


def test_interrupted_at_the_prompt(account: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("code")
    terminal.wait_for("Passphrase: ")
    terminal.press("\x03")
    assert terminal.wait_for_end() == 130


def test_no_terminal_to_ask_at(account: Path, run: Programs) -> None:
    told = run("code", "--json")
    assert told.returncode == 3
    assert "--passphrase-fd" in json.loads(told.stderr)["error"]["message"]


@pytest.mark.parametrize("colour", [True, False])
def test_colour_on_a_terminal_unless_it_is_not_wanted(
    up: None, on_terminal: Callable[..., Terminal], run: Programs, colour: bool
) -> None:
    assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
    terminal = on_terminal("contacts", "list", **({} if colour else {"NO_COLOR": "1"}))
    assert terminal.wait_for_end() == 0
    assert "Bob" in terminal.shown
    assert ("\x1b[" in terminal.shown) is colour


def test_a_picture_is_never_higher_than_the_terminal(
    up: None, on_terminal: Callable[..., Terminal], run: Programs
) -> None:
    for number in range(20):
        assert run("contacts", "add", _onion(f"Bob {number}"), "--name", f"Bob {number}").returncode == 0
    terminal = on_terminal("status", "--watch")
    picture = terminal.wait_for("…")
    assert picture.count("\n") < 24
    terminal.press("\x03")
    assert terminal.wait_for_end() == 130


# -- up, in the foreground


def test_up_shows_the_way_to_being_online(account: Path, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("up", MEMORY_PACE="0.01")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    terminal.wait_for("balchat is up for the profile default")
    terminal.wait_for("online")
    terminal.press("\x03")
    assert terminal.wait_for_end() == 0


def test_a_terminal_that_goes_away_ends_up_cleanly(
    account: Path, on_terminal: Callable[..., Terminal], run: Programs
) -> None:
    terminal = on_terminal("up")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    terminal.wait_for("online")
    terminal.close()
    assert terminal.process.wait(60) == 0
    assert json.loads(run("status", "--json").stdout)["running"] is False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_up_cleanly(
    account: Path, environment: dict[str, str], run: Programs, how: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, PROGRAM, "up", "--passphrase-fd", "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{PASSPHRASE}\n")
        process.stdin.flush()
        shown = ""
        while "address: online" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        assert "\x1b" not in shown
        process.send_signal(how)
        assert process.wait(60) == 0
    assert run("status", "--json").returncode == 0
    assert json.loads(run("status", "--json").stdout)["running"] is False


def test_up_as_json_is_a_status_a_line(account: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, PROGRAM, "up", "--json", "--passphrase-fd", "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{PASSPHRASE}\n")
        process.stdin.flush()
        while json.loads(process.stdout.readline())["identity_onion"]["phase"] != "online":
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


# -- up, in the background


def test_up_in_the_background_and_down(account: Path, run: Programs) -> None:
    started = run("up", "--detach", "--passphrase-fd", "0", stdin=PASSPHRASE)
    assert (started.returncode, started.stderr) == (0, "")
    assert "Online." in started.stdout
    assert json.loads(run("status", "--json").stdout)["running"] is True
    assert json.loads(run("code", "--json").stdout)["name"] == "Alice"
    again = run("up", "--detach", "--passphrase-fd", "0", "--json", stdin=PASSPHRASE)
    assert (again.returncode, json.loads(again.stderr)["error"]["code"]) == (6, "already-running")
    assert run("down", "--timeout", "1e300").stdout == "balchat has ended.\n"
    assert json.loads(run("status", "--json").stdout)["running"] is False
    assert run("down").returncode == 6


@pytest.mark.parametrize("stdout", ["full", "gone"])
def test_up_in_the_background_says_that_it_runs_where_it_cannot_show_it(
    account: Path, environment: dict[str, str], run: Programs, stdout: str
) -> None:
    if stdout == "full":
        writing = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, writing = os.pipe()
        os.close(reading)
    started = subprocess.run(
        [sys.executable, PROGRAM, "up", "--detach", "--passphrase-fd", "0"],
        input=PASSPHRASE, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=environment,
    )  # fmt: skip
    os.close(writing)
    assert run("down").returncode == 0
    assert started.returncode == 7
    assert started.stderr.endswith(" balchat runs in the background.\n")


def test_up_in_the_background_does_not_wait_longer_than_told(account: Path, run: Programs) -> None:
    started = run(
        "up", "--detach", "--timeout", "0", "--json", "--passphrase-fd", "0", stdin=PASSPHRASE, MEMORY_PACE="9"
    )
    assert started.returncode == 0
    assert json.loads(started.stdout)["identity_onion"]["phase"] == "stopped"
    assert run("down").returncode == 0


@pytest.mark.parametrize(
    ("phase", "said"),
    [("online", "Online."), ("degraded", "Up, but not online: transport_memory: degraded: by the weather.")],
)
def test_up_in_the_background_waits_for_no_address_that_nothing_publishes(
    account: Path, run: Programs, phase: str, said: str
) -> None:
    arguments = ["up", "--detach", "--timeout", "3600", "--passphrase-fd", "0"]
    started = run(*arguments, stdin=PASSPHRASE, MEMORY_UNPUBLISHED=phase)
    assert run("down").returncode == 0
    assert (started.returncode, started.stderr) == (0, "")
    assert said in started.stdout
    # What has something to say of itself says it here as well, also when all is well.
    assert "by the weather" in started.stdout


def test_the_background_process_has_no_terminal_and_no_secret_in_sight(up: None, run: Programs, root: Path) -> None:
    [process] = [
        folder
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and _line(folder).count(b"--background") and _belongs(folder, root)
    ]
    assert os.getsid(int(process.name)) == int(process.name)
    assert {str((process / "fd" / number).readlink()) for number in ("0", "1", "2")} == {"/dev/null"}
    for file in ("cmdline", "environ"):
        assert PASSPHRASE.encode() not in (process / file).read_bytes()


def _line(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


def _belongs(folder: Path, root: Path) -> bool:
    return f"MEMORY_BALCHAT={root}".encode() in (folder / "environ").read_bytes()


def test_what_keeps_the_background_process_from_starting_reaches_the_person(account: Path, run: Programs) -> None:
    wrong = run("up", "--detach", "--json", "--passphrase-fd", "0", stdin="wrong")
    assert (wrong.returncode, json.loads(wrong.stderr)["error"]["code"]) == (4, "wrong-secret")
    told = run("up", "--detach", "--passphrase-fd", "0", stdin="wrong")
    assert told.stderr == "balchat: This passphrase does not open the vault. Nothing was changed; try again.\n"


def test_the_background_process_outlives_the_terminal(
    account: Path, on_terminal: Callable[..., Terminal], run: Programs
) -> None:
    terminal = on_terminal("up", "--detach")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    terminal.wait_for("Online.")
    assert terminal.wait_for_end() == 0
    assert json.loads(run("status", "--json").stdout)["running"] is True
    assert run("down").returncode == 0


# -- pipes


def test_listen_through_a_pipe_that_is_closed(up: None, environment: dict[str, str], run: Programs) -> None:

    with subprocess.Popen(
        [sys.executable, PROGRAM, "listen", "--json", "--from", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        for name in ("Bob", "Carol"):
            onion = _onion(name)
            assert run("contacts", "add", onion, "--name", name).returncode == 0
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def _onion(name: str) -> str:
    return nobody(sum(name.encode())).onion


@pytest.mark.parametrize("stdout", ["full", "gone"])
def test_a_chat_for_programs_that_cannot_print_says_how_far_it_came(
    up: None, environment: dict[str, str], run: Programs, stdout: str
) -> None:
    assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
    if stdout == "full":
        writing = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, writing = os.pipe()
        os.close(reading)
    with subprocess.Popen(
        [sys.executable, PROGRAM, "chat", "Bob", "--json"],
        stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        os.close(writing)
        process.stdin.write('{"text": "hello"}\n')
        process.stdin.flush()
        error = json.loads(process.stderr.readline())["error"]
        assert process.wait(60) == 7
    assert error["code"] == "output-unwritable"
    assert error["fields"]["done"].startswith("Standard input was read up to line 1;")
    assert [json.loads(line)["text"] for line in run("history", "Bob", "--json").stdout.splitlines()] == ["hello"]


def test_listen_is_interrupted(up: None, environment: dict[str, str], run: Programs) -> None:
    with subprocess.Popen(
        [sys.executable, PROGRAM, "listen", "--json", "--from", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
        assert json.loads(process.stdout.readline())["type"] == "contact.changed"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""


def test_the_running_balchat_ends_under_a_command(up: None, environment: dict[str, str], run: Programs) -> None:
    with subprocess.Popen(
        [sys.executable, PROGRAM, "listen", "--json", "--from", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
        assert process.stdout.readline()
        assert run("down").returncode == 0
        assert process.wait(60) == 6
        assert json.loads(process.stderr.read())["error"]["code"] == "connection-lost"


# -- chat


def test_chat(up: None, on_terminal: Callable[..., Terminal], run: Programs) -> None:
    assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
    assert run("send", "Bob", "from before").returncode == 0
    terminal = on_terminal("chat", "Bob")
    terminal.wait_for("from before")
    terminal.press("hello there\r")
    terminal.wait_for("hello there")
    terminal.wait_for("queued")
    terminal.press("/nonsense\r")
    terminal.wait_for("There is no /nonsense")
    assert run("send", "Bob", "from elsewhere").returncode == 0
    terminal.wait_for("from elsewhere")
    terminal.press("/quit\r")
    assert terminal.wait_for_end() == 0
    texts = [json.loads(line)["text"] for line in run("history", "Bob", "--json").stdout.splitlines()]
    assert texts == ["from before", "hello there", "from elsewhere"]


@pytest.mark.parametrize("way_out", ["\x04", "\x03", "SIGTERM"])
def test_leaving_a_chat_restores_the_terminal(
    up: None, on_terminal: Callable[..., Terminal], run: Programs, way_out: str
) -> None:
    assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
    terminal = on_terminal("chat", "Bob")
    terminal.wait_for(">")
    if way_out == "SIGTERM":
        terminal.process.terminate()
    else:
        terminal.press(way_out)
    assert terminal.wait_for_end() == 0
    # Bracketed paste is switched off again.
    assert "\x1b[?2004l" in terminal.shown


def test_the_running_balchat_ends_under_a_chat(up: None, on_terminal: Callable[..., Terminal], run: Programs) -> None:
    assert run("contacts", "add", _onion("Bob"), "--name", "Bob").returncode == 0
    terminal = on_terminal("chat", "Bob")
    terminal.wait_for(">")
    assert run("down").returncode == 0
    terminal.wait_for("The connection to the running balchat was lost")
    assert terminal.wait_for_end() == 6
