"""Messages laid out as rows: a block for each, with what stands above it.

        ──────────── Today ────────────
    Bob  12:03
      Are you there?
    You  12:04
      ↳ Bob: Are you there?
      Always.                    ✓ Delivered

Where names stand, no text ever begins: whatever somebody writes, it is indented, so that it cannot be taken for the
head of another message or for a line of ours.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from balchat_texts import Texts

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.text import visible
from balchat_host.api.views import MessageState, MessageView
from balchat_ui_tui.chat import words
from balchat_ui_tui.drawing.cells import fit, width
from balchat_ui_tui.drawing.markdown import text_rows
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row, pieces_width, wrap_pieces

INDENT: Final = 2
_WIDEST: Final = 100
"""Cells of the widest text: longer rows are hard to read."""
_NARROWEST: Final = 8
_FOLDED_CHARACTERS: Final = 4000
_FOLDED_ROWS: Final = 100
"""How much of a long text is shown before somebody asks for all of it."""
_QUARTER: Final = 15 * 60 * 1000
"""Milliseconds within which it is the same day in every time zone."""
_TOGETHER: Final = 5 * 60 * 1000
"""Milliseconds within which messages of one author share a head."""
_STATE_INKS: Final = {
    MessageState.DELIVERED: Ink.FAINT,
    MessageState.READ: Ink.GOOD,
    MessageState.FAILED: Ink.BAD,
}
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: what decides how it is laid out, besides the message."""

    cells: int
    first: bool
    """Whether nothing stands before it."""
    day: str | None
    """The day to name above it."""
    unread: bool
    """Whether the line stands above it that says what is new."""
    head: bool
    """Whether it says who wrote it."""
    in_full: bool
    """Whether its state is said in words."""
    progress: tuple[FileProgress, ...] = ()
    whole: bool = False
    """Whether all of a long text is shown."""
    fold_key: str = ""
    """The key that shows all of it, or less."""


def places(
    t: Texts,
    messages: Sequence[MessageView],
    *,
    cells: int,
    now: int,
    unread_from: str | None,
    progress: Mapping[str, FileProgress],
    unfolded: Container[str] = frozenset(),
    fold_key: str = "",
) -> Iterator[Place]:
    """Return where each message of a window stands."""
    newest_ours = next((each.id for each in reversed(messages) if each.author is None and not each.timer), None)
    before: MessageView | None = None
    last_day = ""
    days: dict[int, str] = {}
    for message in messages:
        quarter = message.sent_at // _QUARTER
        if (day := days.get(quarter, "")) == "":
            day = days[quarter] = t.day(message.sent_at, now)
        unread = message.id == unread_from
        yield Place(
            cells=cells,
            first=before is None,
            day=None if day == last_day else day,
            unread=unread,
            head=unread or day != last_day or before is None or not _together(before, message),
            in_full=message.id == newest_ours or message.state in {MessageState.QUEUED, MessageState.FAILED},
            progress=tuple(progress[each.id] for each in message.files if each.id in progress),
            whole=message.id in unfolded,
            fold_key=fold_key,
        )
        before, last_day = message, day


