"""The people we talk to."""

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
from balchat_host.api.events import ContactChanged, ContactRemoved
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState, ContactView, SafetyNumberView
from balchat_host.core import account, event_log, groups, limits, requests, rows
from balchat_host.core.codes import parse_peer
from balchat_host.core.key_spellings import is_spelt_like_a_key
from balchat_host.core.names import MADE_UP_LENGTH, check_name, made_up_name, name_key, search_key
from balchat_host.core.safety import safety_number
from balchat_host.core.unit_of_work import Disconnect, Forget, UnitOfWork
from balchat_host.core.views import contact_body, contact_view


def everyone(tx: ReadTransaction) -> list[rows.ContactRow]:
    """Give all contacts by name."""
    return rows.contacts_where(tx, "1 ORDER BY name_key")


def recent(tx: ReadTransaction, limit: int) -> list[PeerId]:
    """Return up to `limit` of those that we have to do with, whoever wrote or was written to last first."""
    newest = "(SELECT max(seq) FROM message WHERE message.contact = contact.id)"
    found = tx.query(
        f"SELECT peer_id FROM contact WHERE blocked = 0 ORDER BY {newest} DESC, id DESC LIMIT ?",  # noqa: S608  # our own text
        (limit,),
    )
    return [PeerId(cast("bytes", peer_id)) for (peer_id,) in found]


def by_peer(tx: ReadTransaction, peer: PeerId) -> rows.ContactRow | None:
    """Give the contact with that peer id, if it is one."""
    found = rows.contacts_where(tx, "peer_id = ?", (peer.octets,))
    return found[0] if found else None


def relays_of(tx: ReadTransaction, peer: PeerId) -> list[str]:
    """Give the relays that a contact's chat code named, by onion address."""
    found = tx.query("SELECT relays FROM contact WHERE peer_id = ?", (peer.octets,))
    return cast("str", found[0][0]).split() if found else []


def find(tx: ReadTransaction, who: str) -> rows.ContactRow:
    """Return the contact that a person means: by onion address, chat code, peer id or name. Raises NoSuchContact.

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
    unit: UnitOfWork,
    peer: PeerId,
    *,
    name: str | None,
    state: ContactState,
    introduction: str = "",
    relays: Sequence[PeerId] = (),
) -> rows.ContactRow:
    """Make a contact. Raises OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany."""
    if peer == account.load(unit.tx).peer:
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
    unit.tx.execute(
        "INSERT INTO contact (peer_id, name, name_key, state, introduction, relays, added_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (peer.octets, name, name_key(name), state, introduction, " ".join(relay.onion for relay in relays), unit.now),
    )
    contact = rows.contacts_where(unit.tx, "peer_id = ?", (peer.octets,))[0]
    changed(unit, contact)
    return contact


def set_state(unit: UnitOfWork, contact: rows.ContactRow, state: ContactState) -> rows.ContactRow:
    """Take a contact to a state; give it as it is then."""
    return _update(unit, contact, "state = ?", state)


def set_unblocked(unit: UnitOfWork, contact: rows.ContactRow) -> rows.ContactRow:
    """Hear from a contact again; return it as it is then. `handshake.unblock` is what people do."""
    return _update(unit, contact, "blocked = ?", 0)


def set_reason(unit: UnitOfWork, contact: rows.ContactRow, reason: str | None) -> None:
    """Note why we cannot go on with a contact that we are adding, or that nothing keeps us."""
    if reason != contact.reason:
        _update(unit, contact, "reason = ?", reason)


def rename(unit: UnitOfWork, who: str, name: str) -> ContactView:
    """Call a contact something else. Raises NoSuchContact, NameTaken, BadInput."""
    contact = find(unit.tx, who)
    name = check_name(name)
    if name_key(name) != name_key(contact.name):
        _check_free(unit, name)
    return contact_view(unit.tx, _update(unit, contact, "name = ?, name_key = ?", name, name_key(name)))


def number(tx: ReadTransaction, who: str) -> SafetyNumberView:
    """Give the safety number that we share with a contact. Raises NoSuchContact."""
    contact = find(tx, who)
    return SafetyNumberView(
        contact=contact.name,
        safety_number=safety_number(contact.us, contact.peer),
        verified=contact.verified,
    )


def verify(unit: UnitOfWork, who: str, shown: str) -> ContactView:
    """Take a contact for verified. Raises NoSuchContact, SafetyNumberDiffers."""
    contact = find(unit.tx, who)
    expected = safety_number(contact.us, contact.peer)
    if [c for c in shown if c.isdigit()] != [c for c in expected if c.isdigit()]:
        raise SafetyNumberDiffers(name=contact.name)
    return contact_view(unit.tx, _update(unit, contact, "verified = ?", 1))


def block(unit: UnitOfWork, who: str) -> ContactView:
    """Hear nothing from a contact any more. Raises NoSuchContact."""
    contact = find(unit.tx, who)
    unit.effect(Disconnect(peer=contact.peer))
    return contact_view(unit.tx, _update(unit, contact, "blocked = ?", 1))


def remove(unit: UnitOfWork, who: str) -> None:
    """Delete a contact and everything that we have from and for them. Raises NoSuchContact."""
    contact = find(unit.tx, who)
    requests.forget(unit, contact.peer)
    groups.forget_all(unit, contact)
    unit.tx.execute("DELETE FROM event WHERE contact = ?", (contact.id,))
    # Their envelopes are known for good; but the number may come to be somebody else's.
    unit.tx.execute("UPDATE received SET contact = NULL, message_id = NULL WHERE contact = ?", (contact.id,))
    limits.forget(unit, contact.peer)
    unit.tx.execute("DELETE FROM contact WHERE id = ?", (contact.id,))
    body = {"name": contact.name, "peer_id": contact.peer.octets.hex()}
    event_log.append(unit, ContactRemoved, contact=None, body=body)
    unit.effect(Forget(peer=contact.peer))


def require_unblocked(contact: rows.ContactRow) -> None:
    """Raise ContactBlocked where we have blocked them."""
    if contact.blocked:
        raise ContactBlocked(name=contact.name)


def changed(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Tell front ends how a contact is now."""
    body = contact_body(contact_view(unit.tx, contact))
    event_log.append(unit, ContactChanged, contact=contact.id, body=body)


def _update(unit: UnitOfWork, contact: rows.ContactRow, assignment: str, *values: str | int | None) -> rows.ContactRow:
    unit.tx.execute(f"UPDATE contact SET {assignment} WHERE id = ?", (*values, contact.id))  # noqa: S608  # our own text
    contact = rows.contacts_where(unit.tx, "id = ?", (contact.id,))[0]
    changed(unit, contact)
    return contact


def _check_free(unit: UnitOfWork, name: str) -> None:
    if _is_taken(unit.tx, name):
        raise NameTaken(name=name)


def _unused_name(unit: UnitOfWork, peer: PeerId) -> str:
    """Name somebody who has no name, as nobody is called yet: a stranger may have chosen what we would call them."""
    names = (made_up_name(peer, length) for length in range(MADE_UP_LENGTH, len(peer.onion)))
    return next(name for name in names if not _is_taken(unit.tx, name))


def _is_taken(tx: ReadTransaction, name: str) -> bool:
    return bool(tx.query("SELECT 1 FROM contact WHERE name_key = ?", (name_key(name),)))
