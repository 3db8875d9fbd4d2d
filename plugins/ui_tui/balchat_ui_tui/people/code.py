"""One's own chat code: as text, as a QR code, and the short form that fits a small terminal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
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
from balchat_ui_tui.pages.hints import Hints
from balchat_ui_tui.pages.page import Page, is_back
from balchat_ui_tui.qr_picture import QrPicture, size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """The code, None before it is read. `whole`: the picture has all of it, as soon as the terminal is large enough."""

    code: CodeView | None = None
    whole: bool = True


class CodeCame(Action, frozen=True):
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


_WORDS: Final = 32
"""Cells that the words beside the picture need."""


class OwnCode(Page[CodeState]):
    """Shows what to give to people so that they can ask us."""

    HEADING = "people.own-code"
    DEFAULT_CSS = """
    OwnCode > .page-body { padding: 0; }
    OwnCode Horizontal { height: auto; }
    OwnCode .code-words { width: 1fr; height: auto; padding: 1 2; }
    OwnCode .code-text { height: auto; margin: 0 0 1 0; color: $foreground 75%; }
    OwnCode .code-code { height: auto; margin: 0 0 1 0; color: $text-accent; }
    OwnCode .code-note { height: auto; color: $foreground 75%; }
    OwnCode.-picture .code-words { display: none; }
    OwnCode.-picture Horizontal { align-horizontal: center; }
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
        with Horizontal():
            with Vertical(classes="code-words"):
                yield Static(Content(self.tui.t("people.own-code-text")), classes="code-text")
                yield Static(classes="code-code", markup=False)
                yield Static(classes="code-note", markup=False)
            yield QrPicture()

    def on_resize(self) -> None:
        """Draw the picture that fits now."""
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
        beside = 0 if self.has_class("-picture") else _WORDS
        room = Size(self.size.width - beside, self.size.height - 1 - self.query_one(Hints).size.height)
        text, whole = picture_text(self.state, room)
        self.query_one(QrPicture).show(text)
        note = "" if code is None or whole else t("people.short-picture") if text else t("people.no-room-for-picture")
        shown = self.query_one(".code-note", Static)
        shown.display = bool(note)
        shown.update(Content(note))
