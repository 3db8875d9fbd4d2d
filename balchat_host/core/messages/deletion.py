"""Deleting: a message for everybody, a reaction, a message here only.

Only its author deletes a message for everybody. The row stays without what it said, so that late copies, versions and
reactions change nothing, and so that everybody sees that there was one.
"""

from typing import cast

from balchat_host.core import event_log
from balchat_host.core.content import Disposition
from balchat_host.core.messages import adding, erasing, reactions, targets, versions
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import Removal
from balchat_host.core.unit_of_work import UnitOfWork


def take_back(unit: UnitOfWork, said: Said) -> None:
    """Take back what its author said before: a message, a reaction, or something that has not come yet."""
    target = said.mimi.replaces
    assert target is not None, "it takes something back"
    known = targets.own(unit.tx, said, target)
    if known is not None:
        _delete(unit, said, *known)
    elif targets.is_somebody_elses(unit.tx, said, target) or versions.is_one(unit.tx, target):
        pass
    elif _came(unit, said, target):
        _take_back_reaction(unit, said, target)
    elif said.mimi.part.disposition == Disposition.REACTION:
        _remember(unit, said, target)
    else:
        unit.tx.execute("DELETE FROM reaction WHERE id = ? AND author = ?", (target, said.author))
        adding.add_deleted(unit, said, target, Removal.UNSEEN)


def delete_here(unit: UnitOfWork, message: int) -> None:
    """Delete a message here only: it is not shown any more, and what waits of it still leaves."""
    erasing.keep_leaving(unit, message)
    event_log.append_removed(unit, message)
    erasing.erase(unit, message, Removal.FOR_ME)


def _delete(unit: UnitOfWork, said: Said, message: int, removal: str | None) -> None:
    if removal in targets.LIVE:
        erasing.withdraw(unit, message)
        erasing.erase(unit, message, Removal.DELETED if removal is None else Removal.EXPIRED)
        event_log.append_changed(unit, said.conversation.id, message, "text", "deleted")
    elif removal == Removal.UNSEEN and said.mimi.sequence is not None:
        # An earlier deletion of it may not have said which number it had.
        unit.tx.execute(
            "UPDATE message SET series = ?, sequence = ? WHERE seq = ? AND sequence IS NULL",
            (said.mimi.sequence.series, said.mimi.sequence.number, message),
        )


def _came(unit: UnitOfWork, said: Said, target: bytes) -> bool:
    """Return whether a reaction with an id has come from its author."""
    return bool(
        unit.tx.query(
            "SELECT 1 FROM reaction WHERE id = ? AND author = ? AND refers_to IS NOT NULL", (target, said.author)
        )
    )


def _take_back_reaction(unit: UnitOfWork, said: Said, target: bytes) -> None:
    messages = unit.tx.query(
        "SELECT DISTINCT message FROM reaction WHERE id = ? AND author = ? AND emoji IS NOT NULL",
        (target, said.author),
    )
    unit.tx.execute(
        "UPDATE reaction SET emoji = NULL, message = NULL WHERE id = ? AND author = ?", (target, said.author)
    )
    for (message,) in messages:
        if message is not None:
            event_log.append_changed(unit, said.conversation.id, cast("int", message), "reactions")
    reactions.forget_oldest(unit, said)


def _remember(unit: UnitOfWork, said: Said, target: bytes) -> None:
    """Remember that a reaction was taken back, so that it does not come back."""
    unit.tx.execute(
        "INSERT INTO reaction (id, place, conversation, author, sent_at, received_at) VALUES (?, 0, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (target, said.conversation.id, said.author, said.mimi.sent_at or 0, unit.now),
    )
    reactions.forget_oldest(unit, said)
