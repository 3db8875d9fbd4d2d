"""What something that was said refers to. Nothing refers into another conversation, and nobody speaks for another.

An id is derived from its author, among other things. So a message that came proves whose its id is; that somebody says
to have deleted one that has not come (`Removal.UNSEEN`) proves nothing.
"""

from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import event_log
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import Removal
from balchat_host.core.unit_of_work import UnitOfWork

LIVE = (None, Removal.HIDDEN)
"""Of a message that has what it said, shown or not."""


def own(tx: ReadTransaction, said: Said, message_id: bytes) -> tuple[int, str | None] | None:
    """Return place and removal of the author's message with an id, if there is a row of it."""
    found = tx.query(
        "SELECT seq, removal FROM message WHERE id = ? AND author = ? AND conversation = ?",
        (message_id, said.author, said.conversation.id),
    )
    return cast("tuple[int, str | None]", found[0]) if found else None


def is_somebody_elses(tx: ReadTransaction, said: Said, message_id: bytes) -> bool:
    """Return whether somebody else has written what has an id."""
    return bool(
        tx.query(
            "SELECT 1 FROM message WHERE id = ?1 AND author <> ?2 AND removal IS NOT ?3"
            " UNION ALL SELECT 1 FROM reaction WHERE id = ?1 AND author <> ?2 AND refers_to IS NOT NULL"
            " UNION ALL SELECT 1 FROM version WHERE id = ?1 AND author <> ?2",
            (message_id, said.author, Removal.UNSEEN),
        )
    )


def any_message(tx: ReadTransaction, said: Said, message_id: bytes) -> tuple[int, str | None] | None:
    """Return place and removal of the message, anybody's, that has an id or a version with it, if it came."""
    found = tx.query(
        "SELECT seq, removal FROM message WHERE conversation = ?1 AND removal IS NOT ?3 AND (id = ?2"
        " OR seq = (SELECT message FROM version WHERE id = ?2)) LIMIT 1",
        (said.conversation.id, message_id, Removal.UNSEEN),
    )
    return cast("tuple[int, str | None]", found[0]) if found else None


def forget_unseen(unit: UnitOfWork, message_id: bytes) -> None:
    """Forget that a message with an id was said to be deleted: what has the id has come, and is something else."""
    for (seq,) in unit.tx.query("SELECT seq FROM message WHERE id = ? AND removal = ?", (message_id, Removal.UNSEEN)):
        event_log.append_removed(unit, cast("int", seq))
        unit.tx.execute("DELETE FROM message WHERE seq = ?", (seq,))
