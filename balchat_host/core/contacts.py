"""The people whom our owner knows. How they come to be contacts is first contact's matter."""

from collections.abc import Sequence
from typing import cast

from balchat_host.api.errors import (
    AlreadyAContact,
    BadInput,
    ContactBlocked,
    NameTaken,
    NoSuchContact,
    OwnChatCode,
    SafetyNumberDiffers,
    TooMany,
)
from balchat_host.api.events import DEVICE, ContactChanged, ContactRemoved
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactView, ConversationKind, SafetyNumberView
from balchat_host.core import account, event_log, membership, own_message_ids, peers, rate_limits, rows
from balchat_host.core.chat_codes import parse_peer
from balchat_host.core.eras import contact_key_packages, keeping
from balchat_host.core.first_contact import requests
from balchat_host.core.first_contact.machine import Phase
from balchat_host.core.identifiers import conversation_of_two
from balchat_host.core.key_lookalikes import is_spelt_like_a_key
from balchat_host.core.names import (
    MADE_UP_LENGTH,
    check_name,
    made_up_name,
    means_ourselves,
    name_key,
    search_key,
)
from balchat_host.core.rows import ContactRow
from balchat_host.core.safety import safety_number
from balchat_host.core.search import index
from balchat_host.core.unit_of_work import Disconnect, Forget, UnitOfWork
from balchat_host.core.views import contact_body, contact_differences, contact_view


def everyone(tx: ReadTransaction) -> list[ContactRow]:
    """Return all contacts by name."""
    return rows.contacts_where(tx, "1 ORDER BY name_key")


def recent(tx: ReadTransaction, limit: int) -> list[PeerId]:
    """Return up to `limit` of those that we have to do with, whoever wrote or was written to last first."""
    newest = "(SELECT max(seq) FROM message WHERE message.conversation = contact.conversation)"
    found = tx.query(
        "SELECT account_key FROM contact JOIN peer ON peer.id = contact.peer WHERE blocked = 0"  # noqa: S608  # our own text
        f" ORDER BY {newest} DESC, contact.peer DESC LIMIT ?",
        (limit,),
    )
    return [PeerId(cast("bytes", key)) for (key,) in found]


def by_peer(tx: ReadTransaction, peer: PeerId) -> ContactRow | None:
    """Return the contact with that peer id, if it is one."""
    found = rows.contacts_where(tx, "peer.account_key = ?", (peer.octets,))
    return found[0] if found else None


def by_number(tx: ReadTransaction, number: int) -> ContactRow | None:
    """Return the contact with that peer's number, if it is one."""
    found = rows.contacts_where(tx, "contact.peer = ?", (number,))
    return found[0] if found else None


def relays_of(tx: ReadTransaction, peer: PeerId) -> list[str]:
    """Return the relays that a contact's chat code named, by onion address."""
    found = tx.query(
        "SELECT relay_key FROM contact_relay JOIN peer ON peer.id = contact_relay.peer WHERE account_key = ?"
        " ORDER BY position",
        (peer.octets,),
    )
    return [PeerId(cast("bytes", key)).onion for (key,) in found]


def find(tx: ReadTransaction, who: str) -> ContactRow:
    """Return the contact that a person means: by onion address, chat code, peer id or name. Raise NoSuchContact.

    What is spelt like a key means that key only, never a name.
    """
    if is_spelt_like_a_key(who):
        peer = parse_peer(who)
        found = by_peer(tx, peer) if peer else None
    else:
        named = rows.contacts_where(tx, "name_key = ?", (search_key(who),))
        found = named[0] if named else None
    if found is None:
        raise NoSuchContact(name=who)
    return found


def create(
    unit: UnitOfWork, peer: PeerId, *, name: str | None, introduction: str = "", relays: Sequence[PeerId] = ()
) -> ContactRow:
    """Make a contact with whom nothing has begun yet, and the conversation with them.

    Raise OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany.
    """
    us = account.load(unit.tx)
    if peer == us.peer:
        raise OwnChatCode
    existing = by_peer(unit.tx, peer)
    if existing is not None:
        raise AlreadyAContact(name=existing.name)
    if len(introduction.encode()) > MAX_INTRODUCTION_SIZE:
        raise BadInput(what="The introduction", problem=f"it is longer than {MAX_INTRODUCTION_SIZE} octets")
    if rows.number(unit.tx, "SELECT count(*) FROM contact") >= unit.policy.max_contacts:
        raise TooMany(limit=unit.policy.max_contacts, what="contacts")
    name = _unused_name(unit, peer) if name is None else check_name(name)
    _check_free(unit, name)
    number = peers.know(unit, peer)
    conversation = membership.begin(
        unit, ConversationKind.DIRECT, conversation_of_two(us.peer, peer), (us.number, number)
    )
    unit.tx.execute(
        "INSERT INTO contact (peer, conversation, name, name_key) VALUES (?, ?, ?, ?)",
        (number, conversation, name, name_key(name)),
    )
    unit.tx.execute(
        "INSERT INTO first_contact (peer, phase, introduction) VALUES (?, ?, ?)", (number, Phase.NEW, introduction)
    )
    for position, relay in enumerate(relays):
        unit.tx.execute(
            "INSERT INTO contact_relay (peer, position, relay_key) VALUES (?, ?, ?)", (number, position, relay.octets)
        )
    return _again(unit, number)


