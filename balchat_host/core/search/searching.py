"""Finds messages by their words, the newest first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlRow
from balchat_host.core.search import index
from balchat_host.core.search.words import Query, terms

_NO_END: Final = 2**62
_ROWS_AT_ONCE: Final = 64
_MOST_WORK: Final = 2000
"""How much one search does before it lets others go on; 1 is looking at the time of a message that has the words."""
_READING: Final = 10
"""How much reading a message's words is, for each `_READ_AT_ONCE` characters."""
_READ_AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Where a search looks: numbers of a conversation and an author, times in Unix milliseconds, `message.seq`.

    `since` is within, `until` and `before` are not.
    """

    conversation: int | None = None
    author: int | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None

    def holds(self, sent_at: int) -> bool:
        """Return whether a time is within the bounds."""
        return (self.since or 0) <= sent_at < (self.until or _NO_END)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hits by `message.seq`, the newest first. `resume_before` is where the rest begins, None where there is none."""

    seqs: tuple[int, ...]
    resume_before: int | None


def search(tx: ReadTransaction, query: Query, bounds: Bounds, *, limit: int) -> Found:
    """Return the newest `limit` messages that a query finds within the bounds.

    Fewer may come although there are more, where many had to be looked at: the rest begins at `resume_before`.
    """
    seqs: list[int] = []
    work = 0
    for seq, sent_at, text, has_words in _candidates(tx, query, bounds):
        work += _READING * (1 + len(text) // _READ_AT_ONCE) if query.phrases or not has_words else 1
        if (has_words or query.fits_terms(terms(text))) and bounds.holds(sent_at) and query.fits(text):
            seqs.append(seq)
        if len(seqs) == limit or work >= _MOST_WORK:
            return Found(seqs=tuple(seqs), resume_before=seq)
    return Found(seqs=tuple(seqs), resume_before=None)


def _candidates(tx: ReadTransaction, query: Query, bounds: Bounds) -> Iterator[tuple[int, int, str, bool]]:
    """Yield number, time and text of messages, the newest first, and whether they are known to have the words."""
    last = index.indexed_up_to(tx)
    for seq, sent_at, text in _page_by_page(partial(_unindexed, tx, bounds, last), bounds.before or _NO_END):
        yield seq, sent_at, text, False
    match = _match(query, bounds)
    for seq, sent_at, text in _page_by_page(partial(_indexed, tx, match), min(bounds.before or _NO_END, last + 1)):
        # A text has no more terms than characters.
        yield seq, sent_at, text, len(text) <= index.MAX_TERMS


def _page_by_page(read: Callable[[int], Sequence[SqlRow]], before: int) -> Iterator[tuple[int, int, str]]:
    while True:
        page = cast("Sequence[tuple[int, int, str]]", read(before))
        yield from page
        if len(page) < _ROWS_AT_ONCE:
            return
        before = page[-1][0]


def _unindexed(tx: ReadTransaction, bounds: Bounds, after: int, before: int) -> Sequence[SqlRow]:
    return tx.query(
        "SELECT seq, sent_at, text FROM message WHERE seq > ?1 AND seq < ?2 AND text IS NOT NULL AND removal IS NULL"
        " AND (?3 IS NULL OR conversation = ?3) AND (?4 IS NULL OR author = ?4) ORDER BY seq DESC LIMIT ?5",
        (after, before, bounds.conversation, bounds.author, _ROWS_AT_ONCE),
    )


def _indexed(tx: ReadTransaction, match: str, before: int) -> Sequence[SqlRow]:
    return tx.query(
        "SELECT message.seq, sent_at, text FROM message_terms JOIN message ON message.seq = message_terms.rowid"
        " WHERE message_terms MATCH ? AND message_terms.rowid < ? ORDER BY message_terms.rowid DESC LIMIT ?",
        (match, before, _ROWS_AT_ONCE),
    )


def _match(query: Query, bounds: Bounds) -> str:
    """Return the FTS5 expression (sqlite.org/fts5.html, section 3). No term has a quotation mark in it."""
    asked = [f'"{term}"' for term in query.terms] + [f'"{prefix}" *' for prefix in query.prefixes]
    asked = [f'("{index.LONG}" OR ({" AND ".join(asked)}))']
    if bounds.conversation is not None:
        asked.append(f'"{index.conversation_term(bounds.conversation)}"')
    if bounds.author is not None:
        asked.append(f'"{index.author_term(bounds.author)}"')
    return " AND ".join(asked)
