"""What the processors do: how much of them all processes here have taken, tor's among them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""Places in proc_pid_stat(5) behind the program's name."""


def seconds_taken() -> float:
    """Return the seconds of processors that all running processes in this network namespace have taken so far."""
    here, ticks = Path("/proc/self/ns/net").readlink(), 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if (process / "ns" / "net").readlink() == here:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[_USER]) + int(fields[_SYSTEM])
    return ticks / _TICKS
