"""Run the demonstration at a terminal and write what it shows as pictures: all of it, and a part for the README."""

import os
import pty
import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WHOLE, SHORT = IMAGES / "demo.svg", IMAGES / "first-contact.svg"
SHORT_SHOWS = ("Bob passes his chat code", "They talk", "Alice writes a letter", "Bob leaves")
"""How the steps begin that the short picture shows."""
SHORT_HAS = 30
"""Lines at most: it stands on the first screen of the README."""
COLUMNS = 104
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")
"""Everything that moves or erases; what a line shows at its end is enough."""
_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}|(?<=Generated with Rich) \S+", re.DOTALL)
"""Fonts that a reader's browser would fetch from somebody else's server, and the maker's page."""


def play() -> tuple[int, str]:
    """Return the exit code and what a terminal got."""
    got = bytearray()

    def read(descriptor: int) -> bytes:
        octets = os.read(descriptor, 65536)
        got.extend(octets)
        return octets

    os.environ["TERM"] = "xterm-256color"
    status = pty.spawn([sys.executable, "-m", "demo"], read)
    return os.waitstatus_to_exitcode(status), got.decode()


def draw(lines: list[str], title: str, picture: Path) -> None:
    """Write lines as they stand at a terminal as an SVG picture."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.from_ansi(_CONTROLS.sub("", line)), no_wrap=True, crop=True)
    picture.write_text(_FROM_ELSEWHERE.sub("", console.export_svg(title=title)))


def shortened(lines: list[str]) -> list[str]:
    """Return the lines of the short picture. Raise ValueError when it does not fit on a screen."""
    steps = [step.split("\n") for step in "\n".join(lines).split("\n\n")]
    short = [line for step in steps if any(words in step[0] for words in SHORT_SHOWS) for line in step if line]
    if len(short) > SHORT_HAS:
        raise ValueError(f"the short picture has {len(short)} lines; choose its steps again")
    return short


def main() -> int:
    """Play, and write the pictures if all of it happened."""
    code, said = play()
    if code:
        return code
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in said.split("\n")]
    draw(lines, "make demo", WHOLE)
    draw(shortened(lines), "make demo", SHORT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
