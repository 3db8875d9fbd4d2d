"""Finds messages by their words, the newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core.search import index
from balchat_host.core.search.words import Query, terms

_NO_END: Final = 2**62
_CANDIDATES_AT_ONCE: Final = 64
_MOST_WORK: Final = 2000
"""How many messages that have the words a search looks at, at most, before it lets others go on."""
_PHRASE_WORK: Final = 10
"""How many times as much looking at the order of a message's words is as looking at its time."""


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

    Fewer may come although there are more, where many have the words, but not in order or in time: `resume_before`.
    """
    seqs: list[int] = []
    work = 0
    for seq, sent_at, text in _candidates(tx, query, bounds):
        work += 1 if not query.phrases else _PHRASE_WORK
        if bounds.holds(sent_at) and query.fits(text):
            seqs.append(seq)
        if len(seqs) == limit or work >= _MOST_WORK:
            return Found(seqs=tuple(seqs), resume_before=seq)
    return Found(seqs=tuple(seqs), resume_before=None)


def _candidates(tx: ReadTransaction, query: Query, bounds: Bounds) -> Iterator[tuple[int, int, str]]:
    """Yield number, time and text of what has the words, the newest first."""
    yield from _unindexed(tx, query, bounds)
    before = min(bounds.before or _NO_END, index.indexed_up_to(tx) + 1)
    while True:
        found = tx.query(
            "SELECT message.seq, sent_at, text FROM message_terms"
            " JOIN message ON message.seq = message_terms.rowid"
            " WHERE message_terms MATCH ? AND message_terms.rowid < ?"
            " ORDER BY message_terms.rowid DESC LIMIT ?",
            (_match(query, bounds), before, _CANDIDATES_AT_ONCE),
        )
        yield from cast("list[tuple[int, int, str]]", found)
        if len(found) < _CANDIDATES_AT_ONCE:
            return
        before = cast("int", found[-1][0])


def _unindexed(tx: ReadTransaction, query: Query, bounds: Bounds) -> Iterator[tuple[int, int, str]]:
    """Yield what is not indexed yet and has the words."""
    found = tx.query(
        "SELECT seq, sent_at, text FROM message WHERE seq > ?1 AND seq < ?2 AND text IS NOT NULL"
        " AND (?3 IS NULL OR conversation = ?3) AND (?4 IS NULL OR author = ?4) ORDER BY seq DESC",
        (index.indexed_up_to(tx), bounds.before or _NO_END, bounds.conversation, bounds.author),
    )
    for seq, sent_at, text in cast("list[tuple[int, int, str]]", found):
        if query.fits_terms(terms(text)):
            yield seq, sent_at, text


def _match(query: Query, bounds: Bounds) -> str:
    """Return the FTS5 expression (sqlite.org/fts5.html, section 3). No term has a quotation mark in it."""
    asked = [f'"{term}"' for term in query.terms] + [f'"{prefix}" *' for prefix in query.prefixes]
    if bounds.conversation is not None:
        asked.append(f'"{index.conversation_term(bounds.conversation)}"')
    if bounds.author is not None:
        asked.append(f'"{index.author_term(bounds.author)}"')
    return " AND ".join(asked)
