"""The terminal screen: to the first screen, large conversations, idle and busy, and after a long day.

Each run is a process of its own without a terminal, against an account that costs nothing itself
(`tests.support.endless_account`).
Times are those of a core: a busy machine makes them hardly longer.
"""

from __future__ import annotations

import json
import os
import pty
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from bench.figure import AtMost, Figure, NoMoreThan

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Terminal screen"
NOTE = (
    "120 × 40 cells, without a terminal. Times of a core, medians. To the first screen: `balchat tui` at a terminal,"
    " from the start of its process to the first frame, with what the host does before; and the program by itself,"
    " which ends when that frame is drawn. Scrolling includes reading what lies before and laying it out. Keys are"
    " typed in the middle of a line of Chinese characters, which cost most. While messages come, half are in sight and"
    " there are 1,000 conversations. A day: 300 times, 20 messages come, the conversation is changed, and ten pages are"
    " scrolled back; against 30 times."
)
ROUNDS = 7
_LARGE, _SMALL = 100_000, 100
_LINE = 100
_FRAME_MS = 16.0
_DRAWN = b"Connecting"
"""What the first frame says, in English."""


def measure(room: Room) -> list[Figure]:
    start = [sys.executable, "-m", "bench.tui_start"]
    textual = [
        sys.executable,
        "-c",
        "import textual.app, textual.screen, textual.widgets._text_area, textual.widgets._input",
    ]
    first, conversations, command, theirs = (
        median(took)
        for took in zip(
            *(
                (_process([*start, "first"]), _process([*start, "conversations"]), _command(room), _process(textual))
                for _ in range(ROUNDS)
            ),
            strict=True,
        )
    )
    opened = {length: median(_run("opening", length)) for length in (_SMALL, _LARGE)}
    scrolled = _run("scrolling", _LARGE)
    typed = {length: median(_run("typing", length)) for length in (_LINE, 32 * _LINE, 320 * _LINE)}
    return [
        Figure(what="to the first screen, the whole of `balchat tui`", measured=command, against="import of textual",
               limit=theirs, unit="ms", target=NoMoreThan(150, "ms")),
        Figure(what="to the first screen, the program by itself", measured=first, against="import of textual",
               limit=theirs, unit="ms"),
        Figure(what="to 30 conversations", measured=conversations, against="import of textual", limit=theirs,
               unit="ms"),
        Figure(what="open a conversation of 100,000", measured=opened[_LARGE], against="the same of 100",
               limit=opened[_SMALL], unit="ms", target=AtMost(1.5)),
        Figure(what="scroll a page back, median", measured=median(scrolled), against="a frame", limit=_FRAME_MS,
               unit="ms", target=AtMost(1)),
        Figure(what="scroll a page back, 95 of 100", measured=quantiles(scrolled, n=20)[-1], against="a frame",
               limit=_FRAME_MS, unit="ms"),
        Figure(what="a key in a line of 3,200 characters", measured=typed[32 * _LINE], against="in one of 100",
               limit=typed[_LINE], unit="ms", target=AtMost(2)),
        Figure(what="a key in a line of 32,000 characters", measured=typed[320 * _LINE], against="in one of 100",
               limit=typed[_LINE], unit="ms", target=AtMost(5)),
        Figure(what="idle", measured=100 * _run("load", 0, 20), against="half a percent", limit=0.5,
               unit="% of a core", target=AtMost(1)),
        Figure(what="50 messages a second", measured=100 * _run("load", 50, 10), against="half a core", limit=50,
               unit="% of a core", target=AtMost(1)),
        Figure(what="memory after a day", measured=_run("memory", 300), against="after a tenth of it",
               limit=_run("memory", 30), unit="MiB", target=AtMost(1.1)),
    ]  # fmt: skip


def _process(line: list[str]) -> float:
    """Run a process; return the milliseconds of a core that it took, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _command(room: Room) -> float:
    """Run `balchat tui` at a terminal until it has drawn something; return the milliseconds of a core till then.

    There is no account, so nothing is started.
    """
    home = room.folder("home")
    environment = os.environ | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("balchat")), "tui"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b""
        while _DRAWN not in seen:
            seen += os.read(ours, 65536)
        taken = _used(process.pid)
        process.kill()
    os.close(ours)
    return taken


def _used(process: int) -> float:
    """Return the milliseconds of a core that a process and its threads have used."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _run(what: str, *numbers: int) -> Any:
    line = [sys.executable, "-m", "bench.tui_run", what, *map(str, numbers)]
    return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout)
