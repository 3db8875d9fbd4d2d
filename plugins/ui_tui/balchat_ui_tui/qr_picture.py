"""A QR code in half blocks: black on white whatever the theme, so that a phone reads it."""

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from balchat_host.api.qr import qr_rows, width_of_picture

_INK = Style(color="#000000", bgcolor="#ffffff")


@lru_cache(maxsize=8)
def modules(text: str) -> tuple[bytes, ...]:
    """Return the rows of the code of a text."""
    # Most starts of the program draw none.
    import segno  # noqa: PLC0415  # needed only where a code is drawn

    # On a screen nothing is torn or stained: the lowest correction makes the smallest picture.
    return tuple(bytes(row) for row in segno.make(text, error="l", micro=False).matrix)


def size_of(text: str) -> Size:
    """Return the cells that the picture of a text takes."""
    width = width_of_picture(modules(text))
    return Size(width, (width + 1) // 2)


@lru_cache(maxsize=8)
def lines(text: str) -> tuple[str, ...]:
    """Return the rows of cells: their ink is to be black, the rest white."""
    return tuple(qr_rows(modules(text), ink_is_dark=True))


class QrPicture(Widget):
    """Shows a text as a QR code."""

    DEFAULT_CSS = "QrPicture { width: auto; height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def show(self, text: str) -> None:
        """Show another text."""
        self.text = text
        self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return the picture's width."""
        del container, viewport
        return size_of(self.text).width if self.text else 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the picture's height."""
        del container, viewport, width
        return size_of(self.text).height if self.text else 0

    def render_line(self, y: int) -> Strip:
        """Return one row of cells."""
        drawn = lines(self.text) if self.text else ()
        return Strip([Segment(drawn[y], _INK)] if y < len(drawn) else [])
