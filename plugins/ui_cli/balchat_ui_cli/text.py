"""Text as a terminal may show it: measured, cut, and the spellings that people see.

Rules
-----
- Names, texts and reasons come from strangers. `visible` (balchat_host.api.text) is the one gate that all of it passes
  before a terminal sees it.
- Widths are terminal cells: two for wide East Asian characters and emoji, none for combining marks.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

SHORT_ID = 8
"""Digits of a message id that people see, where they tell it from the others in sight."""
QUOTE = 60
"""Cells of the longest quotation of a message or a draft."""
_WIDEST_COLUMN = 64
"""Cells that rows are padded to at most."""
_BAR = 20
"""Cells of a full bar."""


def width(text: str) -> int:
    """Count the terminal cells of visible text."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf"}:
        return 0
    if category == "Cn" and "\U0001f300" <= character <= "\U0001faff":
        return 2  # an emoji that is newer than Python's tables
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def right_to_left(text: str) -> bool:
    """Return whether a text holds what is read from right to left, or numbers of those scripts."""
    return not text.isascii() and any(unicodedata.bidirectional(each) in {"R", "AL", "AN"} for each in text)


def fit(text: str, cells: int) -> str:
    """Cut visible text so that it takes at most `cells` cells (at least 1); a cut shows as an ellipsis."""
    if width(text) <= cells:
        return text
    return _beginning(text, cells - 1) + "…"


def _beginning(text: str, cells: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > cells:
            return text[:index]
    return text


def wrap(line: str, cells: int) -> list[str]:
    """Break one visible line into rows of at most `cells` cells (at least 2), at spaces where there are some."""
    rows: list[str] = []
    rest = line
    # Only the beginning is measured, or a long line would take the square of its length.
    while len(head := _beginning(rest, cells)) < len(rest):
        # A space right behind a full row ends it too.
        space = len(head) if rest[len(head)] == " " else head.rfind(" ")
        cut = len(head) if space <= 0 else space
        rows.append(rest[:cut])
        rest = rest[cut:].removeprefix(" ")
    return [*rows, rest]


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return each id's shortest beginning of 8 digits or more that no other of them shares."""
    ordered = sorted(set(ids))
    shortened: dict[str, str] = {}
    for index, identifier in enumerate(ordered):
        neighbours = ordered[max(0, index - 1) : index] + ordered[index + 1 : index + 2]
        shared = max((_shared_length(identifier, other) for other in neighbours), default=0)
        shortened[identifier] = identifier[: max(SHORT_ID, shared + 1)]
    return shortened


def _shared_length(one: str, other: str) -> int:
    return next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def day(milliseconds: int) -> str:
    """Return the local date of a Unix time: `2026-01-31`."""
    return _local(milliseconds, "%Y-%m-%d")


def clock(milliseconds: int) -> str:
    """Return the local time of day of a Unix time: `12:03`."""
    return _local(milliseconds, "%H:%M")


def moment(milliseconds: int) -> str:
    """Return the local date and time of a Unix time: `2026-01-31 12:03`."""
    return f"{day(milliseconds)} {clock(milliseconds)}"


def clock_with_seconds(milliseconds: int) -> str:
    """Return the local time of day of a Unix time: `12:03:07`."""
    return _local(milliseconds, "%H:%M:%S")


def _local(milliseconds: int, form: str) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().strftime(form)
    except (OverflowError, ValueError, OSError):
        # The author's clock says so, and no calendar knows it.
        return "?"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many: `1 message`, `2 messages`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Pad every cell but the last of each row, so that the rows stand in columns. Cells are visible text.

    A very long cell makes its own row longer, and no other.
    """
    widths = [
        max((cells for each in column if (cells := width(each)) <= _WIDEST_COLUMN), default=0)
        for column in zip(*(row[:-1] for row in rows), strict=True)
    ]
    return [
        [cell + " " * (cells - width(cell)) for cell, cells in zip(row[:-1], widths, strict=True)] + [row[-1]]
        for row in rows
    ]


def duration(seconds: int) -> str:
    """Return a time span in its largest unit that fits: `90 s`, `5 min`, `2 h`, `7 d`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def progress_bar(part: float) -> str:
    """Return a bar that is full up to a part of 0 to 1."""
    full = int(_BAR * part)
    return "█" * full + "░" * (_BAR - full)
