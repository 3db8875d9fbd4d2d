"""Messages: written, taken in, shown, read."""

from collections.abc import Sequence
from typing import Final, cast

from balchat_host.api.errors import BadInput, MalformedContent, NoSuchMessage, TextTooLong
from balchat_host.api.events import MessageAdded
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import Message, MessageState
from balchat_host.core import asking, contacts, content, event_log, groups, outbox, progress, routes, rows
from balchat_host.core.content import MessageStatus, MimiContent
from balchat_host.core.envelope import Kind
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork
from balchat_host.core.views import identify, message_view

MAX_HISTORY: Final = 1000
_SHORTEST_ID: Final = 6
_ID_DIGITS: Final = content.MESSAGE_ID_SIZE * 2
_REPORTED: Final = {MessageStatus.DELIVERED: MessageState.DELIVERED, MessageStatus.READ: MessageState.READ}


def compose(unit: UnitOfWork, who: str, text: str, *, reply_to: str | None) -> Message:
    """Write a message: it is in the history, encrypted, and in the outbox, or not at all.

    Raises NoSuchContact, ContactBlocked, NoSuchMessage, TextTooLong, BadInput.
    """
    contact = contacts.find(unit.tx, who)
    contacts.require_unblocked(contact)
    body = _body(text)
    group_id = groups.sending_group(unit.tx, contact)
    mimi = MimiContent(
        salt=unit.entropy(content.SALT_SIZE),
        content_type=content.TEXT,
        body=body,
        sent_at=unit.now,
        sequence=_next(unit.tx, contact, group_id),
        in_reply_to=find(unit.tx, reply_to, contact=contact).id if reply_to else None,
    )
    encoded = mimi.encode()
    identifier = identify(mimi, encoded, author=contact.us, contact=contact)
    row = _insert(unit, contact, mimi, identifier, text=text, encoded=encoded, is_ours=True)
    assert row is not None, "a fresh salt makes a fresh id"
    outbox.queue(
        unit, contact, Kind.MLS_MESSAGE, content=encoded, group_id=group_id, message=row.seq, confirmed_by=identifier
    )
    asking.ask_restored_now(unit, contact)
    return message_view(row, contact=contact)


def check(data: bytes) -> None:
    """See that `receive_content` will take this content. Raises MalformedContent."""
    mimi = MimiContent.decode(data)
    match mimi.content_type:
        case content.ACCEPTED:
            pass
        case content.ROUTES:
            routes.decode(mimi.body)
        case content.STATUS:
            content.decode_status(mimi.body)
        case _:
            _check_text(mimi)


def receive_content(unit: UnitOfWork, contact: rows.ContactRow, data: bytes) -> bytes | None:
    """Act on the content of an application message of a contact's; give the id to confirm it by, where there is one.

    Raises MalformedContent.
    """
    mimi = MimiContent.decode(data)
    identifier = identify(mimi, data, author=contact.peer, contact=contact)
    match mimi.content_type:
        case content.ACCEPTED:
            pass  # hearing from them was the point
        case content.ROUTES:
            routes.learn(unit, contact, mimi.body, said_at=mimi.sent_at)
        case content.STATUS:
            _take_status(unit, contact, content.decode_status(mimi.body))
            return None
        case _:
            _check_text(mimi)
            _insert(unit, contact, mimi, identifier, text=mimi.text, encoded=data, is_ours=False)
    return identifier


def find(tx: ReadTransaction, which: str, *, contact: rows.ContactRow | None = None) -> rows.MessageRow:
    """Give the message that an id, or the beginning of one that is unique, means. Raises NoSuchMessage."""
    digits = which.strip().lower()
    padded = digits.ljust(_ID_DIGITS, "0"), digits.ljust(_ID_DIGITS, "f")
    try:
        lowest, highest = (bytes.fromhex(each) for each in padded)
    except ValueError:
        raise NoSuchMessage(name=which) from None
    if not _SHORTEST_ID <= len(digits) <= _ID_DIGITS:
        raise NoSuchMessage(name=which)
    found = rows.messages_where(
        tx,
        "id BETWEEN ? AND ? AND (contact = ? OR ?) LIMIT 2",
        (lowest, highest, contact.id if contact else 0, contact is None),
    )
    if len(found) != 1:
        raise NoSuchMessage(name=which)
    return found[0]


def show(tx: ReadTransaction, which: str) -> Message:
    """Give one message as it is now. Raises NoSuchMessage."""
    row = find(tx, which)
    contact = rows.contacts_where(tx, "id = ?", (row.contact,))[0]
    return message_view(row, contact=contact)


