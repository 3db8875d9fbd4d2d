"""A page with a QR code alone, where there is room for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.qr_picture import QrPicture, size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The text of a QR code, and what it is."""

    heading: str
    text: str


class QrPage(Page[Shown]):
    """Shows a QR code."""

    DEFAULT_CSS = "QrPage > .page-body { padding: 0; align-horizontal: center; }"

    def __init__(self, heading: str, text: str) -> None:
        super().__init__(Shown(heading=heading, text=text))

    def heading(self) -> str:
        """Return what it is."""
        return self.state.heading

    def update_state(self, state: Shown, action: Action, account: AccountState) -> tuple[Shown, Effects]:
        """Nothing changes."""
        del action, account
        return state, ()

    def compose_body(self) -> Iterable[Widget]:
        """Put the picture there, or say that there is no room."""
        yield QrPicture()
        yield Static(Content(self.tui.t("people.no-room-for-picture")), classes="qr-note")

    def on_resize(self) -> None:
        """Look whether it fits now."""
        self.draw_soon()

    def draw(self, before: Shown | None) -> None:
        """Show it where it fits."""
        del before
        size, room = size_of(self.state.text), Size(self.size.width, self.size.height - 2)
        fits = size.width <= room.width and size.height <= room.height
        self.query_one(QrPicture).show(self.state.text if fits else "")
        self.query_one(".qr-note").display = not fits
