"""Folders for what must not stay, by processes that end in every way."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from balchat_common.private_folders import PrivateFolder, remove_left_over, removed_on_signals

if TYPE_CHECKING:
    from pathlib import Path

WAITS = """
import sys, signal
from pathlib import Path
from balchat_common.private_folders import PrivateFolder, removed_on_signals
with PrivateFolder(Path(sys.argv[1]), "secret-") as folder, removed_on_signals(folder):
    (folder.path / "text").write_text("for nobody")
    print("written", flush=True)
    signal.pause()
"""


def ended_by(parent: Path, number: signal.Signals) -> int:
    """Have a process make a folder, and end by a signal; return its code."""
    with subprocess.Popen([sys.executable, "-c", WAITS, parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        (made,) = parent.iterdir()
        assert made.stat().st_mode & 0o777 == 0o700
        process.send_signal(number)
        return process.wait(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_removes_it_and_ends_the_process_all_the_same(tmp_path: Path, number: signal.Signals) -> None:
    assert ended_by(tmp_path, number) == -number
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_one_and_nothing_else_does(tmp_path: Path) -> None:
    ended_by(tmp_path, signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    (tmp_path / "secret-link").symlink_to(elsewhere)
    with PrivateFolder(tmp_path, "secret-") as held, PrivateFolder(tmp_path, "secret-") as other:
        assert not left.exists()
        remove_left_over(tmp_path, "secret-")
        assert held.path.is_dir()
        assert other.path.is_dir()
    assert {each.name for each in tmp_path.iterdir()} == {"other", "secret-link"}


def test_the_signals_mean_afterwards_what_they_meant_before(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGHUP)
    with PrivateFolder(tmp_path, "secret-") as folder, removed_on_signals(folder):
        assert signal.getsignal(signal.SIGHUP) != before
    assert signal.getsignal(signal.SIGHUP) == before
