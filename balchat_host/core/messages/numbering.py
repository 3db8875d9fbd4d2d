"""Numbers what we write for people, so that readers see when one is missing: docs/spec/content.md, `balchat.sequence`.

A series belongs to one conversation and one device. Eras come and go without a change of it. A device that goes on from
a backup is another one, and begins another series: the numbers that it would give out may be taken.
"""

from typing import Final, cast

from balchat_host.core.content import Sequence
from balchat_host.core.rows import ConversationRow
from balchat_host.core.unit_of_work import UnitOfWork

_SERIES_SIZE: Final = 8


def take(unit: UnitOfWork, conversation: ConversationRow) -> Sequence:
    """Return the number of the next message that we write into a conversation."""
    taken = unit.tx.query(
        "UPDATE own_series SET last = last + 1 WHERE conversation = ? RETURNING series, last", (conversation.id,)
    )
    if taken:
        ((series, number),) = taken
        return Sequence(series=cast("bytes", series), number=cast("int", number))
    series = unit.entropy(_SERIES_SIZE)
    unit.tx.execute("INSERT INTO own_series (conversation, series, last) VALUES (?, ?, 1)", (conversation.id, series))
    return Sequence(series=series, number=1)


def forget_all(unit: UnitOfWork) -> None:
    """Begin another series in each conversation."""
    unit.tx.execute("DELETE FROM own_series")
