"""A conversation's timer: what is written from now on expires a while after it was read. A line says who set it.

Whoever is in the conversation may set it, by a message of its own type. The last by its author's time, its number and
its id counts, on both sides; it is copied into each message, so that what a message does depends on no other one.
"""

from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import event_log
from balchat_host.core.content import Expiration, timer_body
from balchat_host.core.messages import adding
from balchat_host.core.messages.said import Said
from balchat_host.core.unit_of_work import UnitOfWork


def put(unit: UnitOfWork, said: Said) -> int | None:
    """Set a conversation's timer, unless it was set later, and show that somebody did; return the line's `seq`.

    Return None where it has come before.
    """
    line = adding.add_timer(unit, said)
    if line is None:
        return None
    changed = unit.tx.execute(
        "UPDATE conversation SET expire_after = ?, timer_by = ?, timer_at = ?, timer_sequence = ?, timer_id = ?"
        " WHERE id = ? AND (timer_at, timer_sequence, timer_id) < (?, ?, ?)",
        (timer_body.decode(said.mimi.body), said.author, *said.order, said.conversation.id, *said.order),
    )
    if changed:
        event_log.append_conversation(unit, said.conversation.id, ["expire_after", "timer_by"])
    return line


def of(tx: ReadTransaction, conversation: int) -> Expiration | None:
    """Return when what is written now expires, by the conversation's timer."""
    found = tx.query("SELECT expire_after FROM conversation WHERE id = ?", (conversation,))
    seconds = cast("int | None", found[0][0])
    return None if seconds is None else Expiration(relative=True, time=seconds)


def last_set(tx: ReadTransaction, conversation: int) -> int:
    """Return when it was last set, by its author's clock."""
    return cast("int", tx.query("SELECT timer_at FROM conversation WHERE id = ?", (conversation,))[0][0])
