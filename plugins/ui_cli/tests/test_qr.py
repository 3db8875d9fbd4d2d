"""QR codes as a camera sees them: on a dark and on a light terminal, in colour and without."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from balchat_ui_cli.output import Output
from balchat_ui_cli.qr import show_qr

from balchat_host.api.qr import QUIET_ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from balchat_host.testing.memory_account import MemoryAccount
    from conftest import Cli

ADDRESS = "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid"
SHORT = f"balchat:{ADDRESS}"
LONG = f"balchat:{ADDRESS}?name=" + "%F0%9F%98%80" * 20 + 3 * f"&relay={ADDRESS}"
BLACK, WHITE, SCALE = 0, 255, 4
DARK, LIGHT = (WHITE, BLACK), (BLACK, WHITE)
"""Colours of letters and ground."""
PALETTE = {"16": BLACK, "231": WHITE}


class Stream(io.TextIOWrapper):
    """Standard output; a terminal or not."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        self.octets = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.octets, encoding=encoding, newline="", write_through=True)

    def isatty(self) -> bool:
        return self.terminal

    @property
    def shown(self) -> str:
        return self.octets.getvalue().decode(self.encoding)


def show(
    text: str, *, terminal: bool = True, environment: Mapping[str, str] | None = None, encoding: str = "utf-8"
) -> tuple[str, str]:
    """Return what stands on standard output and standard error."""
    out, err = Stream(terminal=terminal, encoding=encoding), Stream(terminal=terminal)
    environment = environment or {"TERM": "xterm-256color"}
    show_qr(Output(as_json=False, stdout=out, stderr=err, environment=environment), text)
    return out.shown, err.shown


@pytest.fixture(autouse=True)
def size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LINES", "200")


def photograph(printed: str, colours: tuple[int, int]) -> list[list[int]]:
    """Return the pixels of a terminal with these colours of letters and ground; a cell is two modules high."""
    pixels: list[list[int]] = []
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in printed.splitlines()) + 2
    for line in ["", *printed.splitlines(), ""]:
        ink, ground = colours
        upper: list[int] = [ground]
        lower: list[int] = [ground]
        for escape, character in re.findall(r"\x1b\[([0-9;]*)m|(.)", line):
            if escape == "0":
                ink, ground = colours
            elif escape:
                ink, ground = (PALETTE[each] for each in re.findall(r"[34]8;5;([0-9]+)", escape))
            else:
                upper.append(ink if character in "▀█" else ground)
                lower.append(ink if character in "▄█" else ground)
        pixels += [row + [colours[1]] * (columns - len(row)) for row in (upper, lower)]
    return pixels


def decoded(pixels: list[list[int]]) -> list[str]:
    """Read what a phone reads that does not know inverted codes."""
    rows = [[pixel for pixel in row for _ in range(SCALE)] for row in pixels for _ in range(SCALE)]
    octets = memoryview(bytes(pixel for row in rows for pixel in row)).cast("B", (len(rows), len(rows[0])))
    found = zxingcpp.read_barcodes(octets, formats=zxingcpp.BarcodeFormat.QRCode, try_invert=False)
    return [each.text for each in found]


@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_in_colour_it_is_read_from_every_ground(text: str, colours: tuple[int, int]) -> None:
    printed, remarks = show(text)
    assert decoded(photograph(printed, colours)) == [text]
    assert remarks == ""


@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(
    ("terminal", "environment"),
    [
        (True, {"TERM": "xterm-256color", "NO_COLOR": "1"}),
        (True, {"TERM": "dumb"}),
        (False, {"TERM": "xterm-256color"}),
    ],
    ids=["NO_COLOR", "dumb", "no terminal"],
)
def test_without_colour_the_one_that_is_for_this_ground_is_read(
    text: str, colours: tuple[int, int], terminal: bool, environment: dict[str, str]
) -> None:
    printed, remarks = show(text, terminal=terminal, environment=environment)
    assert "\x1b" not in printed
    assert remarks == ""
    on_dark, on_light = printed.split("For a terminal with dark letters on a light ground:\n")
    assert on_dark.startswith("For a terminal with light letters on a dark ground:\n")
    for_this, for_other = (on_dark.partition("\n")[2], on_light) if colours is DARK else (on_light, on_dark)
    assert decoded(photograph(for_this, colours)) == [text]
    assert decoded(photograph(for_other, colours)) == []


def test_a_quiet_zone_is_around_it() -> None:
    printed, _ = show(SHORT)
    rows = photograph(printed, DARK)[2:-2]
    inner = [row[1:-1] for row in rows]
    assert all(set(row) == {WHITE} for row in inner[:QUIET_ZONE] + inner[-QUIET_ZONE:])
    assert all({*row[:QUIET_ZONE], *row[-QUIET_ZONE:]} == {WHITE} for row in inner)


@pytest.mark.parametrize("environment", [{"TERM": "xterm-256color"}, {"TERM": "dumb"}])
def test_a_terminal_that_is_too_narrow_is_told_so(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    printed, remarks = show(SHORT, environment=environment)
    assert printed == ""
    assert re.search("needs [0-9]+ columns, and this terminal has 40", remarks)
    assert show(SHORT, terminal=False)[0]


def test_it_fits_where_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    needed = re.search("needs ([0-9]+) columns", show(LONG)[1])
    assert needed
    monkeypatch.setenv("COLUMNS", needed[1])
    printed, remarks = show(LONG)
    assert remarks == ""
    assert {len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in printed.splitlines()} == {int(needed[1])}


def test_a_terminal_that_is_too_low_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "10")
    printed, remarks = show(SHORT)
    assert "higher than this terminal" in remarks
    assert printed


def test_a_character_set_without_blocks_is_told_so() -> None:
    printed, remarks = show(SHORT, encoding="latin-1")
    assert printed == ""
    assert "UTF-8" in remarks


def test_the_code_is_printed_and_drawn(cli: Cli, alice: MemoryAccount) -> None:
    code, printed = cli.ok("code", "--qr").out.split("\n", 1)
    assert decoded(photograph(printed.partition("\n")[2].partition("For a terminal")[0], DARK)) == [code]
