"""What our owner changes of what is there: edits, deletes, reacts, sets the timer of a conversation."""

from typing import cast

from balchat_host.api.errors import BadInput, TooMany
from balchat_host.api.views import ChangeKind, ConversationView, MessageView
from balchat_host.core import content, conversations, emoji, membership
from balchat_host.core.content import Disposition, Expiration, MimiContent, NullPart, SinglePart, is_text, timer_body
from balchat_host.core.delivery import changes, queue, reports
from balchat_host.core.delivery.progress import Step
from balchat_host.core.eras import keeping
from balchat_host.core.files import rows as files
from balchat_host.core.messages import deletion, expiry, history, reactions, timer, versions, writing
from balchat_host.core.messages.acting import act
from balchat_host.core.messages.compose import require_unblocked
from balchat_host.core.messages.said import say
from balchat_host.core.messages.writing import Text
from balchat_host.core.rows import ConversationRow, MessageRow
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import conversation_view


def edit(unit: UnitOfWork, message: str, text: Text | str) -> MessageView:
    """Put another text in place of a message of ours, or beside its files, which stay.

    Raise NoSuchMessage, ContactBlocked, BadInput, TextTooLong, TooMany.
    """
    conversation, row = _find(unit, message)
    _require_ours(row, "edited")
    if not is_text(row.content_type) and not files.of_messages(unit.tx, [row.seq]):
        raise BadInput(what="The message", problem="it is not a text")
    part = writing.part(unit.tx, conversation, text)
    if versions.count(unit.tx, row.seq) >= versions.MAX_VERSIONS:
        raise TooMany(what="versions of one message", limit=versions.MAX_VERSIONS)
    newest = versions.latest(unit.tx, row.seq)
    _change(
        unit,
        conversation,
        row,
        ChangeKind.EDIT,
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
    _delete(unit, conversation, row)


def say_again(unit: UnitOfWork, conversation: ConversationRow, row: MessageRow) -> None:
    """Say once more that a message of ours is edited, or deleted, where that has failed."""
    for number, said, kind in changes.latest(unit.tx, row.seq):
        if not unit.tx.execute("DELETE FROM change_receipt WHERE change = ? AND state = ?", (number, Step.FAILED)):
            continue
        if kind is ChangeKind.DELETE:
            changes.forget(unit, row.seq)
            _delete(unit, conversation, row)
        else:
            ((encoded,),) = unit.tx.query("SELECT content FROM version WHERE id = ?", (said,))
            queue.queue_change(unit, conversation, cast("bytes", encoded), said)


def _delete(unit: UnitOfWork, conversation: ConversationRow, row: MessageRow) -> None:
    ((series, number),) = unit.tx.query("SELECT series, sequence FROM message WHERE seq = ?", (row.seq,))
    deletion = MimiContent(
        salt=unit.entropy(content.SALT_SIZE),
        part=NullPart(),
        sent_at=row.sent_at,
        sequence=content.Sequence(series=cast("bytes", series), number=cast("int", number)),
        replaces=row.id,
    )
    _change(unit, conversation, row, ChangeKind.DELETE, deletion)


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
            taken_back = _reaction(unit, part, refers_to, replaces=reaction)
            _change(unit, conversation, row, ChangeKind.TAKE_BACK, taken_back, with_emoji)
    elif not there:
        if reactions.count(unit, row.seq, conversation.our_number) >= versions.MAX_REACTIONS:
            raise TooMany(what="reactions to one message", limit=versions.MAX_REACTIONS)
        part = SinglePart(content_type=content.TEXT, content=with_emoji.encode(), disposition=Disposition.REACTION)
        reaction = _reaction(unit, part, versions.shown_id(unit.tx, row))
        _change(unit, conversation, row, ChangeKind.REACT, reaction, with_emoji)
    return history.show(unit.tx, row.id.hex())


def set_timer(unit: UnitOfWork, which: str, seconds: int | None) -> ConversationView:
    """Have what is written from now on expire `seconds` after it was read, or not at all.

    Raise NoSuchConversation, ContactBlocked, BadInput.
    """
    conversation = conversations.find(unit.tx, which)
    require_unblocked(unit.tx, conversation)
    if seconds is not None:
        expiry.check_lifetime(Expiration(relative=True, time=seconds), now=unit.now)
    part = SinglePart(
        content_type=content.TIMER, content=timer_body.encode(seconds), disposition=Disposition.UNSPECIFIED
    )
    sent_at = max(unit.now, timer.last_set(unit.tx, conversation.id) + 1)
    said = say(conversation, MimiContent(salt=unit.entropy(content.SALT_SIZE), part=part, sent_at=sent_at))
    line = timer.put(unit, said)
    assert line is not None, "a fresh salt makes a fresh id"
    if membership.others(unit.tx, conversation):
        queue.queue_message(unit, conversation, line, said.encoded, keeping.sending(unit.tx, conversation))
    return conversation_view(unit.tx, conversation, now=unit.now)


def _find(unit: UnitOfWork, message: str) -> tuple[ConversationRow, MessageRow]:
    row = history.find(unit.tx, message)
    conversation = conversations.by_number(unit.tx, row.conversation)
    require_unblocked(unit.tx, conversation)
    if row.removal is not None:
        problem = "it is deleted" if row.deleted else "it only says that the timer was set"
        raise BadInput(what="The message", problem=problem)
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


def _change(  # noqa: PLR0917  # what is done with which message, and how others hear of it
    unit: UnitOfWork,
    conversation: ConversationRow,
    row: MessageRow,
    kind: ChangeKind,
    mimi: MimiContent,
    with_emoji: str | None = None,
) -> None:
    said = say(conversation, mimi)
    with reports.watching(unit, row.seq if row.ours else None):
        act(unit, said)
        changes.note(unit, said.id, row.seq, kind, with_emoji)
        queue.queue_change(unit, conversation, said.encoded, said.id)
