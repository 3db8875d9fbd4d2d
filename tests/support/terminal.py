"""A program on a terminal of its own, for tests: what it shows can be waited for, and keys can be pressed."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE = 30.0
"""Seconds after which what is waited for will never come."""

# A session leader gets the first terminal that it opens as its controlling one, which is where passwords are asked for.
_ON_A_TERMINAL = """
import os, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for descriptor in (0, 1, 2):
    os.dup2(terminal, descriptor)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """Runs `command` on a terminal of `rows` and `columns`."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, rows: int = 24, columns: int = 80
    ) -> None:
        self._master, slave = os.openpty()
        # The terminal is gone when nobody holds it: we do until the program does, which its first output shows.
        self._slave: int | None = slave
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, os.ttyname(slave), *command],
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **environment},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Take the terminal away, as closing its window does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        self._let_go()

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> str:
        """Wait until the program has shown `text`; return what came before it, and forget both."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert self._read(deadline), f"{text!r} did not come; there is:\n{self.shown}"
        before, _, self.shown = self.shown.partition(text)
        return before

    def wait_for_end(self) -> int:
        """Wait until the program has ended; return its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            octets = os.read(self._master, 65536)
        except OSError:
            # Linux says EIO when the last program on the terminal is gone.
            return False
        self._let_go()
        self.shown += octets.decode(errors="replace")
        return bool(octets)

    def _let_go(self) -> None:
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None