def history(tx: ReadTransaction, who: str, *, limit: int, before: str | None) -> list[Message]:
    """Give the last messages of a conversation, oldest first. Raises NoSuchContact, NoSuchMessage, BadInput."""
    if not 1 <= limit <= MAX_HISTORY:
        raise BadInput(what="The limit", problem=f"it must be 1 to {MAX_HISTORY}")
    contact = contacts.find(tx, who)
    end = find(tx, before, contact=contact).seq if before else 2**62
    found = rows.messages_where(
        tx,
        "contact = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (contact.id, end, limit),
    )
    return [message_view(row, contact=contact) for row in reversed(found)]


def mark_read(unit: UnitOfWork, who: str, *, up_to: str) -> None:
    """Take a conversation for read up to a message, and tell its author where the policy says so."""
    contact = contacts.find(unit.tx, who)
    last = find(unit.tx, up_to, contact=contact)
    read = unit.tx.query(
        "UPDATE message SET unread = 0 WHERE contact = ? AND unread = 1 AND seq <= ? RETURNING id",
        (contact.id, last.seq),
    )
    if not read:
        return
    unit.effect(ANNOUNCE)
    if not unit.policy.read_receipts or contact.blocked:
        return
    report(unit, contact, [cast("bytes", identifier) for (identifier,) in read], MessageStatus.READ)


def report(unit: UnitOfWork, contact: rows.ContactRow, message_ids: Sequence[bytes], status: MessageStatus) -> None:
    """Tell a contact what became of messages of theirs."""
    for start in range(0, len(message_ids), content.MAX_STATUSES):
        some = message_ids[start : start + content.MAX_STATUSES]
        body = content.encode_status([(message_id, status) for message_id in some])
        outbox.queue_control(unit, contact, content.STATUS, body)


def _next(tx: ReadTransaction, contact: rows.ContactRow, group_id: bytes | None) -> content.Sequence:
    series = groups.series(group_id)
    # Only with the index's own condition does SQLite use the index, instead of looking at the whole conversation.
    last = rows.number(
        tx,
        "SELECT max(sequence) FROM message WHERE contact = ? AND ours = 1 AND series = ? AND sequence IS NOT NULL",
        (contact.id, series),
    )
    return content.Sequence(series=series, number=last + 1)


def _take_status(unit: UnitOfWork, contact: rows.ContactRow, statuses: list[tuple[bytes, int]]) -> None:
    """Take down what a contact says of messages of ours; whatever is said of one, they have it."""
    outbox.confirm(unit, contact, [identifier for identifier, _ in statuses])
    for identifier, status in statuses:
        if status in _REPORTED:
            reported = rows.messages_where(unit.tx, "id = ? AND contact = ?", (identifier, contact.id))
            progress.advance(unit, contact, reported, _REPORTED[MessageStatus(status)])


def _check_text(mimi: MimiContent) -> None:
    if mimi.text is not None and len(mimi.body) > MAX_TEXT_SIZE:
        raise MalformedContent(problem=f"its text has more than {MAX_TEXT_SIZE} octets")


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


def _insert(
    unit: UnitOfWork,
    contact: rows.ContactRow,
    mimi: MimiContent,
    identifier: bytes,
    *,
    text: str | None,
    encoded: bytes,
    is_ours: bool,
) -> rows.MessageRow | None:
    """Put a message into the history, or give None where it is there already: it came twice."""
    state = MessageState.QUEUED if is_ours else MessageState.RECEIVED
    # An author's clock may be wrong; nothing is shown as from the future.
    sent_at = min(mimi.sent_at or unit.now, unit.now)
    content_type = mimi.content_type or "null"
    inserted = unit.tx.execute(
        "INSERT INTO message"
        " (id, contact, ours, sent_at, content_type, text, content, in_reply_to, state, unread, series, sequence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            identifier,
            contact.id,
            is_ours,
            sent_at,
            content_type,
            text,
            encoded,
            mimi.in_reply_to,
            state.value,
            not is_ours,
            mimi.sequence.series if mimi.sequence else None,
            mimi.sequence.number if mimi.sequence else None,
        ),
    )
    if not inserted:
        return None
    # RETURNING takes half as long again: SQLite gathers what it returns in a table of its own.
    seq = rows.number(unit.tx, "SELECT last_insert_rowid()")
    event_log.append(unit, MessageAdded, contact=contact.id, body={"seq": seq})
    return rows.MessageRow(
        seq=seq,
        id=identifier,
        contact=contact.id,
        ours=is_ours,
        sent_at=sent_at,
        content_type=content_type,
        text=text,
        in_reply_to=mimi.in_reply_to,
        state=state,
        reason=None,
    )
