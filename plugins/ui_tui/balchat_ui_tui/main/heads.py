"""The rows around the list and the messages: heads, what is being answered, what can be done now, the status."""

from collections.abc import Mapping, Sequence
from typing import Final

from balchat_texts import Texts

from balchat_host.api.text import visible
from balchat_host.api.views import ContactState, ConversationKind, ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.chat import words
from balchat_ui_tui.chat.completion import Completion
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.conversations.rows import MUTED, VERIFIED, presence, title
from balchat_ui_tui.drawing.cells import fit, width, wrap
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row, pieces_width
from balchat_ui_tui.keymap import key_words
from balchat_ui_tui.main.connection_words import connection_piece
from balchat_ui_tui.main.state import MainState, Pane

_FIRST_KEYS: Final = {"app.palette": "ctrl+p", "main.jump": "ctrl+k", "app.help": "f1"}
_WIDEST: Final = 56
_GAP: Final = 3


def list_head(t: Texts, state: MainState, account: AccountState, cells: int) -> Row:
    """Return what stands above the list."""
    name = t("conversations.archive-title") if state.list.archived else "balchat"
    requests = account.status.requests if account.status else 0
    right = t("conversations.requests-count", count=requests) if requests else ""
    return _spread([Piece(" "), Piece(name, Ink.STRONG)], [Piece(right, Ink.ACCENT), Piece(" ")], cells)


def welcome(t: Texts, account: AccountState, keys: Mapping[str, str], cells: int) -> Sequence[Row]:
    """Return what stands where no chat is shown: what to begin with, and by which keys."""
    rows: list[Row] = []
    if account.connected and all(each.contact is None for each in account.conversations):
        hint = wrap(t("conversations.empty-hint"), max(4, min(cells - 6, _WIDEST)))
        rows += [[Piece(f"   {t('conversations.empty')}", Ink.STRONG)], []]
        rows += [*([Piece(f"   {line}")] for line in hint), []]
    first = [(key_words(keys.get(name, key)), t(f"keys.{name}")) for name, key in _FIRST_KEYS.items()]
    if requests := account.status.requests if account.status else 0:
        first.insert(0, (first[0][0], t("conversations.requests-count", count=requests)))
    beside = max(width(key) for key, _ in first) + _GAP
    for key, said in first:
        rows.append([Piece(f"   {key}{' ' * (beside - width(key))}", Ink.ACCENT), Piece(said, Ink.FAINT)])
    return rows


def chat_head(t: Texts, conversation: ConversationView, account: AccountState, cells: int) -> Row:
    """Return what stands above the messages: with whom they are, and how that is."""
    left = [Piece(" "), presence(conversation, account), Piece(" "), Piece(title(t, conversation), Ink.STRONG)]
    contact = conversation.contact
    if contact is not None and contact.verified:
        left.append(Piece(f" {VERIFIED}", Ink.GOOD))
    if conversation.muted:
        left.append(Piece(f" {MUTED}", Ink.FAINT))
    said, ink = _how_it_is(t, conversation, account)
    if conversation.expire_after is not None:
        left.append(Piece(f"  ◷ {t.span(conversation.expire_after * words.MILLISECONDS)}", Ink.FAINT))
    return _spread(left, [Piece(said, ink), Piece(" ")], cells)


def _how_it_is(t: Texts, conversation: ConversationView, account: AccountState) -> tuple[str, Ink]:
    contact = conversation.contact
    if contact is None:
        key = "tui.only-you" if conversation.kind is ConversationKind.SELF else ""
        return (t(key) if key else ""), Ink.FAINT
    if contact.blocked:
        return t("conversations.blocked"), Ink.BAD
    if contact.alarm is not None and contact.alarm.is_serious:
        return t("tui.alarm"), Ink.BAD
    if contact.state is not ContactState.ACTIVE or contact.reason:
        said = t.known("states.contact", contact.state.value)
        reason = f": {words.reason_words(t, contact.reason)}" if contact.reason else ""
        return f"{said}{reason}", Ink.WARN
    if not account.connected:
        return "", Ink.FAINT
    reachable = contact.peer_id in account.reachable
    verified = "" if contact.verified else f"{t('tui.not-verified')} · "
    return f"{verified}{t('tui.reachable' if reachable else 'tui.away')}", Ink.GOOD if reachable else Ink.FAINT


