"""Conversations: with one contact, with several people, or with ourselves; what they are called, and how they are kept.

What carries them is in `eras`, who is in them in `membership`, what was said in `messages`.
"""

import re
from typing import Final, cast

from balchat_host.api.errors import BadInput, NoSuchContact, NoSuchConversation, TextTooLong
from balchat_host.api.frontend import MAX_TEXT_SIZE, NOTES_TO_SELF
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.views import ConversationKind, ConversationView
from balchat_host.core import account, contacts, event_log
from balchat_host.core.chat_codes import parse_peer
from balchat_host.core.identifiers import CONVERSATION_ID_SIZE
from balchat_host.core.key_lookalikes import is_spelt_like_a_key
from balchat_host.core.names import means_ourselves, search_key
from balchat_host.core.rows import ContactRow, ConversationRow
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import FOREVER, conversation_view, differences

_ID: Final = re.compile(f"[0-9a-fA-F]{{{2 * CONVERSATION_ID_SIZE}}}")

# -- what they are called


def find(tx: ReadTransaction, which: str) -> ConversationRow:
    """Return the conversation that a person means.

    By its id; by the contact that it is with, as `contacts.find` takes it; by the title of the one with ourselves, or
    our own address; by a title that only one has. What is spelt like an id means that id only: programs call a
    conversation by it, and anybody may choose their name. Raise NoSuchConversation.
    """
    found = _where(tx, "conversation_id = ?", bytes.fromhex(which)) if _ID.fullmatch(which) else _called(tx, which)
    if len(found) != 1:
        raise NoSuchConversation(name=which)
    return found[0]


def _called(tx: ReadTransaction, which: str) -> list[ConversationRow]:
    try:
        return [contacts.find(tx, which).conversation]
    except NoSuchContact:
        return [with_ourselves(tx)] if _means_ourselves(tx, which) else _where(tx, "title_key = ?", search_key(which))


def by_number(tx: ReadTransaction, number: int) -> ConversationRow:
    """Return the conversation with a number, which is there."""
    return _where(tx, "conversation.id = ?", number)[0]


def with_ourselves(tx: ReadTransaction) -> ConversationRow:
    """Return the conversation with ourselves."""
    return _where(tx, "kind = ?", ConversationKind.SELF)[0]


def contact_of(tx: ReadTransaction, conversation: ConversationRow) -> ContactRow | None:
    """Return the contact that a conversation is with, where it is with one."""
    return None if conversation.contact is None else contacts.by_peer(tx, conversation.contact)


def _where(tx: ReadTransaction, condition: str, parameter: SqlValue) -> list[ConversationRow]:
    found = tx.query(
        "SELECT conversation.id, conversation_id, kind, contact.peer FROM conversation"  # noqa: S608  # our own text
        f" LEFT JOIN contact ON contact.conversation = conversation.id WHERE {condition}",
        (parameter,),
    )
    us = account.load(tx)
    return [
        _with(tx, cast("int", contact))
        if contact is not None
        else ConversationRow(
            id=cast("int", number),
            us=us.peer,
            our_number=us.number,
            conversation_id=cast("bytes", identifier),
            kind=ConversationKind(cast("str", kind)),
            contact=None,
            open=True,
        )
        for number, identifier, kind, contact in found
    ]


def _with(tx: ReadTransaction, number: int) -> ConversationRow:
    contact = contacts.by_number(tx, number)
    assert contact is not None, "it was read in the same transaction"
    return contact.conversation


def _means_ourselves(tx: ReadTransaction, which: str) -> bool:
    if is_spelt_like_a_key(which):
        return parse_peer(which) == account.load(tx).peer
    return means_ourselves(which)


def title(tx: ReadTransaction, number: int) -> str:
    """Return what people call a conversation."""
    ((name, title),) = tx.query(
        "SELECT name, title FROM conversation LEFT JOIN contact ON contact.conversation = conversation.id"
        " WHERE conversation.id = ?",
        (number,),
    )
    return cast("str | None", name) or cast("str | None", title) or NOTES_TO_SELF


# -- how they are kept


def draft(unit: UnitOfWork, which: str, text: str) -> ConversationView:
    """Keep what our owner has begun to write; nothing is kept of an empty text. Raise NoSuchConversation, TextTooLong.

    Sending the same text in the conversation ends the draft.
    """
    size = len(text.encode(errors="replace"))
    if size > MAX_TEXT_SIZE:
        raise TextTooLong(size=size, limit=MAX_TEXT_SIZE)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(what="The draft", problem="it contains something that is not text") from None
    return _update(unit, which, "draft = ?", text)


def mute(unit: UnitOfWork, which: str, until: int | None) -> ConversationView:
    """Mute a conversation until a time (Unix milliseconds), or without an end. Raise NoSuchConversation, BadInput."""
    if until is not None and not unit.now < until < FOREVER:
        raise BadInput(what="The time until which to mute", problem="it is not in the future")
    return _update(unit, which, "muted_until = ?", FOREVER if until is None else until)


def unmute(unit: UnitOfWork, which: str) -> ConversationView:
    """Mute a conversation no longer. Raise NoSuchConversation."""
    return _update(unit, which, "muted_until = ?", None)


def archive(unit: UnitOfWork, which: str, *, archived: bool) -> ConversationView:
    """Put a conversation away, or fetch it back. Raise NoSuchConversation."""
    return _update(unit, which, "archived = ?", archived)


def on_message(unit: UnitOfWork, conversation: ConversationRow, *, text: str | None, ours: bool) -> None:
    """Fetch a conversation back from the archive for a message, and end a draft that was sent.

    One that is muted stays in the archive, unless we write in it ourselves.
    """
    kept = unit.tx.query("SELECT archived, draft, muted_until FROM conversation WHERE id = ?", (conversation.id,))
    archived, begun, muted_until = kept[0]
    changed: list[str] = []
    if archived and (ours or cast("int", muted_until or 0) <= unit.now):
        unit.tx.execute("UPDATE conversation SET archived = 0 WHERE id = ?", (conversation.id,))
        changed.append("archived")
    if ours and begun and begun == text:
        unit.tx.execute("UPDATE conversation SET draft = '' WHERE id = ?", (conversation.id,))
        changed.append("draft")
    if changed:
        event_log.append_conversation(unit, conversation.id, changed)


def _update(unit: UnitOfWork, which: str, assignment: str, value: SqlValue) -> ConversationView:
    row = find(unit.tx, which)
    before = conversation_view(unit.tx, row, now=unit.now)
    unit.tx.execute(f"UPDATE conversation SET {assignment} WHERE id = ?", (value, row.id))  # noqa: S608  # our own text
    return changed(unit, row, before)


def changed(unit: UnitOfWork, row: ConversationRow, before: ConversationView) -> ConversationView:
    """Tell front ends of what is different from before in a conversation; return it as it is."""
    after = conversation_view(unit.tx, row, now=unit.now)
    if different := [name for name in differences(before, after) if name != "contact"]:
        event_log.append_conversation(unit, row.id, different)
    return after
