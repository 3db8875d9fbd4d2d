"""Runs a process that runs a plugin's code, with limits on its time and on what is kept of what it says.

It may do anything: leave processes behind that hold its pipes open, say more than memory holds, or ignore signals.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

_KEPT: Final = 256 * 1024
"""Octets of the end of what it said that are kept."""
_PIECE: Final = 64 * 1024
_LONGEST: Final = 64 * 1024
"""Octets of the longest line: what is longer comes in pieces."""
_WAITING: Final = 256
"""Lines that may wait to be read."""
_LOOK: Final = 0.1
_GRACE: Final = 5.0
"""Seconds to say where it stands once it is aborted, and for the rest of what it said to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended: its exit code, whether it was out of time, and the end of its standard error."""

    code: int
    late: bool
    said: str


def run_child(
    command: Sequence[str], *, environment: Mapping[str, str], limit: float, folder: Path | None = None
) -> Generator[bytes, None, Ended]:
    """Run a process in a group of its own, yield the lines of its standard output, and return how it ended.

    After `limit` seconds it is aborted: with faulthandler it says where it stands. No process of its group is left.
    """
    with subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        kept = bytearray()
        readers = [
            threading.Thread(target=_take_lines, args=(process.stdout, lines), daemon=True),
            threading.Thread(target=_keep_end, args=(process.stderr, kept), daemon=True),
        ]
        for reader in readers:
            reader.start()
        give_up = time.monotonic() + limit
        late = False
        try:
            while not (late or _has_ended(process)):
                with suppress(queue.Empty):
                    if (line := lines.get(timeout=_LOOK)) is not None:
                        yield line
                    else:
                        lines.put(None)  # it has closed its output, and goes on
                        time.sleep(_LOOK)
                late = time.monotonic() > give_up
            if late:
                process.send_signal(signal.SIGABRT)
                _wait_for(process)
        finally:
            _kill_group(process)
        # Whoever left the group may still hold the pipes: what else comes is not waited for long.
        give_up = time.monotonic() + _GRACE
        with suppress(queue.Empty):
            while (line := lines.get(timeout=max(0.0, give_up - time.monotonic()))) is not None:
                yield line
        readers[1].join(max(0.0, give_up - time.monotonic()))
        return Ended(code=process.wait(), late=late, said=bytes(kept).decode(errors="replace"))


def run_quietly(
    command: Sequence[str], *, environment: Mapping[str, str], limit: float, folder: Path | None
) -> tuple[Ended, str]:
    """Run a process; return how it ended, and the last lines of its standard output."""
    kept = bytearray()
    child = run_child(command, environment=environment, limit=limit, folder=folder)
    while True:
        try:
            kept += next(child) + b"\n"
        except StopIteration as stopped:
            ended: Ended = stopped.value
            return ended, kept.decode(errors="replace")
        del kept[:-_KEPT]


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether it has ended. Its number stays its own until `wait`, and so does that of its group."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _GRACE
    while not _has_ended(process) and time.monotonic() < give_up:
        time.sleep(_LOOK)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _take_lines(pipe: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    rest = b""
    for piece in _pieces(pipe):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            lines.put(line)
        if len(rest) > _LONGEST:
            lines.put(rest)
            rest = b""
    lines.put(rest)
    lines.put(None)


def _keep_end(pipe: IO[bytes], kept: bytearray) -> None:
    for piece in _pieces(pipe):
        kept += piece
        del kept[:-_KEPT]


def _pieces(pipe: IO[bytes]) -> Iterator[bytes]:
    with suppress(ValueError, OSError):  # it is closed once nobody waits for it
        while piece := os.read(pipe.fileno(), _PIECE):
            yield piece
