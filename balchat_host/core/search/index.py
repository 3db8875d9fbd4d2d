"""The search index: which messages have a term.

It is an FTS5 table inside the vault that holds no text and no positions, only which rows have a term. A message's
conversation and author are terms too, made of characters that no text is indexed by, so that a search within a
conversation costs no more than one in all of them.

Messages are indexed some time after they came, many at once (`advance`): done with each message, it would take half as
long again as all the rest of writing one (docs/decisions/0027-messages-are-indexed-later.md). What is not indexed yet
is looked at row by row (`searching`).
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import rows
from balchat_host.core.search.words import RULES, terms
from balchat_host.core.unit_of_work import UnitOfWork

BATCH: Final = 64
"""How many messages are indexed in one unit, at most."""
_BATCH_SIZE: Final = 16 * 1024
"""Octets of texts in one unit at most, unless one alone is longer: somebody may write nothing but the longest texts."""
MAX_TERMS: Final = 2048
"""Terms of a message at most: to take out each costs a search in the whole index. A message with more has one term that
says so, and is read when something is searched. In most languages that is more than 20,000 characters."""
_REMOVED_AT_ONCE: Final = 1000
"""How many messages are taken out one by one; where more go, the index is made again."""
_REMOVED_SIZE: Final = 512 * 1024
"""Characters of a conversation that are taken out message by message; where it has more, the index is made again."""
_CONVERSATION, _AUTHOR, LONG = "\ue000", "\ue001", "\ue002"
"""What the terms of a conversation and an author begin with, and the term of a message with too many others: private
use characters, which are in no word."""

_Row: TypeAlias = tuple[int, int, int, str | None]
"""Number, conversation, author and text of a message."""
_FIRST_SECURE_DELETE: Final = (3, 42)


def conversation_term(conversation: int) -> str:
    """Return the term that every message of a conversation has."""
    return f"{_CONVERSATION}{conversation}"


def author_term(author: int) -> str:
    """Return the term that every message of a peer has."""
    return f"{_AUTHOR}{author}"


def indexed_up_to(tx: ReadTransaction) -> int:
    """Return up to which `message.seq` messages are in the index: those that are shown and have a text.

    None is in one that was made by other rules: what cannot be taken out of it again is not looked for.
    """
    return rows.number(tx, "SELECT indexed_up_to FROM search_progress WHERE rules = ?", (RULES,))


def waiting(tx: ReadTransaction, *, at_most: int) -> int:
    """Return how many messages are not indexed yet, counting `at_most`."""
    return rows.number(
        tx, "SELECT count(*) FROM (SELECT 1 FROM message WHERE seq > ? LIMIT ?)", (indexed_up_to(tx), at_most)
    )


def advance(unit: UnitOfWork) -> bool:
    """Index the next messages; return whether there are more."""
    if unit.tx.query("SELECT rules FROM search_progress") != [(RULES,)]:
        start_again(unit)
    found = unit.tx.query(
        "SELECT seq, conversation, author, iif(removal IS NULL, text, NULL) FROM message WHERE seq > ?"
        " ORDER BY seq LIMIT ?",
        (indexed_up_to(unit.tx), BATCH),
    )
    room = _BATCH_SIZE
    last = 0
    for row in cast("list[_Row]", found):
        room -= len((row[3] or "").encode())
        if last and room < 0:
            break
        _write(unit, row)
        last = row[0]
    if found:
        unit.tx.execute("UPDATE search_progress SET indexed_up_to = ?", (last,))
    return len(found) == BATCH or room < 0


def remove(unit: UnitOfWork, seqs: Sequence[int]) -> None:
    """Take messages out of the index. Call it while their rows are still shown and have the text that was indexed."""
    if len(seqs) > _REMOVED_AT_ONCE:
        start_again(unit)
        return
    last = indexed_up_to(unit.tx)
    for seq in seqs:
        if seq <= last:
            _write_again(unit, seq, command="delete")


def remove_conversation(unit: UnitOfWork, conversation: int) -> None:
    """Take all messages of a conversation out of the index, while their rows are still there."""
    found = unit.tx.query(
        "SELECT seq, length(text) FROM message WHERE conversation = ? AND text IS NOT NULL AND removal IS NULL LIMIT ?",
        (conversation, _REMOVED_AT_ONCE + 1),
    )
    if sum(cast("int", size) for _, size in found) > _REMOVED_SIZE:
        start_again(unit)
    else:
        remove(unit, [cast("int", seq) for seq, _ in found])


def add(unit: UnitOfWork, seq: int) -> None:
    """Index a message again whose text has changed, after `remove`. One that is not indexed yet waits as it did."""
    if seq <= indexed_up_to(unit.tx):
        _write_again(unit, seq)


def start_again(unit: UnitOfWork) -> None:
    """Empty the index, to be made again by `advance`. Until it is, what was said before is not found."""
    unit.tx.execute("INSERT INTO message_terms (message_terms) VALUES ('delete-all')")
    if _sqlite_version(unit.tx) >= _FIRST_SECURE_DELETE:
        # What is taken out leaves the index at once, not when it is merged some day (sqlite.org/fts5.html, 6.11).
        unit.tx.execute("INSERT INTO message_terms (message_terms, rank) VALUES ('secure-delete', 1)")
    unit.tx.execute("INSERT OR REPLACE INTO search_progress (only, indexed_up_to, rules) VALUES (1, 0, ?)", (RULES,))


def _sqlite_version(tx: ReadTransaction) -> tuple[int, ...]:
    return tuple(int(part) for part in cast("str", tx.query("SELECT sqlite_version()")[0][0]).split("."))


def _write_again(unit: UnitOfWork, seq: int, *, command: str | None = None) -> None:
    # One that is not shown is not in the index: SQLite takes the index for broken when that is taken out again.
    row_of = "SELECT seq, conversation, author, text FROM message WHERE seq = ? AND removal IS NULL"
    for row in unit.tx.query(row_of, (seq,)):
        _write(unit, cast("_Row", row), command=command)


def _write(unit: UnitOfWork, row: _Row, *, command: str | None = None) -> None:
    """Add a message's terms, or take them out (sqlite.org/fts5.html, 4.4.4). Of one without text there are none."""
    seq, conversation, author, text = row
    if text is None:
        return
    found = terms(text)
    if len(found) > MAX_TERMS:
        found = {LONG}
    everything = " ".join((*found, conversation_term(conversation), author_term(author)))
    if command is None:
        unit.tx.execute("INSERT INTO message_terms (rowid, terms) VALUES (?, ?)", (seq, everything))
    else:
        unit.tx.execute(
            "INSERT INTO message_terms (message_terms, rowid, terms) VALUES (?, ?, ?)", (command, seq, everything)
        )