def _together(before: MessageView, message: MessageView) -> bool:
    return (
        before.author_id == message.author_id
        and before.timer is None
        and message.timer is None
        and not message.missing_before
        and 0 <= message.sent_at - before.sent_at < _TOGETHER
    )


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of a message. The first `above` of them stand between it and the one before."""

    rows: Sequence[Row]
    above: int


def block(t: Texts, message: MessageView, place: Place, now: int) -> Block:
    """Return the rows of a message, with what stands above it."""
    above = [*_above(t, message, place)]
    return Block([*above, *_message(t, message, place, now)], len(above))


def _above(t: Texts, message: MessageView, place: Place) -> Iterator[Row]:
    if place.head and not place.first:
        yield []
    if place.day is not None:
        yield rule(place.day, place.cells, Ink.FAINT)
    if place.unread:
        yield rule(t("chat.unread-line"), place.cells, Ink.ACCENT)
    if message.missing_before:
        yield rule(t("chat.missing", count=message.missing_before), place.cells, Ink.WARN)


def _message(t: Texts, message: MessageView, place: Place, now: int) -> Iterator[Row]:
    if message.timer is not None:
        said = words.timer(t, message, message.timer)
        yield from _indented(wrap_pieces([Piece(f"◷ {said}", Ink.FAINT)], _room(place)))
        return
    if place.head:
        ink = Ink.OWN if message.author is None else Ink.OTHER
        time = t.time(message.sent_at)
        name = fit(words.author(t, message.author), place.cells - width(time) - _GAP)
        yield [Piece(name, ink), Piece(f"  {time}", Ink.FAINT)]
    body = [*_body(t, message, place, now)]
    if said := words.state(t, message, in_full=place.in_full):
        _add_state(body, said, message, _room(place))
    yield from _indented(body)


def rule(text: str, cells: int, ink: Ink) -> Row:
    """Return a line with a text in its middle."""
    shown = f" {fit(text, cells - 2 * _GAP)} "
    left = (cells - width(shown)) // 2
    right = cells - width(shown) - left
    line = ink if ink is Ink.ACCENT else Ink.LINE
    return [Piece("─" * left, line), Piece(shown, ink), Piece("─" * right, line)]


def _room(place: Place) -> int:
    return max(_NARROWEST, min(place.cells - INDENT, _WIDEST))


def _indented(rows: Iterable[list[Piece]]) -> Iterator[Row]:
    return ([Piece(" " * INDENT), *row] for row in rows)


def _body(t: Texts, message: MessageView, place: Place, now: int) -> Iterator[list[Piece]]:
    room = _room(place)
    if message.in_reply_to is not None:
        quote = words.reply(t, message.reply) if message.reply else t("tui.reply-gone")
        yield [Piece(fit(f"↳ {quote}", room), Ink.FAINT)]
    if message.deleted:
        yield [Piece(fit(t("chat.deleted"), room), Ink.FAINT)]
        return
    if message.text is None and not message.files:
        said = t("chat.unknown-content", kind=visible(message.content_type))
        yield from wrap_pieces([Piece(said, Ink.FAINT)], room)
    elif message.text:
        yield from _text(t, message.content_type, message.text, place)
    progress = {each.file: each for each in place.progress}
    for file in message.files:
        yield from wrap_pieces([Piece(words.file(t, file, progress.get(file.id)), Ink.CODE)], room)
    if message.mentions_us:
        yield [Piece(fit(f"@ {t('tui.mentions-you')}", room), Ink.ACCENT)]
    if message.reactions:
        pieces: list[Piece] = []
        for text, ours in words.reactions(message):
            pieces += [Piece(text, Ink.ACCENT if ours else Ink.PLAIN), Piece("  ")]
        yield from wrap_pieces(pieces[:-1], room)
    if expiry := words.expiry(t, message, now):
        yield from wrap_pieces([Piece(expiry, Ink.FAINT)], room)


def _text(t: Texts, content_type: str, text: str, place: Place) -> Iterator[list[Piece]]:
    """Return the rows of a text: of one that would fill the window for pages, the first ones."""
    room = _room(place)
    if place.whole:
        yield from text_rows(content_type, text, room)
        return
    # Cut before it is laid out: somebody may send many that are as long as a message may be.
    rows = [*islice(text_rows(content_type, text[:_FOLDED_CHARACTERS], room), _FOLDED_ROWS + 1)]
    yield from rows[:_FOLDED_ROWS]
    if len(rows) > _FOLDED_ROWS or len(text) > _FOLDED_CHARACTERS:
        yield from wrap_pieces([Piece(t("tui.folded", key=place.fold_key), Ink.ACCENT)], room)


def _add_state(body: list[list[Piece]], said: str, message: MessageView, room: int) -> None:
    """Put the state to the right end of the last row, or below it where it does not fit."""
    ink = _STATE_INKS.get(message.state, Ink.FAINT)
    if body:
        free = room - pieces_width(body[-1]) - width(said)
        if free >= _GAP:
            body[-1] = [*body[-1], Piece(" " * free), Piece(said, ink)]
            return
    body += ([Piece(" " * (room - pieces_width(row))), *row] for row in wrap_pieces([Piece(said, ink)], room))
