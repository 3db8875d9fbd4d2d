"""Run the demonstration at a terminal and write what it shows as a picture, docs/images/demo.svg."""

import os
import pty
import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
COLUMNS = 104
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")
"""Everything that moves or erases; what a line shows at its end is enough."""
_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}|(?<=Generated with Rich) \S+", re.DOTALL)
"""Fonts that a reader's browser would fetch from somebody else's server, and the maker's page."""


def play() -> tuple[int, str]:
    """Give the exit code and what a terminal got."""
    got = bytearray()

    def read(descriptor: int) -> bytes:
        octets = os.read(descriptor, 65536)
        got.extend(octets)
        return octets

    os.environ["TERM"] = "xterm-256color"
    status = pty.spawn([sys.executable, "-m", "demo"], read)
    return os.waitstatus_to_exitcode(status), got.decode()


def main() -> int:
    """Play, and write the picture if all of it happened."""
    code, said = play()
    if code:
        return code
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in said.split("\n"))
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.from_ansi(_CONTROLS.sub("", line)), no_wrap=True, crop=True)
    PICTURE.write_text(_FROM_ELSEWHERE.sub("", console.export_svg(title="make demo")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
