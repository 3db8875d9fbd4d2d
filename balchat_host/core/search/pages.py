"""What people and programs see of a search."""

import re
from typing import Final

from balchat_host.api.errors import BadInput
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import SearchHit, SearchPage
from balchat_host.core import account, contacts, conversations, rows
from balchat_host.core.content import is_markdown
from balchat_host.core.message_views import message_views
from balchat_host.core.messages import history, mentions
from balchat_host.core.names import means_ourselves
from balchat_host.core.rows import MessageRow
from balchat_host.core.search import words
from balchat_host.core.search.searching import Bounds, search
from balchat_host.core.search.words import Query

MAX_HITS: Final = 200
_AROUND: Final = 60
"""Characters of an excerpt on each side of the word that was found."""
_LOOKED_THROUGH: Final = 2048
"""Characters of a text in which an excerpt looks for the word: a page may have hundreds of the longest texts."""
_WORD: Final = re.compile(r"\w+")


def bounds(
    tx: ReadTransaction,
    *,
    conversation: str | None,
    author: str | None,
    since: int | None,
    until: int | None,
    before: str | None,
) -> Bounds:
    """Return where to look, from what people call it. Raise NoSuchConversation, NoSuchContact, NoSuchMessage."""
    return Bounds(
        conversation=None if conversation is None else conversations.find(tx, conversation).id,
        author=None if author is None else _author(tx, author),
        since=since,
        until=until,
        before=None if before is None else history.find(tx, before).seq,
    )


def _author(tx: ReadTransaction, author: str) -> int:
    return account.load(tx).number if means_ourselves(author) else contacts.find(tx, author).id


def check_limit(limit: int) -> None:
    """Raise BadInput for a number of hits that is not to be had."""
    if not 1 <= limit <= MAX_HITS:
        raise BadInput(what="The limit", problem=f"it must be 1 to {MAX_HITS}")


def page(tx: ReadTransaction, *, query: Query, within: Bounds, limit: int) -> tuple[SearchPage, int | None]:
    """Return what `searching.search` finds as it is shown, and `message.seq` of where to go on."""
    found = search(tx, query, within, limit=limit)
    shown = {row.seq: row for row in _rows(tx, found.seqs)}
    hits = [_hit(tx, shown[seq], query) for seq in found.seqs]
    resume = found.resume_before and _rows(tx, (found.resume_before,))[0].id.hex()
    return SearchPage(hits=hits, resume_before=resume or None), found.resume_before


def _rows(tx: ReadTransaction, seqs: tuple[int, ...]) -> list[MessageRow]:
    return rows.messages_where(tx, f"message.seq IN ({', '.join('?' * len(seqs))})", seqs) if seqs else []


def _hit(tx: ReadTransaction, row: MessageRow, query: Query) -> SearchHit:
    title = conversations.title(tx, row.conversation)
    (view,) = message_views(tx, [row])
    text = mentions.as_names(view.text or "") if is_markdown(view.content_type) else view.text or ""
    return SearchHit(message=view, title=title, excerpt=excerpt(text, query))


def excerpt(text: str, query: Query) -> str:
    """Return the part of a text around the first word that a query asks for, in one line.

    It is the text's beginning where that word does not stand among the first `_LOOKED_THROUGH` characters.
    """
    line = " ".join(text.split())
    place = _first(line, query)
    start, end = max(0, place - _AROUND), place + _AROUND
    before, after = "…" * (start > 0), "…" * (end < len(line))
    return before + line[start:end].strip() + after


def _first(line: str, query: Query) -> int:
    for word in _WORD.finditer(line, 0, _LOOKED_THROUGH):
        present = words.terms(word.group())
        if not present.isdisjoint(query.terms) or any(
            term.startswith(prefix) for prefix in query.prefixes for term in present
        ):
            return word.start()
    return 0
