"""Questions at a terminal that are stopped and interrupted: nothing hidden is shown, and nothing stays set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from balchat_ui_cli.live import Picture
from balchat_ui_cli.output import Output

from balchat_host.testing.app_kit import nobody
from balchat_host.testing.memory_profiles import MemoryProfiles
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Shell = Callable[..., tuple[Terminal, int]]

FOLDER = Path(__file__).parent
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "profiles"


@pytest.fixture
def shell(root: Path) -> Iterator[Shell]:
    """Runs a command on a terminal, under a shell with job control; returns the terminal and the command's process."""
    with ExitStack() as stack:

        def start(*arguments: str) -> tuple[Terminal, int]:
            line = [sys.executable, FOLDER / "job_control.py", sys.executable, FOLDER / "memory_balchat.py", *arguments]
            terminal = stack.enter_context(Terminal([str(part) for part in line], {"MEMORY_BALCHAT": str(root)}))
            terminal.wait_for("running ")
            return terminal, int(terminal.wait_for("."))

        yield start


@pytest.fixture
def account(root: Path) -> MemoryProfiles:
    host = MemoryProfiles(root)
    host.profile().make().befriend("Bob")
    return host


@pytest.fixture
def up(root: Path, account: MemoryProfiles) -> Iterator[None]:
    """The account runs in the background, and Bob is a contact."""

    def run(*arguments: str, stdin: str = "") -> None:
        line = [sys.executable, FOLDER / "memory_balchat.py", *arguments]
        environment = os.environ | {"MEMORY_BALCHAT": str(root)}
        subprocess.run(line, input=stdin, text=True, env=environment, capture_output=True, check=True, timeout=60)

    run("up", "--detach", "--passphrase-fd", "0", stdin=f"{PASSPHRASE}\n")
    run("contacts", "add", nobody(1).onion, "--name", "Bob")
    yield
    run("down")


def stop(terminal: Terminal, process: int, how: str) -> None:
    if how == "Ctrl-Z":
        terminal.press("\x1a")
    else:
        os.kill(process, signal.SIGSTOP)
    terminal.wait_for("stopped")


@pytest.mark.parametrize("how", ["Ctrl-Z", "SIGSTOP"])
def test_a_passphrase_is_asked_for_again_and_hidden_after_a_stop(
    account: MemoryProfiles, shell: Shell, how: str
) -> None:
    terminal, process = shell("code")
    terminal.wait_for("Passphrase: ")
    for _ in range(2):
        terminal.press("seen by ")
        stop(terminal, process, how)
        if how == "Ctrl-Z":
            terminal.wait_for("echo True.")
        terminal.press("fg\n")
        terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    shown = terminal.wait_for("balchat:")
    assert PASSPHRASE not in shown
    assert "seen by" not in shown
    terminal.wait_for("ended 0, echo True.")


def test_both_questions_for_a_new_passphrase_bear_a_stop(root: Path, shell: Shell) -> None:
    terminal, process = shell("init", "--name", "Alice")
    for question in ("Passphrase: ", "The same again: "):
        terminal.wait_for(question)
        stop(terminal, process, "Ctrl-Z")
        terminal.press("fg\n")
        terminal.wait_for(question)
        terminal.press(f"{PASSPHRASE}\n")
    assert PASSPHRASE not in terminal.wait_for("The account of Alice is made")
    terminal.wait_for("ended 0, echo True.")


def test_a_name_is_asked_for_again_after_a_stop(root: Path, shell: Shell) -> None:
    terminal, process = shell("init")
    terminal.wait_for("Your name, as others will see it: ")
    terminal.press("Mall")
    stop(terminal, process, "Ctrl-Z")
    terminal.press("fg\n")
    terminal.wait_for("Your name, as others will see it: ")
    terminal.press("\n")
    terminal.wait_for("Your name, as others will see it: ")
    terminal.press("Alice\n")
    for question in ("Passphrase: ", "The same again: "):
        terminal.wait_for(question)
        terminal.press(f"{PASSPHRASE}\n")
    terminal.wait_for("The account of Alice is made")
    terminal.wait_for("ended 0")


@pytest.mark.parametrize(("answer", "outcome"), [("n", "Nothing was removed."), ("", "Nothing was removed.")])
def test_a_question_that_was_stopped_is_answered_later(
    account: MemoryProfiles, shell: Shell, answer: str, outcome: str
) -> None:
    terminal, process = shell("contacts", "remove", "Bob")
    terminal.wait_for("[y/N]: ")
    terminal.press("y")
    stop(terminal, process, "Ctrl-Z")
    terminal.press("fg\n")
    terminal.wait_for("[y/N]: ")
    terminal.press("maybe\n")
    terminal.wait_for("[y/N]: ")
    terminal.press(f"{answer}\n")
    terminal.wait_for(outcome)
    terminal.wait_for("ended 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_at_a_hidden_question_ends_it_and_restores_the_terminal(
    account: MemoryProfiles, shell: Shell, number: signal.Signals
) -> None:
    terminal, process = shell("code")
    terminal.wait_for("Passphrase: ")
    os.kill(process, number)
    terminal.wait_for(f"ended {-number}, echo True.")


@pytest.mark.parametrize("keys", ["\x03", "\x04"])
def test_leaving_a_hidden_question_restores_the_terminal(account: MemoryProfiles, shell: Shell, keys: str) -> None:
    terminal, _ = shell("code")
    terminal.wait_for("Passphrase: ")
    terminal.press(keys)
    terminal.wait_for("ended 130, echo True.")


def test_a_descriptor_that_is_a_terminal_shows_no_passphrase_either(account: MemoryProfiles, shell: Shell) -> None:
    terminal, _ = shell("code", "--passphrase-fd", "0")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"{PASSPHRASE}\n")
    assert PASSPHRASE not in terminal.wait_for("balchat:")
    terminal.wait_for("ended 0, echo True.")


def test_a_byte_order_mark_that_was_pasted_is_no_part_of_a_passphrase(account: MemoryProfiles, shell: Shell) -> None:
    terminal, _ = shell("code")
    terminal.wait_for("Passphrase: ")
    terminal.press(f"\ufeff{PASSPHRASE}\n")
    terminal.wait_for("balchat:")
    terminal.wait_for("ended 0")


@pytest.mark.parametrize("how", ["Ctrl-Z", "SIGSTOP"])
def test_a_chat_goes_on_after_a_stop(up: None, shell: Shell, how: str) -> None:
    terminal, process = shell("chat", "Bob")
    terminal.wait_for(">")
    terminal.press("hello")
    terminal.wait_for("hello")
    stop(terminal, process, how)
    terminal.press("fg\n")
    terminal.wait_for("hello")
    terminal.press(" again\r")
    terminal.wait_for("hello again")
    terminal.wait_for("queued")
    terminal.press("/quit\r")
    terminal.wait_for("ended 0, echo True.")


def test_a_picture_is_not_drawn_over_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Output(as_json=False, stdout=(drawn := StringIO()), environment={})
    picture = Picture(out)
    picture.draw([["one"], ["two"]])
    monkeypatch.setattr(Output, "in_foreground", False)
    picture.draw([["three"]])
    monkeypatch.setattr(Output, "in_foreground", True)
    picture.draw([["four"]])
    # Below what the shell has written in the meantime: the cursor does not go back.
    assert drawn.getvalue() == "one\ntwo\nfour\n"
