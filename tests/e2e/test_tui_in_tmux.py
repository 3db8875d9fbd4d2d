"""`balchat tui` in a real terminal: at both sizes, through a resize, a stop and a start, and where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

TMUX = shutil.which("tmux")
BALCHAT = Path(sys.executable).with_name("balchat")
_PATIENCE = 30

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


class Tmux:
    """One window of a tmux server of its own."""

    def __init__(self, folder: Path, columns: int, rows: int) -> None:
        self._socket = str(folder / "tmux")
        environment = {name: value for name, value in os.environ.items() if name not in {"TMUX", "NO_COLOR"}}
        # A size in the environment is that of another moment: the program looks at the window.
        self._environment = environment | {"COLUMNS": "80", "LINES": "24"}
        self._environment |= {"LANG": "C.UTF-8", "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
        self._run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "bash --norc")

    def _run(self, *arguments: str) -> str:
        command = [str(TMUX), "-S", self._socket, *arguments]
        return subprocess.run(command, env=self._environment, check=True, capture_output=True, text=True).stdout

    def type(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def text(self) -> str:
        return self._run("capture-pane", "-p", "-J")

    def shows(self, *texts: str, columns: int = 1000) -> None:
        """Wait until all these texts are in the window, and no line is longer than that."""
        end = monotonic() + _PATIENCE
        while not all(each in (text := self.text) for each in texts) or max(map(len, text.splitlines())) > columns:
            if monotonic() > end:
                pytest.fail(f"it never showed {texts}:\n{text}")

    def end(self) -> None:
        self._run("kill-server")


@pytest.fixture
def tmux(tmp_path):
    tmp_path.chmod(0o700)
    window = Tmux(tmp_path, 80, 24)
    yield window
    window.end()


def test_it_is_there_at_both_sizes_after_a_stop_and_leaves_the_shell_as_it_was(tmux, tmp_path):
    tmux.type(f"{BALCHAT} --profile ada tui", "Enter")
    tmux.shows("Create an account", "F1 All keys")
    for columns, rows in ((40, 12), (100, 30), (40, 12), (80, 24), (40, 12)):
        tmux.resize(columns, rows)
    tmux.shows("Create an account", "F1 All keys", columns=40)
    tmux.type("Enter")
    tmux.shows("Your name")
    tmux.type("A", "d", "C-z")  # in a field, too, where it would undo
    tmux.shows("Stopped")
    tmux.type("fg", "Enter")
    tmux.shows("Ad", "New passphrase")
    tmux.type("C-q")
    tmux.shows("bash", "tui")
    tmux.type("echo ended $?", "Enter")
    tmux.shows("ended 0")


def test_where_the_terminal_can_show_no_screen_it_says_what_to_use(tmux, tmp_path):
    tmux.type(f"clear; TERM=dumb {BALCHAT} --profile ada tui", "Enter")
    tmux.shows("works line by line")
    tmux.type(f"clear; {BALCHAT} --profile ada tui | cat", "Enter")
    tmux.shows("works line by line")
