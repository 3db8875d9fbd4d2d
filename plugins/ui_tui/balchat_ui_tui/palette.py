"""The command palette: everything that can be done, found by a few letters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from balchat_texts import Texts

from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.asking.picking import PickState, follow, pick, taken
from balchat_ui_tui.chat import actions as chat
from balchat_ui_tui.conversations.marking import mark
from balchat_ui_tui.drawing.cells import fit
from balchat_ui_tui.drawing.pieces import Piece, Row
from balchat_ui_tui.effects import Call, CloseScreen, Effects, OpenScreen, Quit
from balchat_ui_tui.finding import has_words, wanted_words
from balchat_ui_tui.main import actions as main


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that can be done: its name, the key of its text, and the effects."""

    name: str
    text: str
    effects: Effects


_OF_MESSAGES: Final[Mapping[str, Action]] = {
    "unread": chat.GoToUnread(),
    "reply": chat.Reply(),
    "react": chat.React(),
    "edit": chat.Edit(),
    "delete": chat.Delete(),
    "copy": chat.CopyIt(),
    "info": chat.ShowInfo(),
    "open-file": chat.OpenFile(),
    "open-link": chat.AskToOpenLink(),
    "replied": chat.GoToReplied(),
    "retry": chat.Retry(),
    "unfold": chat.Unfold(),
}
"""What is done with the message that is selected; where none is, with the last one in sight."""


def commands(account: AccountState, shown: str | None) -> Sequence[Command]:
    """Return what can be done now. `shown` is the conversation that is shown below."""
    found = [*_of_conversation(account, shown)] if account.connected else []
    if account.connected:
        found += [
            _tell("search", "keys.main.search", main.Search()),
            _tell("jump", "keys.main.jump", main.Open("jump")),
            _tell("archived", "keys.conversations.archived", main.SwitchShown()),
            _open("people.add", "people.add"),
            _open("people.requests", "people.requests"),
            _open("people.code", "people.own-code"),
            _open("account.network", "network.heading"),
            *([_open("account.relays", "network.relays")] if "relays.list" in account.capabilities else []),
            _open("files.list", "files.all"),
            _open("account.settings", "settings.heading"),
            _open("account.passphrase", "settings.passphrase"),
            _open("account.recovery-code", "settings.recovery-code"),
            _open("account.backup", "tui.backup"),
            _open("lock", "settings.lock-screen"),
            _open("account.shut-down", "settings.shut-down"),
        ]
    found += [_open("account.profiles", "settings.profiles"), _open("help", "keys.heading")]
    return [*found, Command(name="quit", text="tui.leave", effects=(CloseScreen(), Quit()))]


def _of_conversation(account: AccountState, shown: str | None) -> Iterable[Command]:
    conversation = account.conversation(shown) if shown else None
    if conversation is None:
        return
    yield _open("files.attach", "files.attach", conversation=conversation.id)
    if "files.attach_voice" in account.capabilities:
        yield _open("voice.record", "voice.record", conversation=conversation.id)
    files = OpenScreen("files.list", {"conversation": conversation.id})
    yield Command(name="files.here", text="files.of-conversation", effects=(CloseScreen(), files))
    if conversation.contact is not None:
        contact = conversation.contact
        yield _open("people.contact", "people.about", peer_id=contact.peer_id)
        yield _open("people.verify", "people.verify", peer_id=contact.peer_id, name=contact.name)
    yield _tell("jump-date", "keys.main.jump-date", main.Open("jump-date"))
    marked = "mark-read" if conversation.unread else "mark-unread"
    yield Command(name=marked, text=f"conversations.{marked}", effects=(CloseScreen(), mark(conversation)))
    yield _call("unmute" if conversation.muted else "mute", conversation)
    yield _call("unarchive" if conversation.archived else "archive", conversation)
    if "conversations.set_timer" in account.capabilities:
        yield _tell("timer", "people.timer", main.AskForTimer())
    for name, action in _OF_MESSAGES.items():
        yield _tell(name, f"keys.messages.{name}", action)
    yield _tell("editor", "keys.composer.editor", chat.OpenEditor())


def _open(screen: str, text: str, /, **arguments: object) -> Command:
    return Command(name=screen, text=text, effects=(CloseScreen(), OpenScreen(screen, arguments)))


def _tell(name: str, text: str, action: Action) -> Command:
    """Return a command that the main screen carries out."""
    return Command(name=name, text=text, effects=(CloseScreen(action),))


def _call(method: str, conversation: ConversationView) -> Command:
    call = Call(f"conversations.{method}", {"conversation": conversation.id})
    return Command(name=method, text=f"conversations.{method}", effects=(CloseScreen(), call))


def found(typed: str, account: AccountState, shown: str | None, t: Texts) -> Sequence[Command]:
    """Return what has all the words that were typed in its text."""
    words = wanted_words(typed)
    return [each for each in commands(account, shown) if has_words(t(each.text), words)]


class Palette(Picker[PickState]):
    """Everything that can be done."""

    def __init__(self) -> None:
        super().__init__(PickState())

    @property
    def heading(self) -> str:
        """What the screen is called."""
        return self.tui.t("keys.app.palette")

    @property
    def placeholder(self) -> str:
        """What stands in the empty field."""
        return self.tui.t("tui.palette")

    @property
    def place(self) -> int:
        """Which command is selected."""
        return self.state.place

    def update_state(self, state: PickState, action: Action, account: AccountState) -> tuple[PickState, Effects]:
        """Take what was typed or chosen."""
        there = self._found(state, account)
        # One may be gone since the list was drawn, or another may have come.
        state = follow(state, [each.name for each in there])
        place = taken(state, action)
        if place is None:
            return pick(state, action, lambda now: [each.name for each in self._found(now, account)])
        return state, there[place].effects if place < len(there) else ()

    def _found(self, state: PickState, account: AccountState) -> Sequence[Command]:
        # Whichever conversation is shown by now: it may still have been opening when the palette was.
        return found(state.words, account, self.tui.session.shown_conversation, self.tui.t)

    @property
    def nothing(self) -> str:
        """What is said where nothing was found."""
        return self.tui.t("tui.no-command")

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        """Return what was found."""
        t = self.tui.t
        return [[[Piece(fit(t(each.text), cells))]] for each in self._found(self.state, self.account)]
