"""How we ask somebody to become a contact: with a KeyPackage of theirs, and again where that led to nothing.

The law is docs/spec/first-contact.md. `handshake` is the other half: how we answer those who ask us.
"""

from typing import Final

from balchat_host.api.errors import RequestsFull
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState
from balchat_host.core import account, contacts, groups, limits, outbox, routes, rows
from balchat_host.core.budgets import BUDGETS
from balchat_host.core.envelope import ContactRequest, Kind
from balchat_host.core.limits import Counted
from balchat_host.core.unit_of_work import OfferRoutes, UnitOfWork

_GROUP_ID_SIZE: Final = 16
_HOUR: Final = 3600 * 1000
_ASKED_FOR: Final = 180 * 24 * _HOUR
"""Milliseconds for which somebody who does not answer is asked again, each time what we asked with is stale."""
_ASKED_EVERY: Final = 7 * 24 * _HOUR
"""Milliseconds between two requests, at least, however soon what we ask with is stale: each is a group, and lies in the
inbox of somebody who may only be away."""
_ELSEWHERE_AFTER: Final = _HOUR
"""Milliseconds until another KeyPackage is looked for where the last one led nowhere; each time twice as long, up to
`_ASKED_EVERY`."""
_MENDED_AFTER: Final = _HOUR
_MENDED_EVERY: Final = 24 * _HOUR
"""Milliseconds until another KeyPackage is asked for where the last one was of no use; each time twice as long, up to a
day, for as long as they are a contact: they may have mended it."""
_LOST_GROUPS_PER_HOUR: Final = 1
"""How often a contact who speaks in a group that is not here is asked again."""
_NEW_TRY_AFTER: Final = 60 * 1000
"""Milliseconds until a contact request that was turned down as unusable is begun again."""


