"""What our owner changes of what is there: edits, deletes, reacts, sets the timer of a conversation."""

from typing import cast

from balchat_host.api.errors import BadInput, TooMany
from balchat_host.api.views import ConversationView, MessageView
from balchat_host.core import content, conversations, emoji
from balchat_host.core.content import Disposition, Expiration, MimiContent, NullPart, SinglePart, is_text
from balchat_host.core.delivery import queue
from balchat_host.core.messages import deletion, expiry, history, reactions, timer, versions, writing
from balchat_host.core.messages.acting import act
from balchat_host.core.messages.compose import require_unblocked
from balchat_host.core.messages.said import Said, say
from balchat_host.core.messages.writing import Text
from balchat_host.core.rows import ConversationRow, MessageRow
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import conversation_view


def edit(unit: UnitOfWork, message: str, text: Text | str) -> MessageView:
    """Put another text in place of a message of ours.

    Raise NoSuchMessage, ContactBlocked, BadInput, TextTooLong, TooMany.
    """
    conversation, row = _find(unit, message)
    _require_ours(row, "edited")
    if not is_text(row.content_type):
        raise BadInput(what="The message", problem="it is not a text")
    part = writing.part(unit.tx, conversation, text)
    if versions.count(unit.tx, row.seq) >= versions.MAX_VERSIONS:
        raise TooMany(what="versions of one message", limit=versions.MAX_VERSIONS)
    newest = versions.latest(unit.tx, row.seq)
    _say(
        unit,
        conversation,
        MimiContent(
            salt=unit.entropy(content.SALT_SIZE),
            part=part,
            # Of two versions the later counts, whatever our clock has done in between.
            sent_at=max(unit.now, 0 if newest is None else newest[1] + 1),
            replaces=row.id,
            expires=_expires(row),
            in_reply_to=row.in_reply_to,
        ),
    )
    return history.show(unit.tx, row.id.hex())


def delete(unit: UnitOfWork, message: str, *, for_me: bool) -> None:
    """Delete a message: of ours for everybody, or anybody's here only.

    Raise NoSuchMessage, ContactBlocked, BadInput.
    """
    if for_me:
        deletion.delete_here(unit, history.find(unit.tx, message).seq)
        return
    conversation, row = _find(unit, message)
    _require_ours(row, "deleted for everybody")
    ((series, number),) = unit.tx.query("SELECT series, sequence FROM message WHERE seq = ?", (row.seq,))
    _say(
        unit,
        conversation,
        MimiContent(
            salt=unit.entropy(content.SALT_SIZE),
            part=NullPart(),
            sent_at=row.sent_at,
            sequence=content.Sequence(series=cast("bytes", series), number=cast("int", number)),
            replaces=row.id,
        ),
    )


def react(unit: UnitOfWork, message: str, with_emoji: str, *, remove: bool = False) -> MessageView:
    """React to a message, or take that reaction back.

    Raise NoSuchMessage, ContactBlocked, BadInput, TooMany.
    """
    if not emoji.is_emoji(with_emoji):
        raise BadInput(what="The reaction", problem="it must be one emoji")
    conversation, row = _find(unit, message)
    there = reactions.ours(unit, row.seq, conversation.our_number, with_emoji)
    if remove:
        for reaction, refers_to in there:
            part = NullPart(disposition=Disposition.REACTION)
            _say(unit, conversation, _reaction(unit, part, refers_to, replaces=reaction))
    elif not there:
        if reactions.count(unit, row.seq, conversation.our_number) >= versions.MAX_REACTIONS:
            raise TooMany(what="reactions to one message", limit=versions.MAX_REACTIONS)
        part = SinglePart(content_type=content.TEXT, content=with_emoji.encode(), disposition=Disposition.REACTION)
        _say(unit, conversation, _reaction(unit, part, versions.shown_id(unit.tx, row)))
    return history.show(unit.tx, row.id.hex())


def set_timer(unit: UnitOfWork, which: str, seconds: int | None) -> ConversationView:
    """Have what is written from now on expire `seconds` after it was read, or not at all.

    Raise NoSuchConversation, ContactBlocked, BadInput.
    """
    conversation = conversations.find(unit.tx, which)
    require_unblocked(unit.tx, conversation)
    if seconds is not None:
        expiry.check_lifetime(Expiration(relative=True, time=seconds), now=unit.now)
    part = SinglePart(content_type=content.TIMER, content=timer.encode(seconds), disposition=Disposition.UNSPECIFIED)
    sent_at = max(unit.now, timer.last_set(unit.tx, conversation.id) + 1)
    said = say(conversation, MimiContent(salt=unit.entropy(content.SALT_SIZE), part=part, sent_at=sent_at))
    timer.put(unit, said)
    queue.queue_change(unit, conversation, said.encoded, said.id)
    return conversation_view(unit.tx, conversation, now=unit.now)


def _find(unit: UnitOfWork, message: str) -> tuple[ConversationRow, MessageRow]:
    row = history.find(unit.tx, message)
    conversation = conversations.by_number(unit.tx, row.conversation)
    require_unblocked(unit.tx, conversation)
    if row.removal is not None:
        raise BadInput(what="The message", problem="it is deleted")
    return conversation, row


def _require_ours(row: MessageRow, done: str) -> None:
    if not row.ours:
        raise BadInput(what="The message", problem=f"it is not yours; only its author can have it {done}")


def _expires(row: MessageRow) -> Expiration | None:
    if row.expires_after is not None:
        return Expiration(relative=True, time=row.expires_after)
    return None if row.expires_at is None else Expiration(relative=False, time=row.expires_at // 1000)


def _reaction(
    unit: UnitOfWork, part: NullPart | SinglePart, refers_to: bytes, *, replaces: bytes | None = None
) -> MimiContent:
    return MimiContent(
        salt=unit.entropy(content.SALT_SIZE), part=part, sent_at=unit.now, replaces=replaces, in_reply_to=refers_to
    )


def _say(unit: UnitOfWork, conversation: ConversationRow, mimi: MimiContent) -> Said:
    said = say(conversation, mimi)
    act(unit, said)
    queue.queue_change(unit, conversation, said.encoded, said.id)
    return said