def below(t: Texts, state: ChatState, conversation: ConversationView, cells: int) -> Sequence[Row]:
    """Return what stands below the messages while one reads back: that there is more, and how much of it is new."""
    if state.following or not state.messages:
        return ()
    said = t("tui.new-below", count=conversation.unread) if conversation.unread else t("tui.more-below")
    shown = fit(f" ↓ {said} ", cells)
    left = (cells - width(shown)) // 2
    return ([Piece(" " * left), Piece(shown, Ink.ACCENT if conversation.unread else Ink.FAINT)],)


def banner(t: Texts, state: ChatState, completions: Sequence[Completion], cells: int) -> Sequence[Row]:
    """Return what stands above the composer: what is answered or edited, and what can be completed."""
    rows: list[Row] = []
    if state.editing is not None:
        rows.append([Piece(fit(f" ✎ {t('chat.editing')}", cells), Ink.ACCENT)])
    elif state.reply_to is not None:
        said = f"{words.author(t, state.reply_to.author)}: {words.summary(t, state.reply_to)}"
        rows.append([Piece(" ↳ ", Ink.ACCENT), Piece(fit(said, cells - 4), Ink.FAINT)])
    if state.too_long is not None:
        rows += [[Piece(f" {line}", Ink.WARN)] for line in wrap(t.error(state.too_long), max(4, cells - 2))]
    if completions:
        row: list[Piece] = [Piece(f" {t('tui.tab')} ", Ink.FAINT)]
        for number, each in enumerate(completions):
            piece = Piece(f" {visible(each.name)} ", Ink.STRONG if number == 0 else Ink.PLAIN)
            if pieces_width(row) + width(piece.text) <= cells:
                row.append(piece)
        rows.append(row)
    return tuple(rows)


def status(t: Texts, state: MainState, account: AccountState, cells: int, *, enter_sends: bool) -> Row:
    """Return the last row: how the account is, and which keys do something here."""
    left = connection_piece(t, account)
    left = Piece(f" {fit(left.text, cells - 1)}", left.ink)
    hints = t(_hints(state, enter_sends=enter_sends))
    shown: list[str] = []
    room = cells - width(left.text) - 3
    for hint in [*hints.split(" · ")]:
        if width(" · ".join([*shown, hint])) > room:
            break
        shown.append(hint)
    return _spread([left], [Piece(" · ".join(shown), Ink.FAINT), Piece(" ")], cells)


def _hints(state: MainState, *, enter_sends: bool) -> str:
    match state.pane:
        case Pane.LIST:
            return "tui.hints-list"
        case Pane.FILTER:
            return "tui.hints-filter"
        case Pane.MESSAGES:
            return "tui.hints-messages"
        case Pane.COMPOSER if state.chat is not None and state.chat.editing is not None:
            return "tui.hints-edit"
        case Pane.COMPOSER:
            return "tui.hints-composer" if enter_sends else "tui.hints-composer-lines"


def _spread(left: list[Piece], right: list[Piece], cells: int) -> Row:
    """Return a row with something at both ends; the left one gives way where there is no room."""
    room = cells - pieces_width(left) - 1
    right = [piece for piece in right if piece.text]
    if right and pieces_width(right) > room:
        right = [Piece(fit(right[0].text, max(0, room - 1)), right[0].ink), Piece(" ")]
    gap = cells - pieces_width(left) - pieces_width(right)
    return [*left, Piece(" " * max(0, gap)), *right]
