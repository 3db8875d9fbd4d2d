"""A conversation in the list: two rows.

● Bob                 12:03
You: see you there ✓    2
"""

from collections.abc import Sequence

from balchat_texts import Texts

from balchat_host.api.text import text_lines, visible
from balchat_host.api.views import ContactState, ConversationKind, ConversationView, MessageState
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.chat import words
from balchat_ui_tui.drawing.cells import fill, fit, width
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row

MUTED = "☾"
VERIFIED = "✔"
_MOST_COUNTED = 99


def conversation_rows(
    t: Texts, conversation: ConversationView, account: AccountState, cells: int, now: int
) -> Sequence[Row]:
    """Return the two rows of a conversation, each of exactly so many cells."""
    return [_first(t, conversation, account, cells, now), _second(t, conversation, cells)]


def title(t: Texts, conversation: ConversationView) -> str:
    """Return the harmless title of a conversation."""
    if conversation.kind is ConversationKind.SELF:
        return t("conversations.notes")
    return visible(conversation.title)


def presence(conversation: ConversationView, account: AccountState) -> Piece:
    """Return a sign for whether the other side is within reach."""
    contact = conversation.contact
    if contact is None:
        return Piece("✎" if conversation.kind is ConversationKind.SELF else " ", Ink.FAINT)
    if contact.blocked:
        return Piece("⊘", Ink.BAD)
    if contact.alarm is not None and contact.alarm.is_serious:
        return Piece("!", Ink.BAD)
    if contact.state is not ContactState.ACTIVE:
        return Piece("…", Ink.FAINT)
    if contact.peer_id in account.reachable:
        return Piece("●", Ink.GOOD)
    return Piece("○", Ink.FAINT)


def _first(t: Texts, conversation: ConversationView, account: AccountState, cells: int, now: int) -> Row:
    last = conversation.last_message
    time = t.relative(last.sent_at, now) if last else ""
    signs = f" {MUTED}" if conversation.muted else ""
    room = cells - 2 - len(signs) - (width(time) + 1 if time else 0)
    name = fit(title(t, conversation), room)
    ink = Ink.STRONG if conversation.unread and not conversation.muted else Ink.PLAIN
    gap = " " * (cells - 2 - width(name) - len(signs) - width(time))
    return [
        presence(conversation, account),
        Piece(" "),
        Piece(name, ink),
        Piece(signs, Ink.FAINT),
        Piece(gap),
        Piece(time, Ink.ACCENT if conversation.unread and not conversation.muted else Ink.FAINT),
    ]


def _second(t: Texts, conversation: ConversationView, cells: int) -> Row:
    count = ""
    if conversation.unread:
        count = str(conversation.unread) if conversation.unread <= _MOST_COUNTED else f"{_MOST_COUNTED}+"
        count = f" @{count}" if conversation.mentions else f" {count}"
    before, ink, said = _said(t, conversation)
    room = cells - 2 - len(count)
    before = fit(before, room)
    text = fill(said, room - width(before))
    return [
        Piece("  "),
        Piece(before, ink),
        Piece(text, Ink.FAINT),
        Piece(count, Ink.FAINT if conversation.muted else Ink.ACCENT),
    ]


def _said(t: Texts, conversation: ConversationView) -> tuple[str, Ink, str]:
    """Return what is said first, in which ink, and how it goes on."""
    if conversation.draft:
        first = visible(next(iter(text_lines(conversation.draft))))
        return f"{t('conversations.draft')}: ", Ink.WARN, first
    contact, last = conversation.contact, conversation.last_message
    if contact is not None and contact.blocked:
        return t("conversations.blocked"), Ink.FAINT, ""
    if contact is not None and contact.state is not ContactState.ACTIVE:
        return t.known("states.contact", contact.state.value), Ink.FAINT, ""
    if last is None:
        return "", Ink.FAINT, ""
    text = words.summary(t, last)
    if last.author is not None or last.timer is not None:
        return "", Ink.FAINT, text
    if last.state is MessageState.FAILED:
        return f"✗ {t.known('states.message', 'failed')}: ", Ink.BAD, text
    return f"{words.GLYPHS.get(last.state, '')} ", Ink.FAINT, text
