"""Text measured in the terminal's cells, as Textual measures it: cut and broken between graphemes, never inside one."""

from rich.cells import cell_len, split_graphemes

ELLIPSIS = "…"
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
"""Two of them are a flag; `split_graphemes` takes them one by one."""
_LONGEST_GRAPHEME = 100
"""Characters of the longest grapheme that is looked for, so that not all of a long line is gone through."""


def width(text: str) -> int:
    """Return how many cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, cells: int) -> str:
    """Cut a text so that it takes at most so many cells; a cut shows as an ellipsis."""
    if cells <= 0:
        return ""
    if width(text) <= cells:
        return text
    return text[: _end_within(text, cells - 1)] + ELLIPSIS


def fill(text: str, cells: int) -> str:
    """Cut or pad a text to so many cells."""
    fitted = fit(text, cells)
    return fitted + " " * (cells - width(fitted))


def breaks(text: str, cells: int) -> list[tuple[int, int]]:
    """Return where the rows of a text of one line begin and end: at spaces where there are some.

    No row has more than `cells` cells (at least 2). The space at which a line is broken is in no row.
    """
    rows: list[tuple[int, int]] = []
    start = 0
    while (end := _end_within(text, cells, start)) < len(text):
        # A space right behind a full row ends it too.
        space = end if text[end] == " " else text.rfind(" ", start, end)
        cut = space if space > start else max(end, start + 1)
        rows.append((start, cut))
        start = cut + (cut < len(text) and text[cut] == " ")
    return [*rows, (start, len(text))]


def wrap(text: str, cells: int) -> list[str]:
    """Break a text of one line into rows of at most so many cells."""
    return [text[start:end] for start, end in breaks(text, cells)]


def grapheme_before(text: str, place: int) -> int:
    """Return where the grapheme begins that ends at a place, not 0, of a text of one line."""
    if text.isascii():
        return place - 1
    letters = place - len(text[:place].rstrip(_FLAG_LETTERS))
    if letters:
        return place - (2 - letters % 2)
    start = max(0, place - _LONGEST_GRAPHEME)
    return start + split_graphemes(text[start:place])[0][-1][0]


def grapheme_after(text: str, place: int) -> int:
    """Return where the grapheme ends that begins at a place, not the end, of a text of one line."""
    ahead = text[place : place + _LONGEST_GRAPHEME]
    if ahead[:2].strip(_FLAG_LETTERS) == "":
        return place + len(ahead[:2])
    return place + 1 if text.isascii() else place + split_graphemes(ahead)[0][0][1]


def _end_within(text: str, cells: int, start: int = 0) -> int:
    """Return up to where a text fits into so many cells, from a place on."""
    # No grapheme is measured that cannot fit: of a long line, the rest would be gone through for each row.
    ahead = text[start : start + cells]
    if ahead.isascii():
        return start + len(ahead)
    ahead = text[start : start + 8 * cells]
    used = 0
    for begin, _, size in split_graphemes(ahead)[0]:
        used += size
        if used > cells:
            return start + begin
    return start + len(ahead)
