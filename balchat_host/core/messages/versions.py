"""What an author put in place of a message: all versions are kept, the latest is shown.

An edit names the message's first version; one that names anything else, or somebody else's message, changes nothing.
One that comes before the message waits for it. Reactions that came before what they name wait too; whatever links a
message or a version links them.
"""

from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import event_log, rows
from balchat_host.core.content import MimiContent, shown
from balchat_host.core.messages import mentions, targets
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import ConversationRow, MessageRow
from balchat_host.core.search import index
from balchat_host.core.unit_of_work import UnitOfWork

MAX_VERSIONS: Final = 100
"""How many versions of a message are kept besides the first: the latest."""
MAX_VERSIONS_SIZE: Final = 1024 * 1024
"""Octets that they have together, at most: a deletion erases all of them at once. The same holds for the edits of one
author that wait in a conversation: they may wait for the same message."""
MAX_REACTIONS: Final = 20
"""How many reactions of one person to one message there are; what comes beyond is forgotten."""
MAX_WAITING: Final = 256
"""How many edits of one author wait in a conversation for messages that have not come; the latest that came."""


def put(unit: UnitOfWork, said: Said) -> None:
    """Put what was said in place of an earlier message of its author's."""
    replaces = said.mimi.replaces
    assert replaces is not None, "it is a version"
    if unit.tx.query("SELECT 1 FROM version WHERE id = ?", (said.id,)):
        return
    targets.forget_unseen(unit, said.id)
    known = targets.own(unit.tx, said, replaces)
    message = None if known is None else known[0]
    void = (
        _is_no_message(unit.tx, replaces) or targets.is_somebody_elses(unit.tx, said, replaces)
        if known is None
        else known[1] not in targets.LIVE
    )
    # Nothing can be a version of a version.
    _void(unit, "replaces = ?2", said.conversation, said.id)
    unit.tx.execute(
        "INSERT INTO version (id, conversation, author, replaces, message, sent_at, sequence, received_at, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            said.id,
            said.conversation.id,
            said.author,
            replaces,
            None if void else message,
            *said.order[:2],
            unit.now,
            b"" if void else said.encoded,
        ),
    )
    if message is None or void:
        unit.tx.execute(
            "DELETE FROM version WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER latest AS n,"
            " sum(length(content)) OVER latest AS size FROM version WHERE message IS NULL AND conversation = ?"
            " AND author = ? WINDOW latest AS (ORDER BY rowid DESC)) WHERE n > ? OR (n > 1 AND size > ?))",
            (said.conversation.id, said.author, MAX_WAITING, MAX_VERSIONS_SIZE),
        )
    else:
        _show(unit, said.conversation, message)


def link(unit: UnitOfWork, message: int, said: Said) -> None:
    """Give a message that has just come what came for it before: versions by its author, and reactions."""
    _void(unit, "replaces = ?2 AND author <> ?3", said.conversation, said.id, said.author)
    if unit.tx.execute(
        "UPDATE version SET message = ? WHERE conversation = ? AND replaces = ? AND message IS NULL AND author = ?"
        " AND content <> x''",
        (message, said.conversation.id, said.id, said.author),
    ):
        _show(unit, said.conversation, message)
    else:
        _link_reactions(unit, said.conversation, message)


def forget_waiting(unit: UnitOfWork, conversation: ConversationRow, message_id: bytes) -> None:
    """Forget what waits for a message that is deleted before it came."""
    _void(unit, "replaces = ?2", conversation, message_id)
    unit.tx.execute(
        "UPDATE reaction SET emoji = NULL WHERE refers_to = ? AND message IS NULL AND conversation = ?",
        (message_id, conversation.id),
    )


def latest(tx: ReadTransaction, message: int) -> tuple[bytes, int, bytes] | None:
    """Return id, author's time and content of the latest version, or None where there is only the first."""
    found = tx.query(
        "SELECT id, sent_at, content FROM version WHERE message = ?"
        " ORDER BY sent_at DESC, sequence DESC, id DESC LIMIT 1",
        (message,),
    )
    return cast("tuple[bytes, int, bytes]", found[0]) if found else None


