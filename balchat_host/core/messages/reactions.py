"""Reactions: one emoji each, several per person, each taken back by itself.

One to something that has not come waits for it. One to what is deleted is forgotten with it.
"""

from collections.abc import Sequence
from typing import Final, cast

from balchat_host.core import emoji, event_log, rows
from balchat_host.core.messages import targets, versions
from balchat_host.core.messages.said import Said
from balchat_host.core.messages.versions import MAX_REACTIONS
from balchat_host.core.unit_of_work import UnitOfWork

MAX_AT_ONCE: Final = 8
"""How many reactions one message may bring."""
MAX_WAITING: Final = 256
"""How many reactions of one author wait in a conversation for what has not come, and how many more are remembered
because they do nothing: they were taken back, or are to something deleted. The latest that came of each."""
KEPT: Final = 400 * 24 * 3600 * 1000
"""Milliseconds that is remembered what was taken back, and that what waits does."""


def react(unit: UnitOfWork, said: Said, emojis: Sequence[str]) -> None:
    """Add the reactions that were said at once, unless they are there, or were taken back before they came."""
    refers_to = said.mimi.in_reply_to
    assert refers_to is not None, "a reaction is to something"
    there = unit.tx.query("SELECT refers_to FROM reaction WHERE id = ? AND author = ?", (said.id, said.author))
    if there:
        # It is there, or was taken back before it came, which is proven now.
        unit.tx.execute(
            "UPDATE reaction SET refers_to = ? WHERE id = ? AND author = ?", (refers_to, said.id, said.author)
        )
        targets.forget_unseen(unit, said.id)
        versions.forget_waiting(unit, said.conversation, said.id)
        return
    known = targets.own(unit.tx, said, said.id)
    targets.forget_unseen(unit, said.id)
    versions.forget_waiting(unit, said.conversation, said.id)
    found = targets.any_message(unit.tx, said, refers_to)
    if known is not None or (found is not None and found[1] not in targets.LIVE):
        # It was taken back as if it were a message, or is to something that is deleted.
        _insert(unit, said, 0, None, None)
        forget_oldest(unit, said)
        return
    message = None if found is None else found[0]
    for place, each in enumerate(emojis[: _room(unit, said, message)]):
        _insert(unit, said, place, message, each)
    if message is None:
        forget_oldest(unit, said)
    else:
        event_log.append_changed(unit, said.conversation.id, message, "reactions")


def ours(unit: UnitOfWork, message: int, our_number: int, wanted: str) -> list[tuple[bytes, bytes]]:
    """Return the ids of our reactions with an emoji to a message, each with what it refers to."""
    found = unit.tx.query(
        "SELECT id, refers_to, emoji FROM reaction WHERE message = ? AND author = ? ORDER BY rowid",
        (message, our_number),
    )
    return [
        (cast("bytes", identifier), cast("bytes", refers_to))
        for identifier, refers_to, each in found
        if each is not None and emoji.key(cast("str", each)) == emoji.key(wanted)
    ]


def count(unit: UnitOfWork, message: int, author: int) -> int:
    """Return how many reactions somebody has to a message."""
    return rows.number(unit.tx, "SELECT count(*) FROM reaction WHERE message = ? AND author = ?", (message, author))


def forget_oldest(unit: UnitOfWork, said: Said) -> None:
    """Keep no more of an author's reactions that wait, and of those that do nothing, than there may be."""
    unit.tx.execute(
        "DELETE FROM reaction WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER"
        " (PARTITION BY emoji IS NULL ORDER BY rowid DESC) AS n FROM reaction WHERE message IS NULL"
        " AND conversation = ? AND author = ?) WHERE n > ?)",
        (said.conversation.id, said.author, MAX_WAITING),
    )


def expire(unit: UnitOfWork) -> None:
    """Forget what was taken back long ago, and what has waited for as long."""
    before = unit.now - KEPT
    unit.tx.execute("DELETE FROM reaction WHERE message IS NULL AND received_at < ?", (before,))
    unit.tx.execute("DELETE FROM version WHERE message IS NULL AND received_at < ?", (before,))


def _room(unit: UnitOfWork, said: Said, message: int | None) -> int:
    return MAX_AT_ONCE if message is None else max(0, MAX_REACTIONS - count(unit, message, said.author))


def _insert(unit: UnitOfWork, said: Said, place: int, message: int | None, each: str | None) -> None:
    unit.tx.execute(
        "INSERT INTO reaction (id, place, conversation, author, refers_to, message, emoji, sent_at, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            said.id,
            place,
            said.conversation.id,
            said.author,
            said.mimi.in_reply_to,
            message,
            each,
            said.mimi.sent_at or 0,
            unit.now,
        ),
    )
