"""The first frame: it is there as soon as Textual can draw one, before anything of the account is imported."""

from balchat_texts import Texts
from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip


class FirstScreen(Screen[None]):
    """The name of the program, and that it connects, where the main screen says both."""

    def __init__(self, t: Texts) -> None:
        super().__init__()
        self._t = t

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        cells, ground = self.size.width, self.rich_style
        said = {0: " balchat", self.size.height - 1: f" ◌ {self._t('tui.connecting')}"}.get(y, "")
        style = ground + Style(bold=True) if y == 0 else ground
        return Strip([Segment(said, style)]).adjust_cell_length(cells, ground)