def shown_id(tx: ReadTransaction, row: MessageRow) -> bytes:
    """Return the id of the version of a message that is shown."""
    newest = latest(tx, row.seq) if row.edited else None
    return row.id if newest is None else newest[0]


def everything(tx: ReadTransaction, message: int) -> list[tuple[bytes, int, bytes]]:
    """Return id, author's time and content of all versions, the first one first."""
    found = tx.query(
        "SELECT id, min(sent_at, received_at), content FROM (SELECT id, content, 0 AS later, sent_at, 0 AS sequence,"
        " received_at FROM message WHERE seq = ?1 UNION ALL SELECT id, content, 1, sent_at, sequence, received_at"
        " FROM version WHERE message = ?1) ORDER BY later, sent_at, sequence, id",
        (message,),
    )
    return cast("list[tuple[bytes, int, bytes]]", found)


def count(tx: ReadTransaction, message: int) -> int:
    """Return how many versions there are besides the first."""
    return rows.number(tx, "SELECT count(*) FROM version WHERE message = ?", (message,))


def is_one(tx: ReadTransaction, identifier: bytes) -> bool:
    """Return whether an id is that of a version that is not the first."""
    return bool(tx.query("SELECT 1 FROM version WHERE id = ?", (identifier,)))


def _is_no_message(tx: ReadTransaction, identifier: bytes) -> bool:
    return bool(
        tx.query(
            "SELECT 1 FROM version WHERE id = ?1"
            " UNION ALL SELECT 1 FROM reaction WHERE id = ?1 AND refers_to IS NOT NULL",
            (identifier,),
        )
    )


def _void(unit: UnitOfWork, condition: str, conversation: ConversationRow, *parameters: bytes | int) -> None:
    """Have versions that wait change nothing, ever. That they came is remembered: they are no messages."""
    unit.tx.execute(
        "UPDATE version SET content = x'' WHERE message IS NULL AND conversation = ?1"  # noqa: S608  # our own text
        f" AND content <> x'' AND {condition}",
        (conversation.id, *parameters),
    )


def _show(unit: UnitOfWork, conversation: ConversationRow, message: int) -> None:
    """Show the latest version, and keep no more than there may be."""
    unit.tx.execute(
        "DELETE FROM version WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER latest AS n,"
        " sum(length(content)) OVER latest AS size FROM version WHERE message = ?1"
        " WINDOW latest AS (ORDER BY sent_at DESC, sequence DESC, id DESC)) WHERE n > ?2 OR (n > 1 AND size > ?3))",
        (message, MAX_VERSIONS, MAX_VERSIONS_SIZE),
    )
    _link_reactions(unit, conversation, message)
    newest = latest(unit.tx, message)
    assert newest is not None, "there is one"
    part = MimiContent.decode(newest[2]).part
    what = shown(part)
    is_indexed = bool(unit.tx.query("SELECT 1 FROM message WHERE seq = ? AND removal IS NULL", (message,)))
    if is_indexed:
        index.remove(unit, [message])
    unit.tx.execute(
        "UPDATE message SET text = ?, content_type = ?, disposition = ?, mentions_us = (author <> ? AND ?)"
        " WHERE seq = ?",
        (
            what.text,
            what.content_type,
            part.disposition,
            conversation.our_number,
            mentions.mentioned(what, conversation.us),
            message,
        ),
    )
    if is_indexed:
        index.add(unit, message)
    event_log.append_changed(unit, conversation.id, message, "text", "edited")


def _link_reactions(unit: UnitOfWork, conversation: ConversationRow, message: int) -> None:
    linked = unit.tx.execute(
        "UPDATE reaction SET message = ?1 WHERE message IS NULL AND conversation = ?2 AND emoji IS NOT NULL"
        " AND refers_to IN (SELECT id FROM message WHERE seq = ?1 UNION SELECT id FROM version WHERE message = ?1)",
        (message, conversation.id),
    )
    if linked:
        unit.tx.execute(
            "DELETE FROM reaction WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER"
            " (PARTITION BY author ORDER BY sent_at, id, place) AS n FROM reaction WHERE message = ?) WHERE n > ?)",
            (message, MAX_REACTIONS),
        )
