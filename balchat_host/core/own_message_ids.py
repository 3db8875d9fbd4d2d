"""The ids of what we said, also to a contact's balchat alone, so that a status of anything else shows.

Messages stand in `message` for as long as their conversation is there. The ids of all else, and those of the messages
of conversations that are gone, are kept for 90 days: so long somebody may still say what became of them.
"""

from typing import Final

from balchat_host.core.rows import ConversationRow
from balchat_host.core.unit_of_work import UnitOfWork

_DAY: Final = 24 * 3600 * 1000
KEPT_FOR: Final = 90
"""Days that an id is kept, counted from when it last waited to leave."""


def keep(unit: UnitOfWork, message_id: bytes) -> None:
    """Keep the id of something other than a message."""
    unit.tx.execute(
        "INSERT INTO own_message_id (id, day) VALUES (?, ?) ON CONFLICT DO NOTHING", (message_id, _today(unit))
    )


def keep_all(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Keep the ids of the messages of a conversation that is about to be deleted."""
    unit.tx.execute(
        "INSERT INTO own_message_id (id, day) SELECT id, ? FROM message WHERE conversation = ? AND author = ?"
        " AND received_at >= ? ON CONFLICT DO NOTHING",
        (_today(unit), conversation.id, conversation.our_number, unit.now - KEPT_FOR * _DAY),
    )


def is_known(unit: UnitOfWork, message_id: bytes) -> bool:
    """Return whether we said something with that id, as far as we know."""
    return bool(
        unit.tx.query(
            "SELECT 1 FROM own_message_id WHERE id = ?1 UNION ALL SELECT 1 FROM message WHERE id = ?1"
            " AND author = (SELECT peer FROM account)",
            (message_id,),
        )
    )


def expire(unit: UnitOfWork) -> None:
    """Forget the ids that are old; of what still waits to leave, the time begins again."""
    old = _today(unit) - KEPT_FOR
    unit.tx.execute(
        "UPDATE own_message_id SET day = ? WHERE day < ?"
        " AND id IN (SELECT message_id FROM payload WHERE message_id IS NOT NULL)",
        (_today(unit), old),
    )
    unit.tx.execute("DELETE FROM own_message_id WHERE day < ?", (old,))


def _today(unit: UnitOfWork) -> int:
    return unit.now // _DAY
