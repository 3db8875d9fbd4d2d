"""Puts a message into the history, ours and those of others."""

from balchat_host.core import conversations, event_log
from balchat_host.core.content import MimiContent, shown
from balchat_host.core.rows import ConversationRow
from balchat_host.core.unit_of_work import UnitOfWork


def add(
    unit: UnitOfWork,
    conversation: ConversationRow,
    author: int,
    mimi: MimiContent,
    identifier: bytes,
    *,
    encoded: bytes,
) -> int | None:
    """Add a message of the peer `author`; return its place in the order, or None where it is there already."""
    what = shown(mimi.part)
    seq = unit.tx.insert(
        "INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text, content,"
        " in_reply_to, replaces, series, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING",
        (
            identifier,
            conversation.id,
            author,
            # An author's clock may be wrong; nothing is shown as from the future.
            min(mimi.sent_at or unit.now, unit.now),
            unit.now,
            what.content_type,
            mimi.part.disposition,
            what.text,
            encoded,
            mimi.in_reply_to,
            mimi.replaces,
            mimi.sequence.series if mimi.sequence else None,
            mimi.sequence.number if mimi.sequence else None,
        ),
    )
    if seq is not None:
        event_log.append_message(unit, conversation.id, seq)
        conversations.on_message(unit, conversation, text=what.text, ours=author == conversation.our_number)
    return seq
