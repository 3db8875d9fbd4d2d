"""The page's style: colours that can be told apart, in one file; no fonts, nothing fetched, and small."""

import gzip
import re
from itertools import product
from pathlib import Path

import balchat_ui_web
import pytest

PAGE = Path(balchat_ui_web.__file__).parent / "page"
TOKENS = (PAGE / "style" / "tokens.css").read_text()
SHEETS = sorted(PAGE.rglob("*.css"))
MOST = 12_000
PAIR = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)")
GROUNDS = ["ground", "surface", "raised", "sunk"]
INKS = ["ink", "ink-2", "ink-3", "accent", "danger", "warn", "good"]


def colours(contrast, theme):
    """Return the colours of a theme by name, as they are with a contrast."""
    normal, _, more = TOKENS.partition('[data-contrast="more"]')
    found = PAIR.findall(normal) + (PAIR.findall(more) if contrast == "more" else [])
    return {name: light if theme == "light" else dark for name, light, dark in found}


def luminance(colour):
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(2 * each for each in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_of(one, other):
    """Return how much two colours differ, 1 to 21 (WCAG 2.2, section 1.4.3)."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("contrast", ["normal", "more"])
def test_every_ink_can_be_read_on_every_ground(contrast, theme):
    known = colours(contrast, theme)
    pairs = [
        *product(INKS, GROUNDS),
        *product(["ink", "ink-2", "ink-3", "accent"], ["accent-soft", "own"]),
        *((name, f"{name}-soft") for name in ("danger", "warn", "good")),
        *((f"on-{name}", name) for name in ("accent", "danger")),
    ]
    least = 4.5 if contrast == "normal" else 7
    readable = {
        pair: contrast_of(known[pair[0]], known[pair[1]])
        for pair in pairs
        if contrast == "normal" or pair[1] in GROUNDS
    }
    assert {pair: round(found, 2) for pair, found in readable.items() if found < least} == {}
    borders = {ground: contrast_of(known["line-strong"], known[ground]) for ground in GROUNDS}
    assert {ground: round(found, 2) for ground, found in borders.items() if found < 3} == {}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.relative_to(PAGE).as_posix())
def test_colours_and_sizes_of_type_stand_in_one_file(sheet):
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    assert not re.findall(r"url\(|@import|@font-face|expression\(", text)
    if sheet.name == "tokens.css":
        return
    # A QR code is black on white whatever the theme; a shade over our own message is of both.
    others = [each for each in re.findall(r"#[0-9a-f]{3,8}\b", text) if each not in {"#fff", "#000", "#0001", "#0003"}]
    assert others == []


def test_all_of_it_is_small():
    whole = b"\n".join(each.read_bytes() for each in SHEETS)
    assert len(gzip.compress(whole, 9)) <= MOST


def test_nothing_is_put_left_or_right_where_text_may_run_the_other_way():
    physical = re.compile(r"(?:^|[\s;{])(?:margin|padding|border)-(?:left|right)\b|text-align:\s*(?:left|right)|float:")
    found = {sheet.name: physical.findall(sheet.read_text()) for sheet in SHEETS}
    assert {name: each for name, each in found.items() if each} == {}
