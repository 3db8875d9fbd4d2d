"""The start of `balchat --help`, against that of an empty typer program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import AtMost, Figure
from bench.timing import in_turns_sync

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Start"
NOTE = "Whole processes, from start to end, `--help` each."
ROUNDS = 25
_EMPTY = """\
import typer

app = typer.Typer()


@app.command()
def empty() -> None:
    \"\"\"Do nothing.\"\"\"


if __name__ == "__main__":
    app()
"""


def measure(room: Room) -> list[Figure]:
    program = room.folder("empty") / "empty.py"
    program.write_text(_EMPTY)
    ours = [str(Path(sys.executable).with_name("balchat")), "--help"]
    empty = [sys.executable, str(program), "--help"]
    samples = in_turns_sync(ROUNDS, lambda: _run(ours), lambda: _run(empty))
    return [
        Figure(
            what="`balchat --help`, median",
            measured=samples[0].median,
            against="an empty typer program",
            limit=samples[1].median,
            unit="ms",
            target=AtMost(1.3),
        )
    ]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
