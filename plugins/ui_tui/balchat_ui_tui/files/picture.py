"""A picture: in blocks of two colours, or by the terminal's own protocol. Both only where the settings ask for it.

The account has decoded it and made it again, in a process that can do nothing else; what comes here is that.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from balchat_texts import Texts
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from balchat_host.api.errors import PicturesMissing
from balchat_host.api.text import visible
from balchat_ui_tui import terminal_pictures
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action, Failed
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.files.jobs import GetPicture
from balchat_ui_tui.pages.actions import Opened
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.settings import Pictures

_LONGEST_SIDE: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureState:
    """Which picture, its octets once they are there, and what went wrong. `allowed`: the settings want pictures.

    `preview`: only the small one that came with the message.
    """

    file: str
    name: str
    preview: bool = False
    allowed: bool = True
    octets: bytes | None = None
    problem: str | None = None


class PictureCame(Action, frozen=True):
    """The picture came."""

    octets: bytes


def update(state: PictureState, action: Action, t: Texts) -> tuple[PictureState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Opened() if state.allowed:
            side = None if state.preview else _LONGEST_SIDE
            return state, (GetPicture(file=state.file, longest_side=side, done=PictureCame, failed=Failed),)
        case Opened():
            return replace(state, problem=t("tui.pictures-off")), ()
        case PictureCame(octets=octets):
            return replace(state, octets=octets), ()
        case Failed(error=error):
            return replace(state, problem=t.error(error)), ()
        case _:
            return state, ()


class Blocks(Widget):
    """Draws a picture with half blocks: two pixels in a cell."""

    DEFAULT_CSS = "Blocks { width: auto; height: auto; }"

    def __init__(self, image: Any, room: Size) -> None:
        super().__init__()
        width, height = image.size
        part = min(room.width / width, room.height * 2 / height, 1.0)
        self._cells = Size(max(1, int(width * part)), max(1, (int(height * part) + 1) // 2))
        self._pixels = image.convert("RGB").resize((self._cells.width, self._cells.height * 2)).load()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return the picture's width."""
        del container, viewport
        return self._cells.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the picture's height."""
        del container, viewport, width
        return self._cells.height

    def render_line(self, y: int) -> Strip:
        """Return one row of cells."""
        if y >= self._cells.height:
            return Strip([])
        pairs = ((self._pixels[x, 2 * y], self._pixels[x, 2 * y + 1]) for x in range(self._cells.width))
        return Strip([Segment("▀", _ink(upper, lower)) for upper, lower in pairs])


def _ink(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))


def picture_widget(octets: bytes, room: Size, how: Pictures) -> Widget:
    """Return a widget that shows a picture. Raise PicturesMissing."""
    try:
        # An extra, and only for those who want to see pictures.
        from PIL import Image  # noqa: PLC0415  # an extra, which may be missing
    except ImportError:
        raise PicturesMissing from None
    image = Image.open(io.BytesIO(octets), formats=("WEBP",))
    protocol = terminal_pictures.widget() if how is Pictures.TERMINAL else None
    return Blocks(image, room) if protocol is None else protocol(image)


class PicturePage(Page[PictureState]):
    """Shows a picture."""

    DEFAULT_CSS = "PicturePage > .page-body { padding: 0; align: center middle; }"

    def __init__(self, file: str, name: str, *, preview: bool = False) -> None:
        super().__init__(PictureState(file=file, name=name, preview=preview))

    def heading(self) -> str:
        """Return the file's name."""
        return visible(self.state.name)

    def on_mount(self) -> None:
        """Have it asked for where the settings want pictures."""
        self.state = replace(self.state, allowed=self.tui.settings.pictures is not Pictures.NONE)

    def update_state(self, state: PictureState, action: Action, account: AccountState) -> tuple[PictureState, Effects]:
        """Take what came."""
        del account
        return update(state, action, self.tui.t)

    def compose_body(self) -> Iterable[Widget]:
        """Say that it comes."""
        yield Static(Content(self.tui.t("common.moment")), classes="picture-note")

    def draw(self, before: PictureState | None) -> None:
        """Show it once it is there."""
        note = self.query_one(".picture-note", Static)
        if self.state.problem:
            note.update(Content(self.state.problem))
        if self.state.octets is None or (before is not None and before.octets is self.state.octets):
            return
        room = Size(self.size.width, self.size.height - 2)
        try:
            shown = picture_widget(self.state.octets, room, self.tui.settings.pictures)
        except PicturesMissing as error:
            note.update(Content(self.tui.t.error(error)))
        else:
            note.display = False
            self.query_one(".page-body").mount(shown)
