"""Conversations: with one contact, or with ourselves.

What carries them is in `eras`, who is in them in `membership`.
"""

import re
from typing import Final, cast

from balchat_host.api.errors import NoSuchContact
from balchat_host.api.frontend import NOTES_TO_SELF
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import ConversationKind
from balchat_host.core import account, contacts, rows
from balchat_host.core.chat_codes import parse_peer
from balchat_host.core.identifiers import CONVERSATION_ID_SIZE
from balchat_host.core.key_lookalikes import is_spelt_like_a_key
from balchat_host.core.names import means_ourselves
from balchat_host.core.rows import ContactRow, ConversationRow

_ID: Final = re.compile(f"[0-9a-fA-F]{{{2 * CONVERSATION_ID_SIZE}}}")


def with_ourselves(tx: ReadTransaction) -> ConversationRow:
    """Return the conversation with ourselves."""
    found = tx.query("SELECT id, conversation_id FROM conversation WHERE kind = ?", (ConversationKind.SELF,))
    ((number, name),) = found
    us = account.load(tx)
    return ConversationRow(
        id=cast("int", number),
        us=us.peer,
        our_number=us.number,
        conversation_id=cast("bytes", name),
        kind=ConversationKind.SELF,
        contact=None,
        open=True,
    )


def find(tx: ReadTransaction, which: str) -> tuple[ConversationRow, ContactRow | None]:
    """Return the conversation that a person means, and the contact that it is with, if it is with one.

    By its id; by the contact, as `contacts.find` takes it; by the title of the one with ourselves, or our own address.
    What is spelt like an id means that id only: programs call a conversation by it, and anybody may choose their name.
    Raise NoSuchContact.
    """
    if _ID.fullmatch(which):
        return _by_id(tx, which)
    try:
        contact = contacts.find(tx, which)
    except NoSuchContact:
        if not _means_ourselves(tx, which):
            raise
        return with_ourselves(tx), None
    return contact.conversation, contact


def _by_id(tx: ReadTransaction, which: str) -> tuple[ConversationRow, ContactRow | None]:
    identifier = bytes.fromhex(which)
    ourselves = with_ourselves(tx)
    if identifier == ourselves.conversation_id:
        return ourselves, None
    named = rows.contacts_where(
        tx, "contact.conversation = (SELECT id FROM conversation WHERE conversation_id = ?)", (identifier,)
    )
    if not named:
        raise NoSuchContact(name=which)
    return named[0].conversation, named[0]


def _means_ourselves(tx: ReadTransaction, which: str) -> bool:
    if is_spelt_like_a_key(which):
        return parse_peer(which) == account.load(tx).peer
    return means_ourselves(which)


def title(tx: ReadTransaction, number: int) -> str:
    """Return what people call a conversation."""
    named = tx.query("SELECT name FROM contact WHERE conversation = ?", (number,))
    return cast("str", named[0][0]) if named else NOTES_TO_SELF