def begin(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Ask a contact for a KeyPackage, and have the transports say by which ways they can answer."""
    unit.tx.execute("UPDATE contact SET asking_since = ? WHERE id = ?", (unit.now, contact.id))
    unit.effect(OfferRoutes(peer=contact.peer))
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"")


def count_key_package(unit: UnitOfWork, source: PeerId) -> None:
    """Count a KeyPackage that somebody sends, if it is looked into. Raise RequestsFull."""
    if _who_waits(unit, source) is not None:
        per_hour = BUDGETS[Kind.KEY_PACKAGE].contact_per_hour
        limits.take_from(unit, source, Counted.KEY_PACKAGES, per_hour=per_hour)


def on_key_package(unit: UnitOfWork, source: PeerId, key_package: bytes) -> None:
    """Go on with what we began: make the group of two and ask. Raise CryptoRejected, BadCredential.

    One that we did not ask for, or no longer need, changes nothing.
    """
    contact = _who_waits(unit, source)
    if contact is None:
        return
    group_id = unit.entropy(_GROUP_ID_SIZE)
    unit.engine.create_group(unit.keys, group_id, now=unit.seconds)
    invitation = unit.engine.add(unit.keys, group_id, [(source, key_package)], now=unit.seconds)
    # Nobody else is in the group yet, so there is nobody to publish the Commit to.
    unit.engine.apply_pending_commit(unit.keys, group_id, now=unit.seconds)
    groups.remember(unit, contact, group_id)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST, Kind.CONTACT_REQUEST)
    request = ContactRequest(
        welcome=invitation.welcome,
        code=str(account.chat_code(unit.tx)),
        introduction=contact.introduction,
        routes=routes.offered(unit.tx, contact),
    )
    # Whatever they say in this group, they have joined it by this request.
    outbox.queue(
        unit,
        contact,
        Kind.CONTACT_REQUEST,
        payload=request.encode(),
        confirmed_by=group_id,
        stale_at=invitation.not_after * 1000,
    )
    contacts.set_reason(unit, contact, None)


def on_useless_key_package(unit: UnitOfWork, source: PeerId, reason: str) -> None:
    """Have a contact's owner see why we cannot go on, and ask for another KeyPackage later.

    `reason` is an error's code. It is this contact's matter alone: its balchat, or its relay, gave us what is wrong.
    """
    contact = _who_waits(unit, source)
    if contact is None:
        return
    contacts.set_reason(unit, contact, reason)
    after = min(_MENDED_AFTER * 2 ** _times_in_vain(unit, contact), _MENDED_EVERY)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"", not_before=unit.now + after)


def retry_request(unit: UnitOfWork, contact: rows.ContactRow, *, after: int = 0) -> None:
    """Ask for another KeyPackage in so many milliseconds, and then for contact; unless that is under way, or needless.

    What we asked before stands until then: they may have it already, and answer. Nobody is asked again for longer than
    `_ASKED_FOR` after we began to.
    """
    if contact.state is ContactState.ACTIVE or outbox.waits(unit.tx, contact, Kind.KEY_PACKAGE_REQUEST):
        return
    if rows.contacts_where(unit.tx, "id = ? AND asking_since > ?", (contact.id, unit.now - _ASKED_FOR)):
        outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"", not_before=unit.now + after)


def on_lost_group(unit: UnitOfWork, source: PeerId) -> None:
    """Ask a contact again who speaks in a group that is not here: they hold one that we have lost, and maybe no other.

    A group may also be unknown because it was deleted long ago, or because the request that it came with is late; so we
    ask seldom.
    """
    contact = contacts.by_peer(unit.tx, source)
    if contact is None or contact.blocked:
        return
    ask_restored_now(unit, contact)
    if any(outbox.waits(unit.tx, contact, kind) for kind in (Kind.KEY_PACKAGE_REQUEST, Kind.CONTACT_REQUEST)):
        return
    try:
        limits.take_from(unit, source, Counted.LOST_GROUPS, per_hour=_LOST_GROUPS_PER_HOUR)
    except RequestsFull:
        return
    outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"")


def ask_restored_now(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Ask a contact whom we lost by a restore before its turn, because one of the two has something to say.

    Who was asked and gave us nothing of use waits its time all the same.
    """
    if contact.restored and rows.contacts_where(unit.tx, "id = ? AND turned_away = 0", (contact.id,)):
        outbox.bring_forward(unit, contact, Kind.KEY_PACKAGE_REQUEST)


def on_inbox_gone(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Ask again, later, because nothing is ever taken where their KeyPackage led to.

    Whoever gives out KeyPackages and then takes nothing must not keep us busy: each time we wait twice as long.
    """
    retry_request(unit, contact, after=min(_ELSEWHERE_AFTER * 2 ** _times_in_vain(unit, contact), _ASKED_EVERY))


def renew(unit: UnitOfWork) -> None:
    """Ask those again who may have got our request too late: the KeyPackage that we made it with is stale by now.

    What reached them directly is not among it. Nobody is asked so more often than once in `_ASKED_EVERY`.
    """
    late = (
        "EXISTS (SELECT 1 FROM outbox WHERE outbox.contact = contact.id AND kind = ?"
        " AND coalesce(stale_at, 0) < ? AND queued_at < ?)"
    )
    parameters = (int(Kind.CONTACT_REQUEST), unit.now, unit.now - _ASKED_EVERY)
    for contact in rows.contacts_where(unit.tx, late, parameters):
        retry_request(unit, contact)


def restart_request(unit: UnitOfWork, contact: rows.ContactRow, group_id: bytes | None) -> None:
    """Start first contact over, but not at once: most likely the key package that we had of theirs went stale.

    `group_id` is the group of the request that was turned down; they may have another of our requests.
    """
    if contact.state is ContactState.ACTIVE:
        return
    if contact.state is not ContactState.ADDING:  # it was stored before, but they never had it
        contact = contacts.set_state(unit, contact, ContactState.ADDING)
    if group_id is not None:
        groups.forget(unit, group_id)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    # They have answered themselves, so it does not matter for how long we have looked for them.
    outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"", not_before=unit.now + _NEW_TRY_AFTER)


def _who_waits(unit: UnitOfWork, source: PeerId) -> rows.ContactRow | None:
    """Return who sends a KeyPackage, if it is a contact of whom we want one."""
    contact = contacts.by_peer(unit.tx, source)
    if contact is None or contact.blocked or not outbox.waits(unit.tx, contact, Kind.KEY_PACKAGE_REQUEST):
        return None
    return contact


def _times_in_vain(unit: UnitOfWork, contact: rows.ContactRow) -> int:
    """Count a KeyPackage that led to nothing; return how many there were before it."""
    unit.tx.execute("UPDATE contact SET turned_away = turned_away + 1 WHERE id = ?", (contact.id,))
    times = rows.number(unit.tx, "SELECT turned_away FROM contact WHERE id = ?", (contact.id,))
    return min(times - 1, 32)
