"""The terminal screen: to the first screen, large conversations, idle and busy, and after a long day.

Each run is a process of its own without a terminal, against an account that costs nothing itself
(`tests.support.endless_account`).
Times are those of a core, but for the first screen: a busy machine makes them no longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from bench.figure import AtMost, Figure, NoMoreThan
from bench.timing import in_turns_sync

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Terminal screen"
NOTE = (
    "120 × 40 cells, without a terminal. Times of a core, medians, but for the first screen, which is a whole process."
    " Scrolling includes reading what lies before and laying it out. While messages come, half of them are in sight and"
    " there are 1,000 conversations. A day: 300 times, 20 messages come, the conversation is changed, and ten pages are"
    " scrolled back; against 30 times."
)
ROUNDS = 7
_LARGE, _SMALL = 100_000, 100
_FRAME_MS = 16.0


def measure(room: Room) -> list[Figure]:
    del room
    start = [sys.executable, "-m", "bench.tui_run", "first_screen"]
    textual = [
        sys.executable,
        "-c",
        "import textual.app, textual.screen, textual.widgets._text_area, textual.widgets._input",
    ]
    ours, theirs = in_turns_sync(ROUNDS, lambda: _process(start), lambda: _process(textual))
    opened = {length: median(_run("opening", length)) for length in (_SMALL, _LARGE)}
    scrolled = _run("scrolling", _LARGE)
    return [
        Figure(what="to the first screen", measured=ours.median, against="import of textual", limit=theirs.median,
               unit="ms", target=NoMoreThan(150, "ms")),
        Figure(what="open a conversation of 100,000", measured=opened[_LARGE], against="the same of 100",
               limit=opened[_SMALL], unit="ms", target=AtMost(1.5)),
        Figure(what="scroll a page back, median", measured=median(scrolled), against="a frame", limit=_FRAME_MS,
               unit="ms", target=AtMost(1)),
        Figure(what="scroll a page back, 95 of 100", measured=quantiles(scrolled, n=20)[-1], against="a frame",
               limit=_FRAME_MS, unit="ms"),
        Figure(what="idle", measured=100 * _run("load", 0, 20), against="half a percent", limit=0.5,
               unit="% of a core", target=AtMost(1)),
        Figure(what="50 messages a second", measured=100 * _run("load", 50, 10), against="half a core", limit=50,
               unit="% of a core", target=AtMost(1)),
        Figure(what="memory after a day", measured=_run("memory", 300), against="after a tenth of it",
               limit=_run("memory", 30), unit="MiB", target=AtMost(1.1)),
    ]  # fmt: skip


def _process(line: list[str]) -> None:
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


def _run(what: str, *numbers: int) -> Any:
    line = [sys.executable, "-m", "bench.tui_run", what, *map(str, numbers)]
    return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout)