def set_unblocked(unit: UnitOfWork, contact: ContactRow) -> ContactRow:
    """Hear from a contact again; return it as it is then. `answering.unblock` is what people do."""
    return _update(unit, contact, "blocked = ?", 0)


def rename(unit: UnitOfWork, who: str, name: str) -> ContactView:
    """Call a contact something else. Raise NoSuchContact, NameTaken, BadInput."""
    contact = find(unit.tx, who)
    name = check_name(name)
    if name_key(name) != name_key(contact.name):
        _check_free(unit, name)
    return contact_view(unit.tx, _update(unit, contact, "name = ?, name_key = ?", name, name_key(name)))


def number(tx: ReadTransaction, who: str) -> SafetyNumberView:
    """Return the safety number that we share with a contact. Raise NoSuchContact."""
    contact = find(tx, who)
    return SafetyNumberView(
        contact=contact.name,
        safety_number=safety_number(contact.us, contact.peer),
        verified=contact.verified,
    )


def verify(unit: UnitOfWork, who: str, shown: str) -> ContactView:
    """Take a contact for verified. Raise NoSuchContact, SafetyNumberDiffers."""
    contact = find(unit.tx, who)
    expected = safety_number(contact.us, contact.peer)
    if [c for c in shown if c.isdigit()] != [c for c in expected if c.isdigit()]:
        raise SafetyNumberDiffers(name=contact.name)
    return contact_view(unit.tx, _update(unit, contact, "verified = ?", 1))


def block(unit: UnitOfWork, who: str) -> ContactView:
    """Hear nothing from a contact any more. Raise NoSuchContact."""
    contact = find(unit.tx, who)
    unit.effect(Disconnect(peer=contact.peer))
    return contact_view(unit.tx, _update(unit, contact, "blocked = ?", 1))


def remove(unit: UnitOfWork, who: str) -> None:
    """Delete a contact and everything that we have from and for them. Raise NoSuchContact."""
    contact = find(unit.tx, who)
    conversation = contact.conversation
    requests.forget(unit, contact.peer)
    keeping.forget_all(unit, conversation)
    contact_key_packages.take_back_from(unit, contact)
    index.remove_conversation(unit, conversation.id)
    rate_limits.forget(unit, contact.peer)
    event_log.forget(unit, contact.peer, conversation.id)
    own_message_ids.keep_all(unit, conversation)
    for statement, parameter in (
        ("DELETE FROM contact WHERE peer = ?", contact.id),
        ("DELETE FROM conversation WHERE id = ?", conversation.id),
        ("DELETE FROM delivery WHERE peer = ?", contact.id),
    ):
        unit.tx.execute(statement, (parameter,))
    peers.forget(unit, contact.id)
    body = {
        "name": contact.name,
        "peer_id": contact.peer.octets.hex(),
        "conversation": conversation.conversation_id.hex(),
    }
    event_log.append(unit, ContactRemoved, conversation=None, body=body)
    unit.effect(Forget(peer=contact.peer))


def is_free(tx: ReadTransaction, name: str) -> bool:
    """Return whether a contact may be called so: nobody is, and it does not mean ourselves."""
    return not (means_ourselves(name) or tx.query("SELECT 1 FROM contact WHERE name_key = ?", (name_key(name),)))


def require_unblocked(contact: ContactRow) -> None:
    """Raise ContactBlocked where we have blocked them."""
    if contact.blocked:
        raise ContactBlocked(name=contact.name)


def changed(unit: UnitOfWork, number: int, before: ContactRow | None) -> ContactRow:
    """Tell front ends how a contact is now, who was as in `before`, or is new; return it as it is."""
    contact = _again(unit, number)
    body = contact_body(contact_view(unit.tx, contact)) | {"changed": contact_differences(before, contact)}
    event_log.append(unit, ContactChanged, conversation=contact.conversation.id, body=body)
    return contact


def device_changed(unit: UnitOfWork, contact: ContactRow, former: int | None) -> None:
    """Tell front ends where a contact does not use the device any more that had the number `former`.

    They may have gone on from a backup. So may somebody else who has one of theirs, and can open it.
    """
    if former is None or peers.device(unit.tx, contact.id) == former:
        return
    body = contact_body(contact_view(unit.tx, contact)) | {"changed": [DEVICE]}
    event_log.append(unit, ContactChanged, conversation=contact.conversation.id, body=body)


def _update(unit: UnitOfWork, contact: ContactRow, assignment: str, *values: str | int | None) -> ContactRow:
    unit.tx.execute(f"UPDATE contact SET {assignment} WHERE peer = ?", (*values, contact.id))  # noqa: S608  # our own text
    return changed(unit, contact.id, contact)


def _again(unit: UnitOfWork, number: int) -> ContactRow:
    return rows.contacts_where(unit.tx, "contact.peer = ?", (number,))[0]


def _check_free(unit: UnitOfWork, name: str) -> None:
    if not is_free(unit.tx, name):
        raise NameTaken(name=name)


def _unused_name(unit: UnitOfWork, peer: PeerId) -> str:
    """Name somebody who has no name, as nobody is called yet: a stranger may have chosen what we would call them."""
    names = (made_up_name(peer, length) for length in range(MADE_UP_LENGTH, len(peer.onion)))
    return next(name for name in names if is_free(unit.tx, name))
