"""Puts a message into the history, ours and those of others, with all that came for it before it did."""

from typing import Final

from balchat_host.core import conversations, event_log
from balchat_host.core.content import TIMER, Disposition, shown
from balchat_host.core.files import receiving
from balchat_host.core.messages import expiry, mentions, targets, versions
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import Removal
from balchat_host.core.unit_of_work import UnitOfWork

_INSERT: Final = (
    "INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text, content,"
    " in_reply_to, series, sequence, expires_after, expires_at, removal, mentions_us,"
    " way) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def add(unit: UnitOfWork, said: Said) -> None:
    """Add a message, unless it is there, or was deleted before it came; with what came for it before it did."""
    known = targets.own(unit.tx, said, said.id)
    if known is not None:
        if known[1] == Removal.UNSEEN:
            unit.tx.execute("UPDATE message SET removal = ? WHERE seq = ?", (Removal.DELETED, known[0]))
            versions.forget_waiting(unit, said.conversation, said.id)
            targets.forget_unseen(unit, said.id)
        return
    targets.forget_unseen(unit, said.id)
    if unit.tx.execute("DELETE FROM reaction WHERE id = ? AND author = ?", (said.id, said.author)):
        # It was taken back as if it were a reaction.
        add_deleted(unit, said, said.id, Removal.DELETED)
    else:
        versions.link(unit, add_new(unit, said), said)


def add_new(unit: UnitOfWork, said: Said) -> int:
    """Add a message of which nobody has heard; return its place in the order."""
    expires_after, expires_at = expiry.of(said, now=unit.now)
    due = expires_at is not None and expires_at <= unit.now
    what, mimi = shown(said.mimi.part), said.mimi
    seq = unit.insert(
        _INSERT,
        (
            said.id,
            said.conversation.id,
            said.author,
            _shown_time(unit, said),
            unit.now,
            what.content_type,
            mimi.part.disposition,
            what.text,
            said.encoded,
            mimi.in_reply_to,
            mimi.sequence.series if mimi.sequence else None,
            mimi.sequence.number if mimi.sequence else None,
            expires_after,
            expires_at,
            Removal.HIDDEN if due else None,
            not said.ours and mentions.mentioned(what, said.conversation.us),
            said.way,
        ),
    )
    if not said.ours:
        receiving.receive(unit, seq, said, over=due)
    if expires_at is not None:
        expiry.count_from_now(unit)
    if not due:
        event_log.append_message(unit, said.conversation.id, seq)
        conversations.on_message(unit, said.conversation, text=what.text, ours=said.ours)
    return seq


def add_timer(unit: UnitOfWork, said: Said) -> int | None:
    """Add a line that says that its author set the timer; return its place in the order, None where it is there."""
    known = targets.own(unit.tx, said, said.id)
    if known is not None and known[1] != Removal.UNSEEN:
        return None
    targets.forget_unseen(unit, said.id)
    seq = unit.insert(
        _INSERT,
        (
            said.id,
            said.conversation.id,
            said.author,
            _shown_time(unit, said),
            unit.now,
            TIMER,
            Disposition.UNSPECIFIED,
            None,
            said.encoded,
            None,
            None,
            None,
            None,
            None,
            Removal.TIMER,
            False,
            said.way,
        ),
    )
    event_log.append_message(unit, said.conversation.id, seq)
    return seq


def add_deleted(unit: UnitOfWork, said: Said, message_id: bytes, removal: Removal) -> None:
    """Add a message that its author deleted, without what it said: its place is shown, and it does not come back.

    The deletion has the time and the number of the message, so that none seems to be missing.
    """
    sequence = said.mimi.sequence
    seq = unit.insert(
        _INSERT,
        (
            message_id,
            said.conversation.id,
            said.author,
            _shown_time(unit, said),
            unit.now,
            "null",
            0,
            None,
            b"",
            None,
            sequence.series if sequence else None,
            sequence.number if sequence else None,
            None,
            None,
            removal,
            False,
            said.way,
        ),
    )
    if removal is Removal.DELETED:
        versions.forget_waiting(unit, said.conversation, message_id)
    event_log.append_message(unit, said.conversation.id, seq)


def _shown_time(unit: UnitOfWork, said: Said) -> int:
    # An author's clock may be wrong; nothing is shown as from the future.
    return min(said.mimi.sent_at or unit.now, unit.now)
