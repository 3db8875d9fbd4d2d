"""docs/without-tor.md, typed line by line: two people on one machine, over the null network."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from balchat_host.testing.programs import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "without-tor.md"
BLOCK = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ASKS_FOR_A_PASSPHRASE = re.compile(r"^balchat --profile \w+ (init|up) ")
PASSPHRASE = "two windows on one machine"


class Step(NamedTuple):
    """A line that is typed, and the lines that are then seen."""

    typed: str
    seen: list[str]


def steps() -> list[Step]:
    """Return what the page has people type and see."""
    found: list[Step] = []
    for block in BLOCK.findall(PAGE.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line.removeprefix("$ "), []))
            else:
                found[-1].seen.append(line)
    return found


class Terminal:
    """A shell in a home of its own, where what was exported stays."""

    def __init__(self, home: Path) -> None:
        (home / "run").mkdir(mode=0o700)
        scripts = sysconfig.get_path("scripts")
        self._environment = {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            **{name: os.environ[name] for name in ("COVERAGE_PROCESS_CONFIG",) if name in os.environ},
        }
        self._exported = ""

    def type(self, line: str) -> str:
        """Run a line; return what it printed. The passphrase comes from a pipe where a person would be asked."""
        if line.startswith("export "):
            self._exported += f"{line}\n"
            return ""
        if ASKS_FOR_A_PASSPHRASE.match(line):
            line += " --passphrase-fd 0"
        done = subprocess.run(
            ["bash", "-euc", self._exported + line],
            env=self._environment,
            input=f"{PASSPHRASE}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    def end(self) -> None:
        """End the accounts that still run."""
        for profile in ("anna", "ben"):
            command = ["bash", "-c", f"{self._exported}balchat --profile {profile} down"]
            subprocess.run(command, env=self._environment, capture_output=True, check=False, timeout=PATIENCE)

    def waits_for(self, step: Step) -> None:
        """Type a line until what should be seen is there, as a person does who looks again."""
        give_up = time.monotonic() + PATIENCE
        while missing := missing_in(self.type(step.typed), step.seen):
            assert time.monotonic() < give_up, f"{step.typed} never showed: {missing}"


def missing_in(printed: str, seen: list[str]) -> list[str]:
    """Return the lines of the page that a command did not print; … stands for anything."""
    return [
        line for line in seen if not re.search(".*".join(map(re.escape, line.split("…"))) + "$", printed, re.MULTILINE)
    ]


@pytest.mark.slow
def test_two_people_talk_as_the_page_shows_it(town: Path) -> None:
    terminal = Terminal(town)
    typed = steps()
    assert len(typed) >= 10
    try:
        for step in typed:
            if "history" in step.typed:
                assert "no Tor and no anonymity" in terminal.type("balchat --profile anna status")
            if "requests list" in step.typed or "history" in step.typed:
                terminal.waits_for(step)
            else:
                assert missing_in(terminal.type(step.typed), step.seen) == [], step.typed
    finally:
        terminal.end()


def test_the_null_network_says_what_it_is_and_is_refused_beside_another(town: Path) -> None:
    terminal = Terminal(town)
    for step in steps():
        if step.typed.startswith("export "):
            terminal.type(step.typed)
    assert "no Tor and no anonymity" in terminal.type("balchat doctor || true")
    enabled = '["network_null", "network_tor", "storage_sqlcipher", "crypto_mls", "ui_cli"]'
    said = terminal.type(f"balchat --set 'plugins.enabled={enabled}' config check 2>&1 || true")
    assert "network_null cannot be enabled together with network_tor" in said
