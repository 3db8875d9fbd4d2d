"""Ctrl+F: messages by their words, in this conversation or in all. What is chosen opens where it was written."""

import re
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from balchat_host.api.frontend import MYSELF
from balchat_host.api.text import visible
from balchat_host.api.views import ContactView, SearchHit
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.chat import words as chat_words
from balchat_ui_tui.clock import midnight, milliseconds_now
from balchat_ui_tui.drawing.cells import fit, width
from balchat_ui_tui.drawing.markdown import bare_lines
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.search.state import SearchState, SwitchAuthor, SwitchScope, SwitchWritten, Written, update


class Search(Picker[SearchState]):
    """Look for messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "switch_scope", id="search.scope", priority=True),
        Binding("f2", "switch_written", id="search.when"),
        Binding("f3", "switch_author", id="search.author"),
    ]

    def __init__(self, conversation: str | None) -> None:
        super().__init__(SearchState(conversation=conversation, everywhere=conversation is None))

    def update_state(self, state: SearchState, action: Action, account: AccountState) -> tuple[SearchState, Effects]:
        del account
        return update(state, action)

    def action_switch_scope(self) -> None:
        """Look everywhere, or only here."""
        self.dispatch(SwitchScope())

    def action_switch_written(self) -> None:
        """Look in what is newer."""
        self.dispatch(SwitchWritten(midnight()))

    def action_switch_author(self) -> None:
        """Look in what somebody else has written."""
        contact = self._contact
        people = (None, MYSELF) if contact is None or self.state.everywhere else (None, MYSELF, contact.peer_id)
        self.dispatch(SwitchAuthor(people))

    @property
    def _contact(self) -> ContactView | None:
        conversation = self.account.conversation(self.state.conversation) if self.state.conversation else None
        return conversation.contact if conversation else None

    @property
    def heading(self) -> str:
        t, state = self.tui.t, self.state
        said = [t("tui.search-everywhere" if state.everywhere else "tui.search-here")]
        if state.written is not Written.ANY:
            said.append(t(f"search.when-{state.written}"))
        if state.author == MYSELF:
            said.append(t("chat.you"))
        elif state.author is not None and self._contact is not None:
            said.append(visible(self._contact.name))
        return " · ".join(said)

    @property
    def placeholder(self) -> str:
        return self.tui.t("tui.search-words")

    @property
    def hints(self) -> str:
        return self.tui.t("tui.hints-search" if self.state.conversation else "tui.hints-search-all")

    @property
    def place(self) -> int:
        return self.state.place

    @property
    def nothing(self) -> str:
        if self.state.waiting:
            return self.tui.t("tui.searching")
        return self.tui.t("tui.nothing-found") if self.state.found_for else ""

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        now = milliseconds_now()
        return [self._hit(hit, cells, now) for hit in self.state.hits]

    def _hit(self, hit: SearchHit, cells: int, now: int) -> Sequence[Row]:
        t = self.tui.t
        time = t.moment(hit.message.sent_at, now)
        who = chat_words.author(t, hit.message.author)
        if self.state.everywhere and hit.message.author != hit.title:
            who = f"{who} → {visible(hit.title)}"
        who = fit(who, max(4, cells - width(time) - 2))
        gap = " " * max(1, cells - width(who) - width(time))
        ink = Ink.OWN if hit.message.author is None else Ink.OTHER
        excerpt = fit(" ".join(bare_lines(hit.message.content_type, hit.excerpt)), cells)
        return [[Piece(who, ink), Piece(gap), Piece(time, Ink.FAINT)], found_pieces(excerpt, self.state.words)]


def found_pieces(text: str, words: str) -> list[Piece]:
    """Return a text with the words marked that were looked for, as far as they are spelt like that in it."""
    wanted = [re.escape(word.strip('"*')) for word in words.split() if word.strip('"*')]
    if not wanted:
        return [Piece(text)]
    pieces: list[Piece] = []
    end = 0
    for found in re.finditer("|".join(wanted), text, re.IGNORECASE):
        pieces += [Piece(text[end : found.start()]), Piece(found[0], Ink.FOUND)]
        end = found.end()
    return [*pieces, Piece(text[end:])]
