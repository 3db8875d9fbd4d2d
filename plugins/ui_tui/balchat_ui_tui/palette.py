"""The command palette: everything that can be done, found by a few letters."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from balchat_texts import Texts
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.effects import Call, CloseScreen, Effect, Effects, OpenScreen, Quit
from balchat_ui_tui.pages.actions import Pressed, Typed
from balchat_ui_tui.screen import StatefulScreen


@dataclass(frozen=True, slots=True, kw_only=True)
class PaletteState:
    """What was typed, and which conversation is shown below."""

    words: str = ""
    conversation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that can be done: its name, the key of its text, and the effect."""

    name: str
    text: str
    effect: Effect


def commands(state: PaletteState, account: AccountState) -> Sequence[Command]:
    """Return what can be done now."""
    found = [*_of_conversation(state, account)] if account.connected else []
    if account.connected:
        found += [
            _open("people.add", "people.add"),
            _open("people.requests", "people.requests"),
            _open("people.code", "people.own-code"),
            _open("account.network", "network.heading"),
            _open("account.relays", "network.relays"),
            _open("files.list", "files.all"),
            _open("account.settings", "settings.heading"),
            _open("account.passphrase", "settings.passphrase"),
            _open("account.recovery-code", "settings.recovery-code"),
            _open("account.backup", "tui.backup"),
            _open("lock", "settings.lock-screen"),
            _open("account.shut-down", "settings.shut-down"),
        ]
    found += [_open("account.profiles", "settings.profiles"), _open("help", "keys.heading")]
    return [*found, Command(name="quit", text="tui.leave", effect=Quit())]


def _of_conversation(state: PaletteState, account: AccountState) -> Iterable[Command]:
    conversation = account.conversation(state.conversation) if state.conversation else None
    if conversation is None:
        return
    yield _open("files.attach", "files.attach", conversation=conversation.id)
    yield Command(
        name="files.here",
        text="files.of-conversation",
        effect=OpenScreen("files.list", {"conversation": conversation.id}),
    )
    if conversation.contact is not None:
        contact = conversation.contact
        yield _open("people.contact", "people.about", peer_id=contact.peer_id)
        yield _open("people.verify", "people.verify", peer_id=contact.peer_id, name=contact.name)
    unread = Call("conversations.mark_unread", {"conversation": conversation.id})
    yield Command(name="mark-unread", text="tui.mark-unread", effect=unread)


def _open(screen: str, text: str, /, **arguments: object) -> Command:
    return Command(name=screen, text=text, effect=OpenScreen(screen, arguments))


def found(state: PaletteState, account: AccountState, t: Texts) -> Sequence[Command]:
    """Return what has all the words that were typed in its text, in any order; accents do not matter."""
    words = _plain(state.words).split()
    return [each for each in commands(state, account) if all(word in _plain(t(each.text)) for word in words)]


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def update(state: PaletteState, action: Action, account: AccountState) -> tuple[PaletteState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Typed(value=words):
            return replace(state, words=words), ()
        case Pressed(name="choose", row=row):
            effect = next((each.effect for each in commands(state, account) if each.name == row), None)
            return state, (CloseScreen(), effect) if effect else ()
        case Pressed(name="cancel"):
            return state, (CloseScreen(),)
        case _:
            return state, ()


class Palette(StatefulScreen[PaletteState], ModalScreen[object]):
    """Everything that can be done."""

    DEFAULT_CSS = """
    Palette { align-horizontal: center; background: $background 60%; }
    Palette > Vertical { width: 60; max-width: 100%; height: auto; max-height: 90%; margin: 2 0 0 0; padding: 1 2;
        background: $panel; }
    Palette.-low > Vertical { margin: 0; padding: 0 1; max-height: 100%; }
    Palette Input { border: none; height: 1; padding: 0 1; background: $boost; }
    Palette OptionList { border: none; background: $panel; height: auto; max-height: 18; padding: 0; margin: 1 0 0 0; }
    Palette Input:focus, Palette OptionList:focus { border: none; }
    Palette.-low OptionList { margin: 0; max-height: 10; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel"),
        Binding("down", "step(1)"),
        Binding("up", "step(-1)"),
    ]

    def __init__(self, conversation: str | None = None) -> None:
        super().__init__(PaletteState(conversation=conversation))

    def compose(self) -> Iterable[Widget]:
        """Put field and list together."""
        with Vertical():
            yield Input(placeholder=self.tui.t("tui.palette"))
            listing = OptionList(markup=False)
            listing.can_focus = False
            yield listing

    def on_mount(self) -> None:
        """Begin in the field."""
        super().on_mount()
        self.query_one(Input).focus()
        self.on_resize()

    def on_resize(self) -> None:
        """Take less room for margins where there is little."""
        self.set_class(self.size.height < _LOW, "-low")

    def update_state(self, state: PaletteState, action: Action, account: AccountState) -> tuple[PaletteState, Effects]:
        """Take what was typed or chosen."""
        return update(state, action, account)

    def draw(self, before: PaletteState | None) -> None:
        """Show what was found, the first of it marked."""
        del before
        listing = self.query_one(OptionList)
        listing.set_options(
            Option(Content(self.tui.t(each.text)), id=each.name) for each in found(self.state, self.account, self.tui.t)
        )
        listing.highlighted = 0 if listing.option_count else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look for it."""
        event.stop()
        self.dispatch(Typed("words", event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do what is marked."""
        event.stop()
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Do it."""
        event.stop()
        self.dispatch(Pressed("choose", event.option.id))

    def action_step(self, by: int) -> None:
        """Mark another one."""
        listing = self.query_one(OptionList)
        if by > 0:
            listing.action_cursor_down()
        else:
            listing.action_cursor_up()

    def action_cancel(self) -> None:
        """Leave."""
        self.dispatch(Pressed("cancel"))


_LOW = 20
