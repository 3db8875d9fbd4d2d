"""Erases what a message said: text, versions, reactions, receipts, files; and sees to what of it waits to leave.

The database overwrites what is deleted (`secure_delete`); events and quotes refer to messages and copy nothing.
"""

from typing import Final, cast

from balchat_host.api.types import PeerId
from balchat_host.core import rows
from balchat_host.core.delivery import changes
from balchat_host.core.rows import Purpose, Removal
from balchat_host.core.search import index
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork, Withdrawn

MAX_WITHDRAWN: Final = 900
"""How much that is encrypted is withdrawn in a conversation while nothing of it gets through. Whoever reads what we
encrypt passes over 1,024 messages that never come, and no more (docs/spec/mls.md)."""
_OF_MESSAGE: Final = (
    "(payload.message = ?1 OR payload.message_id IN (SELECT id FROM version WHERE message = ?1"
    " UNION SELECT id FROM reaction WHERE message = ?1))"
)


def erase(unit: UnitOfWork, message: int, removal: Removal) -> None:
    """Erase what a message said. Before, say what becomes of what waits of it."""
    if unit.tx.query("SELECT 1 FROM message WHERE seq = ? AND removal IS NULL", (message,)):
        index.remove(unit, [message])
    unit.tx.execute("UPDATE version SET content = x'', message = NULL WHERE message = ?", (message,))
    unit.tx.execute("UPDATE reaction SET emoji = NULL, message = NULL WHERE message = ?", (message,))
    unit.tx.execute("DELETE FROM receipt WHERE message = ?", (message,))
    changes.forget(unit, message)
    unit.tx.execute("DELETE FROM attachment WHERE message = ?", (message,))
    unit.tx.execute(
        "UPDATE message SET removal = ?, text = NULL, content = x'', content_type = 'null', disposition = 0,"
        " in_reply_to = NULL, mentions_us = 0, expires_at = NULL, expires_after = NULL WHERE seq = ?",
        (removal, message),
    )
    unit.effect(ANNOUNCE)


def keep_leaving(unit: UnitOfWork, message: int) -> None:
    """Have what waits leave without the message, which is to go only here: others have not had their time with it."""
    unit.tx.execute(
        "UPDATE payload SET content = (SELECT content FROM message WHERE seq = ?1),"
        " message_id = (SELECT id FROM message WHERE seq = ?1), purpose = ?2, message = NULL WHERE message = ?1",
        (message, Purpose.CONTROL),
    )


def stop_encrypting(unit: UnitOfWork, message: int) -> None:
    """Keep no plaintext of a message for others. What is encrypted leaves as it is."""
    unit.tx.execute(f"DELETE FROM payload WHERE ciphertext IS NULL AND {_OF_MESSAGE}", (message,))  # noqa: S608  # our own text
    unit.tx.execute(
        "UPDATE payload SET content = NULL, purpose = ?2, message = NULL,"  # noqa: S608  # our own text
        " message_id = coalesce(message_id, (SELECT id FROM message WHERE seq = ?1))"
        f" WHERE {_OF_MESSAGE}",
        (message, Purpose.CONTROL),
    )


def withdraw(unit: UnitOfWork, message: int) -> None:
    """Have nothing of a message leave any more, also where it is encrypted, as far as readers can do without it."""
    encrypted = rows.number(
        unit.tx,
        f"SELECT count(*) FROM payload WHERE ciphertext IS NOT NULL AND {_OF_MESSAGE}",  # noqa: S608  # our own text
        (message,),
    )
    ((conversation, before),) = unit.tx.query(
        "SELECT conversation.id, withdrawn FROM message JOIN conversation ON conversation.id = message.conversation"
        " WHERE seq = ?",
        (message,),
    )
    withdrawn = encrypted + (cast("int", before) if _more_waits(unit, message) else 0)
    if withdrawn > MAX_WITHDRAWN:
        stop_encrypting(unit, message)
        return
    unit.tx.execute("UPDATE conversation SET withdrawn = ? WHERE id = ?", (withdrawn, conversation))
    for (peer,) in unit.tx.query(
        "SELECT DISTINCT account_key FROM payload JOIN delivery ON delivery.payload = payload.id"  # noqa: S608  # our own text
        f" JOIN peer ON peer.id = delivery.peer WHERE {_OF_MESSAGE}",
        (message,),
    ):
        unit.effect(Withdrawn(peer=PeerId(cast("bytes", peer))))
    unit.tx.execute(f"DELETE FROM payload WHERE {_OF_MESSAGE}", (message,))  # noqa: S608  # our own text


def _more_waits(unit: UnitOfWork, message: int) -> bool:
    """Return whether something else waits to leave in the message's conversation: what was withdrawn is not passed."""
    return bool(
        unit.tx.query(
            "SELECT 1 FROM message JOIN payload ON payload.conversation = message.conversation"  # noqa: S608  # our own text
            f" WHERE seq = ?1 AND payload.id NOT IN (SELECT id FROM payload WHERE {_OF_MESSAGE}) LIMIT 1",
            (message,),
        )
    )
