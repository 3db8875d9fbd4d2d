"""Writing a message."""

from collections.abc import Sequence

from balchat_host.api.errors import BadInput
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import MessageView
from balchat_host.core import contacts, content, conversations, membership
from balchat_host.core.content import Expiration, MimiContent, shown
from balchat_host.core.delivery import progress, queue
from balchat_host.core.eras import keeping
from balchat_host.core.files import sending
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.message_views import message_view, message_views
from balchat_host.core.messages import adding, expiry, history, numbering, timer, versions, writing
from balchat_host.core.messages.said import say
from balchat_host.core.messages.writing import Text
from balchat_host.core.rows import ConversationRow, MessageRow, Removal
from balchat_host.core.unit_of_work import UnitOfWork


def compose(
    unit: UnitOfWork,
    which: str,
    text: Text | str,
    *,
    reply_to: str | None = None,
    expires: Expiration | None = None,
    files: Sequence[str] = (),
) -> MessageView:
    """Write a message: it is in the history, encrypted and queued, or not at all.

    With `files`, ids of some that are written, it needs no text. It expires as the conversation's timer has it where
    `expires` does not say.
    Raise NoSuchConversation, ContactBlocked, NoSuchMessage, NoSuchFile, TextTooLong, BadInput.
    """
    conversation = conversations.find(unit.tx, which)
    require_unblocked(unit.tx, conversation)
    attached = sending.take(unit.tx, files)
    has_text = not attached or writing.has_text(text)
    part = sending.part(unit.tx, writing.part(unit.tx, conversation, text) if has_text else None, attached)
    what = shown(part)
    if expires is not None:
        expiry.check_lifetime(expires, now=unit.now)
    era = keeping.sending(unit.tx, conversation)
    mimi = MimiContent(
        salt=unit.entropy(content.SALT_SIZE),
        part=part,
        sent_at=unit.now,
        sequence=numbering.take(unit, conversation),
        expires=expires or timer.of(unit.tx, conversation.id),
        in_reply_to=_seen(unit.tx, conversation, reply_to),
    )
    said = say(conversation, mimi)
    seq = adding.add_new(unit, said)  # a fresh salt makes a fresh id
    sending.attach(unit, seq, attached)
    others = len(membership.others(unit.tx, conversation))
    if others:
        queue.queue_message(unit, conversation, seq, said.encoded, era)
    hurry(unit, conversation)
    expires_after, expires_at = expiry.of(said, now=unit.now)
    row = MessageRow(
        seq=seq,
        id=said.id,
        conversation=conversation.id,
        conversation_id=conversation.conversation_id,
        author=conversation.us,
        author_name=None,
        ours=True,
        sent_at=unit.now,
        content_type=what.content_type,
        text=what.text,
        in_reply_to=mimi.in_reply_to,
        progress=progress.at_first(recipients=others),
        expires_after=expires_after,
        expires_at=expires_at,
    )
    if row.in_reply_to is None and what.content_type == content.TEXT:
        return message_view(row)
    return message_views(unit.tx, [row])[0]


def require_unblocked(tx: ReadTransaction, conversation: ConversationRow) -> None:
    """See that a conversation may be written in. Raise ContactBlocked."""
    if conversation.blocked and (contact := conversations.contact_of(tx, conversation)):
        contacts.require_unblocked(contact)


def hurry(unit: UnitOfWork, conversation: ConversationRow) -> None:
    """Ask for contact sooner where what was just written waits for that."""
    if not conversation.open and (contact := conversations.contact_of(unit.tx, conversation)):
        asking.take(unit, contact, Input.WRITE)


def _seen(tx: ReadTransaction, conversation: ConversationRow, reply_to: str | None) -> bytes | None:
    """Return the id of what a reply answers: of the version that its author sees."""
    if reply_to is None:
        return None
    row = history.find(tx, reply_to, conversation=conversation)
    if row.removal is Removal.TIMER:
        raise BadInput(what="The message", problem="it only says that the timer was set")
    return versions.shown_id(tx, row)
