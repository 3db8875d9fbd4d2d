"""A list of choices, drawn line by line."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from balchat_ui_tui.drawing.cells import wrap
from balchat_ui_tui.drawing.inks import Inks
from balchat_ui_tui.drawing.line_view import LineView
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row

_NO_CHOICE: Final = -1

Choices = Callable[[int], Sequence[Sequence[Row]]]
"""Return the rows of each choice, for so many cells."""


class PickList(LineView, can_focus=False):
    """Choices, each of one or more rows, of which one is selected."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choices--selected"}

    class Pointed(Message):
        """A choice was clicked on."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self) -> None:
        super().__init__(id="choices")
        self._make: Choices = lambda _: ()
        self._rows: list[tuple[int, Row]] = []
        self._place = 0
        self._nothing = ""
        self._inks = Inks({})

    def show(self, make: Choices, place: int, nothing: str, inks: Inks) -> None:
        """Show choices, and which one is selected; where there are none, what is said instead."""
        self._make, self._place, self._nothing, self._inks = make, place, nothing, inks
        self._lay_out()

    def on_resize(self) -> None:
        """Lay out for the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        cells = max(4, self.size.width - 3)
        self._rows = self._make_rows(cells)
        self.set_rows(len(self._rows))
        mine = [number for number, (place, _) in enumerate(self._rows) if place == self._place]
        if mine:
            top, height = round(self.scroll_y), self.size.height
            if mine[0] < top:
                self.scroll_to(y=mine[0], animate=False)
            elif mine[-1] >= top + height:
                self.scroll_to(y=mine[-1] + 1 - height, animate=False)
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows."""
        del container, viewport
        return max(1, len(self._make_rows(max(4, width - 3))))

    def _make_rows(self, cells: int) -> list[tuple[int, Row]]:
        """Return the rows, each with the place of its choice."""
        choices = self._make(cells)
        if choices or not self._nothing:
            return [(number, row) for number, rows in enumerate(choices) for row in rows]
        return [(_NO_CHOICE, [Piece(row, Ink.FAINT)]) for row in wrap(self._nothing, cells)]

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        number, cells = y + round(self.scroll_y), self.size.width
        if number >= len(self._rows):
            return self.blank()
        place, row = self._rows[number]
        selected = place == self._place
        ground = self.get_component_rich_style("choices--selected") if selected else self.ground
        bar = Piece("▌ " if selected else "  ", Ink.ACCENT)
        return self._inks.strip([bar, *row], ground).adjust_cell_length(cells, ground)

    def on_click(self, event: events.Click) -> None:
        """Take what is clicked on."""
        number = event.y + round(self.scroll_y)
        if number < len(self._rows) and self._rows[number][0] != _NO_CHOICE:
            self.post_message(self.Pointed(self._rows[number][0]))
