"""Writing a message, and sending once more one that failed."""

from typing import cast

from balchat_host.api.errors import BadInput, TextTooLong
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import MessageState, MessageView
from balchat_host.core import contacts, content, conversations, eras, membership, rows
from balchat_host.core.content import MimiContent, SinglePart
from balchat_host.core.delivery import progress, queue, reports
from balchat_host.core.delivery.progress import Step
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.identifiers import identify
from balchat_host.core.messages import history
from balchat_host.core.messages.adding import add
from balchat_host.core.rows import ConversationRow, Era, MessageRow
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import message_view


def compose(unit: UnitOfWork, which: str, text: str, *, reply_to: str | None) -> MessageView:
    """Write a message: it is in the history, encrypted and queued, or not at all.

    Raise NoSuchConversation, ContactBlocked, NoSuchMessage, TextTooLong, BadInput.
    """
    conversation = conversations.find(unit.tx, which)
    _require_unblocked(unit.tx, conversation)
    body = _body(text)
    era = eras.sending(unit.tx, conversation)
    replied_to = history.find(unit.tx, reply_to, conversation=conversation).id if reply_to else None
    mimi = MimiContent(
        salt=unit.entropy(content.SALT_SIZE),
        part=SinglePart(content_type=content.TEXT, content=body),
        sent_at=unit.now,
        sequence=_next(unit.tx, conversation, era),
        in_reply_to=replied_to,
    )
    encoded = mimi.encode()
    identifier = identify(mimi, encoded, author=conversation.us, conversation_id=conversation.conversation_id)
    seq = add(unit, conversation, conversation.our_number, mimi, identifier, encoded=encoded)
    assert seq is not None, "a fresh salt makes a fresh id"
    others = len(membership.others(unit.tx, conversation))
    if others:
        queue.queue_message(unit, conversation, seq, encoded, era)
    _hurry(unit, conversation)
    row = MessageRow(
        seq=seq,
        id=identifier,
        conversation=conversation.id,
        conversation_id=conversation.conversation_id,
        author=conversation.us,
        author_name=None,
        ours=True,
        sent_at=unit.now,
        content_type=content.TEXT,
        text=text,
        in_reply_to=replied_to,
        progress=progress.at_first(recipients=others),
    )
    return message_view(row)


def retry(unit: UnitOfWork, which: str) -> MessageView:
    """Send once more what failed, under the same id, to whom it failed.

    Raise NoSuchMessage, ContactBlocked, BadInput.
    """
    row = history.find(unit.tx, which)
    if row.state is not MessageState.FAILED:
        raise BadInput(what="The message", problem=f"it has not failed; it is {row.state}")
    conversation = conversations.by_number(unit.tx, row.conversation)
    _require_unblocked(unit.tx, conversation)
    with reports.watching(unit, row.seq):
        unit.tx.execute("DELETE FROM receipt WHERE message = ? AND state = ?", (row.seq, Step.FAILED))
        encoded = unit.tx.query("SELECT content FROM message WHERE seq = ?", (row.seq,))[0][0]
        queue.queue_message(unit, conversation, row.seq, cast("bytes", encoded), eras.sending(unit.tx, conversation))
    _hurry(unit, conversation)
    return history.show(unit.tx, row.id.hex())


def _require_unblocked(tx: ReadTransaction, conversation: ConversationRow) -> None:
    if conversation.blocked and (contact := conversations.contact_of(tx, conversation)):
        contacts.require_unblocked(contact)


def _hurry(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Ask for contact sooner where what was just written waits for that."""
    if not conversation.open and (contact := conversations.contact_of(unit.tx, conversation)):
        asking.take(unit, contact, Input.WRITE)


def _next(tx: ReadTransaction, conversation: ConversationRow, era: Era | None) -> content.Sequence:
    series = eras.series(era)
    # Only with the index's own condition does SQLite use the index, instead of looking at the whole conversation.
    last = rows.number(
        tx,
        "SELECT max(sequence) FROM message"
        " WHERE conversation = ? AND author = ? AND series = ? AND sequence IS NOT NULL",
        (conversation.id, conversation.our_number, series),
    )
    return content.Sequence(series=series, number=last + 1)


def _body(text: str) -> bytes:
    if not text.strip():
        raise BadInput(what="The message", problem="it is empty")
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise BadInput(what="The message", problem="it contains something that is not text") from None
    if len(body) > MAX_TEXT_SIZE:
        raise TextTooLong(size=len(body), limit=MAX_TEXT_SIZE)
    return body
