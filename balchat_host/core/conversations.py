"""Conversations: with one contact, or with ourselves.

What carries them is in `eras`, who is in them in `membership`.
"""

from typing import cast

from balchat_host.api.errors import NoSuchContact
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import ConversationKind
from balchat_host.core import account, contacts, rows
from balchat_host.core.chat_codes import parse_peer
from balchat_host.core.key_lookalikes import is_spelt_like_a_key
from balchat_host.core.names import means_ourselves
from balchat_host.core.rows import ContactRow, ConversationRow


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

    By the contact, as `contacts.find` takes it; by the title of the one with ourselves, or our own address; by its id.
    Raise NoSuchContact.
    """
    try:
        contact = contacts.find(tx, which)
    except NoSuchContact:
        if _means_ourselves(tx, which):
            return with_ourselves(tx), None
        named = rows.contacts_where(
            tx, "contact.conversation = (SELECT id FROM conversation WHERE conversation_id = ?)", (_id(which),)
        )
        if not named:
            raise
        contact = named[0]
    return contact.conversation, contact


def _means_ourselves(tx: ReadTransaction, which: str) -> bool:
    if is_spelt_like_a_key(which):
        return parse_peer(which) == account.load(tx).peer
    return means_ourselves(which) or _id(which) == with_ourselves(tx).conversation_id


def _id(typed: str) -> bytes:
    try:
        return bytes.fromhex(typed)
    except ValueError:
        return b""
