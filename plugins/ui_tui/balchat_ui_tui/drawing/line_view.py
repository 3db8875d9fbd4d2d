"""A view of many rows, drawn line by line: what it costs does not grow with how many there are."""

from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LineView(ScrollView):
    """A scroll view whose lines share one ground: asking Textual for it costs more than drawing a line."""

    ground = Style.null()
    """The widget's own style, while lines are drawn."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a part of the screen."""
        self.ground = self.rich_style
        return super().render_lines(crop)

    def set_rows(self, count: int) -> None:
        """Say how many rows there are. Only the scrollbar follows: nothing around the view changes its place."""
        size = Size(self.size.width, count)
        if size != self.virtual_size:
            self.set_reactive(LineView.virtual_size, size)  # pyright: ignore[reportArgumentType]  # typed as its value
            self._scroll_update(size)

    def blank(self) -> Strip:
        """Return a line with nothing in it."""
        return Strip.blank(self.size.width, self.ground)
