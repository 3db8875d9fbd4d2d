"""What we did with a message after it was written, and how far that has come: edits, its deletion, reactions.

Each leaves as a payload of its own, called by its id. What is shown here of a message that we have edited is no further
than its latest edit; of one that we have deleted, it is as far as the deletion.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import ChangeKind, MessageState
from balchat_host.core import emoji
from balchat_host.core.delivery import progress
from balchat_host.core.delivery.progress import Progress, Step
from balchat_host.core.unit_of_work import UnitOfWork

_OF_PAYLOADS: Final = "FROM payload LEFT JOIN delivery ON delivery.payload = payload.id WHERE message_id = change.id"
_RECEIPTS: Final = "FROM change_receipt WHERE change_receipt.change = change.number"
_FAILED: Final = f"change_receipt.state = {Step.FAILED:d}"
# A message is read as it is shown by whoever read it after they had this.
_READ: Final = (
    f"(SELECT count(*) {_RECEIPTS} AND EXISTS (SELECT 1 FROM receipt WHERE receipt.message = change.message"  # noqa: S608  # our own text
    f" AND receipt.peer = change_receipt.peer AND receipt.state = {Step.READ:d} AND receipt.at >= change_receipt.at))"
)
_COLUMNS: Final = (
    f"(SELECT count(*) {_OF_PAYLOADS}), (SELECT max(delivery.state) {_OF_PAYLOADS}),"  # noqa: S608  # our own text
    f" (SELECT min(delivery.reason) {_OF_PAYLOADS}), (SELECT count(*) {_RECEIPTS}), {_READ},"
    f" (SELECT count(*) {_RECEIPTS} AND {_FAILED}), (SELECT min(reason) {_RECEIPTS}),"
    " (SELECT count(*) - 1 FROM message JOIN member ON member.conversation = message.conversation"
    " WHERE message.seq = change.message)"
)
"""What `progress.read` reads, of a row of `change`."""
_LATEST: Final = "message = ? AND kind IN ('edit', 'delete') ORDER BY number DESC LIMIT 1"
_FURTHER: Final = tuple(MessageState)
"""The states in their order; one that failed is worse than none."""


def note(unit: UnitOfWork, said: bytes, message: int, kind: ChangeKind, with_emoji: str | None = None) -> None:
    """Note that we did something with a message; `said` is the id of what says so to others.

    Of reacting and taking back with one emoji, the last counts.
    """
    if with_emoji is not None:
        for number, each in _reactions(unit.tx, [message]):
            if emoji.key(each) == emoji.key(with_emoji):
                unit.tx.execute("DELETE FROM change WHERE number = ?", (number,))
    unit.tx.execute(
        "INSERT INTO change (id, message, kind, emoji, made_at) VALUES (?, ?, ?, ?, ?)",
        (said, message, kind, with_emoji, unit.now),
    )


def forget(unit: UnitOfWork, message: int) -> None:
    """Forget what we did with a message that is erased."""
    unit.tx.execute("DELETE FROM change WHERE message = ?", (message,))


def latest(tx: ReadTransaction, message: int) -> list[tuple[int, bytes, ChangeKind]]:
    """Return number, id and kind of our latest edit of a message, or of its deletion, if there is one."""
    found = tx.query(f"SELECT number, id, kind FROM change WHERE {_LATEST}", (message,))  # noqa: S608  # our own text
    return [(cast("int", number), cast("bytes", said), ChangeKind(cast("str", kind))) for number, said, kind in found]


def of(tx: ReadTransaction, message: int, itself: Progress) -> Progress:
    """Return how far what is shown of a message of ours is; `itself` is how far the message is as it was written."""
    found = tx.query(f"SELECT kind, {_COLUMNS} FROM change WHERE {_LATEST}", (message,))  # noqa: S608  # our own text
    if not found:
        return itself
    changed = progress.read(found[0][1:])
    if found[0][0] == ChangeKind.DELETE or changed.state is MessageState.FAILED:
        return changed
    if itself.state is MessageState.FAILED or _FURTHER.index(itself.state) < _FURTHER.index(changed.state):
        return itself
    return replace(changed, delivered_to=min(itself.delivered_to, changed.delivered_to))


def reaction_states(tx: ReadTransaction, messages: Sequence[int]) -> dict[tuple[int, str], MessageState]:
    """Return how far our reactions to messages have come, by message and `emoji.key`."""
    found = tx.query(
        f"SELECT message, emoji, {_COLUMNS} FROM change WHERE message IN ({','.join(map(str, messages))})"  # noqa: S608  # numbers
        " AND kind = 'react'"
    )
    return {
        (cast("int", message), emoji.key(cast("str", each))): progress.read(columns).state
        for message, each, *columns in found
    }


def _reactions(tx: ReadTransaction, messages: Sequence[int]) -> list[tuple[int, str]]:
    found = tx.query(
        f"SELECT number, emoji FROM change WHERE message IN ({','.join(map(str, messages))}) AND emoji IS NOT NULL"  # noqa: S608  # numbers
    )
    return cast("list[tuple[int, str]]", found)
