"""One's own chat code: as text, as a QR code, and the short form that fits a small terminal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from balchat_host.api.text import visible
from balchat_host.api.views import CodeView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Call, Copy, Effects, Notice
from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.page import Page, is_back
from balchat_ui_tui.qr_picture import QrPicture, size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """The code, None before it is read. `whole`: the picture has all of it, as soon as the terminal is large enough."""

    code: CodeView | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class CodeCame(Action):
    """The code came."""

    code: CodeView


def update(state: CodeState, action: Action, account: AccountState, t: Texts) -> tuple[CodeState, Effects]:
    """Return the state after an action, and what is to be done."""
    if is_back(action, account):
        return state, (Call("account.code", done=CodeCame),)
    match action:
        case CodeCame(code=code):
            return replace(state, code=code), ()
        case Pressed(name="copy") if state.code:
            return state, (Copy(state.code.code), Notice(t("people.code-copied")))
        case Pressed(name="copy-address") if state.code:
            return state, (Copy(state.code.onion), Notice(t("people.address-copied")))
        case Pressed(name="other-picture"):
            return replace(state, whole=not state.whole), ()
        case _:
            return state, ()


def picture_text(state: CodeState, room: Size) -> tuple[str, bool]:
    """Return the text of the QR code that fits in the room, and whether it is the whole code; empty where none fits."""
    if state.code is None:
        return "", False
    # Capitals take half the room in a QR code, and mean the same in an onion address.
    short = state.code.onion.upper()
    for text, whole in ((state.code.code, True), (short, False)):
        size = size_of(text)
        if (state.whole or not whole) and size.width <= room.width and size.height <= room.height:
            return text, whole
    return "", False


class OwnCode(Page[CodeState]):
    """Shows what to give to people who shall be able to ask us."""

    HEADING = "people.own-code"
    DEFAULT_CSS = """
    OwnCode > .page-body { padding: 0 2; }
    OwnCode .code-text { height: auto; max-width: 76; margin: 0 0 1 0; color: $foreground 75%; }
    OwnCode .code-code { height: auto; max-width: 76; margin: 0 0 1 0; color: $text-accent; }
    OwnCode.-picture .code-code, OwnCode.-picture .code-text { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "do('copy')", id="code.copy"),
        Binding("o", "do('copy-address')", id="code.copy-address"),
        Binding("q", "picture", id="code.picture"),
        Binding("s", "do('other-picture')", id="code.other-picture"),
    ]

    def __init__(self) -> None:
        super().__init__(CodeState())

    def update_state(self, state: CodeState, action: Action, account: AccountState) -> tuple[CodeState, Effects]:
        """Take a key."""
        return update(state, action, account, self.tui.t)

    def compose_body(self) -> Iterable[Widget]:
        """Put text and picture together."""
        yield Static(Content(self.tui.t("people.own-code-text")), classes="code-text")
        yield Static(classes="code-code", markup=False)
        yield Static(classes="code-note", markup=False)
        yield QrPicture()

    def on_resize(self) -> None:
        """Draw the picture that fits now."""
        super().on_resize()
        self.draw_soon()

    def action_picture(self) -> None:
        """Show the picture alone, or with the code."""
        self.toggle_class("-picture")
        self.draw_soon()

    def draw(self, before: CodeState | None) -> None:
        """Show the code."""
        del before
        t, code = self.tui.t, self.state.code
        self.query_one(".code-code", Static).update(Content(visible(code.code) if code else ""))
        alone = self.has_class("-picture")
        above = 1 if alone else 5 + (len(code.code) // max(1, min(self.size.width - 4, 76)) if code else 0)
        room = Size(self.size.width - (0 if alone else 4), self.size.height - 2 - above)
        text, whole = picture_text(self.state, room)
        self.query_one(QrPicture).show(text)
        note = "" if code is None or whole else t("people.short-picture") if text else t("people.no-room-for-picture")
        shown = self.query_one(".code-note", Static)
        shown.display = bool(note)
        shown.update(Content(note))
