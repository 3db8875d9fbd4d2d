"""A widget of a few rows of pieces: heads, hints, the status."""

from collections.abc import Sequence

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.pieces import Row


class Rows(Widget):
    """Shows rows of pieces; it is as high as they are many, and not there where there is none."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name for it
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._inks = Inks({})

    def show(self, rows: Sequence[Row], inks: Inks) -> None:
        """Show rows."""
        if rows == self._rows and inks is self._inks:
            return
        height = len(self._rows)
        self._rows, self._inks = rows, inks
        self.display = bool(rows)
        self.refresh(layout=len(rows) != height)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows."""
        del container, viewport, width
        return len(self._rows)

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        cells, ground = self.size.width, self.rich_style
        if y >= len(self._rows):
            return Strip.blank(cells, ground)
        return self._inks.strip(self._rows[y], ground).adjust_cell_length(cells, ground)
