"""Draw a QR code on a terminal, so that a phone reads it from a dark and a light one, in colour and without.

Rules
-----
- Readers want dark modules on a light ground and a quiet zone of four modules (ISO/IEC 18004, section 9.1).
- In colour the picture brings its own black and white: of the palette of 256, which themes leave as they are.
- Without colour the ink of a light terminal is dark and that of a dark one is light. Nobody can tell which it is, so
  there are two pictures, one for each, and a line above each that says for which.
"""

from collections.abc import Iterator, Sequence
from typing import Final

QUIET_ZONE: Final = 4
"""Modules of light ground around the code."""

_BLACK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
_RESET: Final = "\x1b[0m"
_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}

Modules = Sequence[Sequence[int]]
"""The rows of a QR code without its quiet zone; a module that is not 0 is dark."""


def width_of_picture(modules: Modules) -> int:
    """Return the terminal cells that a picture takes from left to right."""
    return len(modules) + 2 * QUIET_ZONE


def qr_lines(modules: Modules, *, colour: bool) -> Iterator[str]:
    """Draw a QR code with half blocks, two modules in a cell.

    `colour`: whether the terminal takes colours. Without, there are two pictures.
    """
    if colour:
        yield from (f"{_BLACK_ON_WHITE}{row}{_RESET}" for row in qr_rows(modules, ink_is_dark=True))
        return
    yield "For a terminal with light letters on a dark ground:"
    yield from qr_rows(modules, ink_is_dark=False)
    yield "For a terminal with dark letters on a light ground:"
    yield from qr_rows(modules, ink_is_dark=True)


def qr_rows(modules: Modules, *, ink_is_dark: bool) -> Iterator[str]:
    """Draw a QR code with half blocks and without colours: dark modules in ink, or the light ones."""
    size = width_of_picture(modules)
    side = [False] * QUIET_ZONE
    ground = [[False] * size] * QUIET_ZONE
    dark = [*ground, *([*side, *map(bool, row), *side] for row in modules), *ground]
    if len(dark) % 2:
        # The last row of cells has a half that is no module: ground, too.
        dark.append([False] * size)
    for upper, lower in zip(dark[::2], dark[1::2], strict=True):
        halves = zip(upper, lower, strict=True)
        yield "".join(_HALVES[one is ink_is_dark, other is ink_is_dark] for one, other in halves)
