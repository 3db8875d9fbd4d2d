"""Messages of a conversation, laid out for the width of a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from balchat_host.api.markdown import as_typed
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible, visible_lines
from balchat_host.api.views import MessageState, MessageView
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.file_words import files_lines
from balchat_ui_cli.render.message_words import (
    is_markdown,
    message_remarks,
    missing_span,
    reply_words,
    shown_text,
    state_style,
    state_words,
    timer_words,
)
from balchat_ui_cli.render.names import author, called
from balchat_ui_cli.rows import markdown_rows, wrap_spans
from balchat_ui_cli.text import QUOTE, clock, day, fit, short_ids, width, wrap

_MIN_TEXT = 20
"""Cells that a message's text gets, however narrow the terminal."""
_INDENT_BELOW = 8
"""Before a text that stands below its head: deeper than where times begin, so that no text is taken for a head."""


class MessageList:
    """Lays out messages of one conversation, so that short ids and columns fit the ones in sight.

    `cells` is the terminal's width, or None where lines may have any length. `name` is the longest name that an author
    besides us has, empty where there is none. `known` finds what is answered. `styled`: markdown has styles, in place
    of its marks.
    """

    def __init__(self, cells: int | None, name: str, *, styled: bool) -> None:
        self.cells = cells
        self._styled = styled
        self._author_width = max(3, width(visible(called(name))))
        self._day = ""

    def lines(self, messages: Sequence[MessageView], known: Mapping[str, MessageView]) -> Iterable[Line]:
        """Show messages, with the date above the first of each day."""
        ids = short_ids([*known, *(message.id for message in messages)])
        for date, group in groupby(messages, lambda message: day(message.sent_at)):
            if date != self._day:
                self._day = date
                yield [Span(date, Style.FAINT)]
            for message in group:
                yield from self.message(message, ids[message.id])

    def message(self, message: MessageView, short_id: str) -> Iterable[Line]:
        """Show one message: what is missing before it; time, id, author, text, and its state if it is ours."""
        if message.missing_before:
            # Where times stand, and no text can: whoever writes one cannot write this.
            yield ["  ", missing_span(message)]
        name = visible(author(message))
        style = Style.STRONG if message.author is None else Style.OTHER
        head: list[Span | str] = [f"  {clock(message.sent_at)}  ", Span(f"{short_id}  ", Style.FAINT)]
        # Where the author stands: nobody is called so, and no text begins there.
        by = "──" if message.timer else name
        head.append(Span(by + " " * (self._author_width - width(by)) + "  ", style))
        indent = sum(width(piece if isinstance(piece, str) else piece.text) for piece in head)
        below = self.cells is not None and self.cells - indent - 1 < _MIN_TEXT
        if below:  # a narrow terminal, or a long name
            indent = _INDENT_BELOW
        room = None if self.cells is None else max(_MIN_TEXT, self.cells - indent - 1)
        body = self._body(message, room)
        if message.state is not MessageState.RECEIVED:
            _add_state(body, message, room)
        yield head if below else [*head, *body.pop(0)]
        # The indent shows that what follows belongs to the same message, whatever it looks like.
        yield from ([" " * indent, *row] for row in body)

    def _body(self, message: MessageView, room: int | None) -> list[list[Span]]:
        rows: list[list[Span]] = []
        if message.in_reply_to is not None:
            quote = message.in_reply_to[:8] if message.reply is None else reply_words(message.reply)
            rows.append([Span(fit(f"↳ {quote}", room or QUOTE), Style.FAINT)])
        if message.timer:
            words = timer_words(message, message.timer)
            return [[Span(row, Style.FAINT)] for row in (wrap(words, room) if room else [words])]
        if message.deleted:
            return [*rows, [Span("[deleted]", Style.FAINT)]]
        if message.text is None and not message.files:
            rows.append([Span(f"[{message.content_type}: this version cannot show it]", Style.FAINT)])
        if message.text is not None:
            rows += self._text(message.content_type, message.text, room)
        for words in files_lines(message):
            rows += ([Span(row, Style.FAINT)] for row in (wrap(words, room) if room else [words]))
        if remarks := message_remarks(message):
            rows += ([Span(row, Style.FAINT)] for row in (wrap(remarks, room) if room else [remarks]))
        return rows

    def _text(self, content_type: str, text: str, room: int | None) -> Iterator[list[Span]]:
        if self._styled and is_markdown(content_type) and as_typed(text)[1]:
            yield from markdown_rows(text, room)
            return
        for line in visible_lines(shown_text(content_type, text)):
            yield from wrap_spans([Span(line)], room) if room else [[Span(line)]]


def _add_state(body: list[list[Span]], message: MessageView, room: int | None) -> None:
    """Put the state at the right edge of the last row, or of a new one where it does not fit."""
    words = state_words(message)
    used = sum(width(span.text) for span in body[-1])
    if room is None:
        free = 2
    elif (free := room - used - width(words)) < 2:  # noqa: PLR2004  # a gap of two cells, as between columns
        words = fit(words, room)
        free = room - width(words)
        body.append([])
    body[-1] += [Span(" " * free), Span(words, state_style(message.state))]
