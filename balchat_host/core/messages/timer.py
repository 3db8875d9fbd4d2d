"""A conversation's timer: what is written from now on expires a while after it was read.

Whoever is in the conversation may set it, by a message of its own type. The last by its author's time, its number and
its id counts, on both sides; it is copied into each message, so that what a message does depends on no other one.
"""

from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.api.storage import ReadTransaction
from balchat_host.core import event_log
from balchat_host.core.content import Expiration
from balchat_host.core.messages.said import Said
from balchat_host.core.unit_of_work import UnitOfWork

_MAX_SECONDS: Final = 2**32 - 1


def encode(seconds: int | None) -> bytes:
    """Return the body of a timer: seconds after reading, or None for no timer."""
    return cbor.encode([seconds])


def decode(body: bytes) -> int | None:
    """Read the body of a timer. Raise MalformedContent."""
    try:
        item = cbor.decode(body, max_items=2, max_depth=1)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    match item:
        case [None]:
            return None
        case [int(seconds)] if not isinstance(seconds, bool) and 0 < seconds <= _MAX_SECONDS:
            return seconds
        case _:
            raise MalformedContent(problem="the timer has the wrong shape")


def put(unit: UnitOfWork, said: Said) -> None:
    """Set a conversation's timer, unless it was set later."""
    changed = unit.tx.execute(
        "UPDATE conversation SET expire_after = ?, timer_by = ?, timer_at = ?, timer_sequence = ?, timer_id = ?"
        " WHERE id = ? AND (timer_at, timer_sequence, timer_id) < (?, ?, ?)",
        (decode(said.mimi.body), said.author, *said.order, said.conversation.id, *said.order),
    )
    if changed:
        event_log.append_conversation(unit, said.conversation.id, ["expire_after", "timer_by"])


def of(tx: ReadTransaction, conversation: int) -> Expiration | None:
    """Return when what is written now expires, by the conversation's timer."""
    found = tx.query("SELECT expire_after FROM conversation WHERE id = ?", (conversation,))
    seconds = cast("int | None", found[0][0])
    return None if seconds is None else Expiration(relative=True, time=seconds)


def last_set(tx: ReadTransaction, conversation: int) -> int:
    """Return when it was last set, by its author's clock."""
    return cast("int", tx.query("SELECT timer_at FROM conversation WHERE id = ?", (conversation,))[0][0])
