"""How we ask somebody to become a contact: with a KeyPackage of theirs, and again where that led to nothing.

`take` drives the state machine (`machine`); the functions around it do what belongs to one input. The law is
docs/spec/first-contact.md. `answering` is the other half: how we answer those who ask us.
"""

from collections.abc import Callable
from typing import Final

from balchat_host.api.errors import RequestsFull, WorldError
from balchat_host.api.types import PeerId
from balchat_host.core import account, contacts, envelope_budgets, rate_limits, routes, rows
from balchat_host.core.delivery import queue
from balchat_host.core.envelope import ContactRequest, Envelope, Kind
from balchat_host.core.envelope_budgets import BUDGETS
from balchat_host.core.eras import keeping
from balchat_host.core.first_contact.machine import TABLE, WANTING, Action, Guard, Input, Phase
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import OfferRoutes, UnitOfWork

_GROUP_ID_SIZE: Final = 16
_HOUR: Final = 3600 * 1000
_DAY: Final = 24 * _HOUR
_ASKED_FOR: Final = 180 * _DAY
"""Milliseconds for which somebody who does not answer is asked again, each time what we asked with is stale."""
_ASKED_EVERY: Final = 7 * _DAY
"""Milliseconds between two requests, at least, however soon what we ask with is stale: each is an era, and lies in the
inbox of somebody who may only be away."""
_SOON: Final = 60 * 1000
_ASKED_BACK_PER_HOUR: Final = 1
_MOST_DOUBLINGS: Final = 32


def take(unit: UnitOfWork, contact: ContactRow, what: Input, *, reason: str | None = None, turn: int = 0) -> ContactRow:
    """Take an input in; return the contact as it is then.

    `reason` is what `Action.EXPLAIN` shows, and `turn` when it is theirs for `Action.WANT_IN_TURN` (Unix milliseconds).
    """
    step = TABLE[contact.phase].get(what)
    if step is None or (step.when is not None and not _GUARDS[step.when](unit, contact)):
        return contact
    before = None if contact.phase is Phase.NEW else contact
    unit.tx.execute("UPDATE first_contact SET phase = ? WHERE peer = ?", (step.to, contact.id))
    for action in step.actions:
        if action is Action.EXPLAIN:
            _set_reason(unit, contact, reason)
        elif action is Action.WANT_IN_TURN:
            queue.queue_key_package_request(unit, contact, not_before=turn)
        else:
            _ACTIONS[action](unit, contact)
    (contact,) = rows.contacts_where(unit.tx, "contact.peer = ?", (contact.id,))
    if before is None or (contact.state, contact.shown_reason) != (before.state, before.shown_reason):
        contact = contacts.changed(unit, contact.id, before)
    return contact


def count_key_package(unit: UnitOfWork, source: PeerId) -> None:
    """Count a KeyPackage that somebody sends, if it is looked into. Raise RequestsFull."""
    if _who_waits(unit, source) is not None:
        per_hour = BUDGETS[Kind.KEY_PACKAGE].contact_per_hour
        rate_limits.take_from(unit, source, Counted.KEY_PACKAGES, per_hour=per_hour)


def on_key_package(unit: UnitOfWork, source: PeerId, key_package: bytes) -> None:
    """Go on with what we began: found an era for two and ask. Raise CryptoRejected, UnsupportedMls, BadCredential.

    One that we do not want, or no longer, changes nothing.
    """
    contact = _who_waits(unit, source)
    if contact is None:
        return
    group_id = unit.entropy(_GROUP_ID_SIZE)
    knows = keeping.known(unit.tx, contact.conversation)
    invitation = unit.engine.found(unit.keys, group_id, [(source, key_package)], knows=knows, now=unit.seconds)
    era = keeping.keep(unit, group_id, invitation.era_id, founder=contact.us, names=knows, requested=True)
    keeping.use(unit, contact, era)
    queue.drop(unit, contact, Purpose.CONTACT_REQUEST)
    request = ContactRequest(
        welcome=invitation.welcomes[0],
        code=str(account.chat_code(unit.tx)),
        introduction=contact.introduction,
        routes=routes.offered(unit.tx, contact),
        made_at=unit.now,
    )
    queue.queue_contact_request(unit, contact, era, request.encode(), stale_at=invitation.not_after * 1000)
    take(unit, contact, Input.KEY_PACKAGE)


def on_claimed_key_package(unit: UnitOfWork, peer: PeerId, key_package: bytes) -> bool:
    """Take a KeyPackage that was claimed where a contact had left it; return whether it was of use.

    It is judged like one that they send. The relay may have made it up, so whatever it brings up ends it alone.
    """
    try:
        envelope_budgets.check(Envelope(kind=Kind.KEY_PACKAGE, payload=key_package))
        count_key_package(unit, peer)
        with unit.savepoint():
            on_key_package(unit, peer, key_package)
    except RequestsFull:
        return False
    except (WorldError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # whatever it is, a library's panic too, it ends this one alone
        on_bad_key_package(unit, peer, unit.blame(error))
        return False
    return True


def on_bad_key_package(unit: UnitOfWork, source: PeerId, reason: str) -> None:
    """Have a contact's owner see why we cannot go on, and want another KeyPackage later. `reason` is an error's code.

    It is this contact's matter alone: its balchat, or its relay, gave us what is wrong.
    """
    contact = _who_waits(unit, source)
    if contact is not None:
        take(unit, contact, Input.BAD_KEY_PACKAGE, reason=reason)


def on_no_key_package(unit: UnitOfWork, peer: PeerId, reason: str) -> None:
    """Have the owner see that there was no KeyPackage of a contact's to claim, unless one that was bad says more."""
    contact = _who_waits(unit, peer)
    if contact is not None and contact.reason in (None, *rows.SEARCHES):
        take(unit, contact, Input.NO_KEY_PACKAGE, reason=reason)


def on_lost_era(unit: UnitOfWork, source: PeerId) -> None:
    """Ask a contact again who speaks in a group that is not here: they hold one that we have lost, and maybe no other.

    A group may also be unknown because it was deleted long ago, or because the request that it came with is late; so we
    ask seldom.
    """
    contact = contacts.by_peer(unit.tx, source)
    if contact is not None and not contact.blocked:
        take(unit, contact, Input.LOST_ERA)


def on_refused(unit: UnitOfWork, contact: ContactRow, era: Era | None) -> None:
    """Start over, but not at once, where they refuse our request: most likely the KeyPackage that we had went stale.

    They may have another of our requests, so only the era of this one goes.
    """
    if era is not None and not contact.may_talk:
        keeping.forget(unit, era)
    take(unit, contact, Input.REFUSED)


def renew(unit: UnitOfWork) -> None:
    """Ask those again who may have got our request too late: the KeyPackage that we made it with is stale by now.

    What reached them directly is not among it. Nobody is asked so more often than once in `_ASKED_EVERY`.
    """
    late = (
        "EXISTS (SELECT 1 FROM payload JOIN delivery ON delivery.payload = payload.id"
        " WHERE payload.conversation = contact.conversation AND purpose = ? AND purpose <> 1"
        " AND coalesce(stale_at, 0) < ? AND made_at < ?)"
    )
    parameters = (Purpose.CONTACT_REQUEST, unit.now, unit.now - _ASKED_EVERY)
    for contact in rows.contacts_where(unit.tx, late, parameters):
        take(unit, contact, Input.STALE)


def _who_waits(unit: UnitOfWork, source: PeerId) -> ContactRow | None:
    """Return the contact who sends a KeyPackage, if we want one of them."""
    contact = contacts.by_peer(unit.tx, source)
    if contact is None or contact.blocked or contact.phase not in WANTING:
        return None
    return contact


# -- guards


def _in_time(unit: UnitOfWork, contact: ContactRow) -> bool:
    began_at = rows.number(unit.tx, "SELECT began_at FROM first_contact WHERE peer = ?", (contact.id,))
    return began_at > unit.now - _ASKED_FOR


def _may_ask_back(unit: UnitOfWork, contact: ContactRow) -> bool:
    if queue.waits(unit.tx, contact, Purpose.CONTACT_REQUEST):
        return False
    return rate_limits.may(unit, contact.peer, Counted.ASKED_BACK, per_hour=_ASKED_BACK_PER_HOUR)


def _unanswered_since_restore(unit: UnitOfWork, contact: ContactRow) -> bool:
    return contact.restored and not _failures(unit, contact)


_GUARDS: Final[dict[Guard, Callable[[UnitOfWork, ContactRow], bool]]] = {
    Guard.IN_TIME: _in_time,
    Guard.MAY_ASK_BACK: _may_ask_back,
    Guard.UNANSWERED_SINCE_RESTORE: _unanswered_since_restore,
}


# -- actions


def _begin(unit: UnitOfWork, contact: ContactRow) -> None:
    unit.tx.execute("UPDATE first_contact SET began_at = ? WHERE peer = ?", (unit.now, contact.id))


def _offer_routes(unit: UnitOfWork, contact: ContactRow) -> None:
    unit.effect(OfferRoutes(peer=contact.peer))


def _want_now(unit: UnitOfWork, contact: ContactRow) -> None:
    queue.queue_key_package_request(unit, contact, not_before=0)


def _want_soon(unit: UnitOfWork, contact: ContactRow) -> None:
    queue.queue_key_package_request(unit, contact, not_before=unit.now + _SOON)


def _want_mended(unit: UnitOfWork, contact: ContactRow) -> None:
    _want_after_failure(unit, contact, longest=_DAY)


def _want_elsewhere(unit: UnitOfWork, contact: ContactRow) -> None:
    # Whoever gives out KeyPackages and then takes nothing must not keep us busy.
    _want_after_failure(unit, contact, longest=_ASKED_EVERY)


def _want_after_failure(unit: UnitOfWork, contact: ContactRow, *, longest: int) -> None:
    """Count a KeyPackage that led to nothing, and want another one after an hour, each time twice as long."""
    times = min(_failures(unit, contact), _MOST_DOUBLINGS)
    unit.tx.execute("UPDATE first_contact SET failures = failures + 1 WHERE peer = ?", (contact.id,))
    queue.queue_key_package_request(unit, contact, not_before=unit.now + min(_HOUR * 2**times, longest))


def _hurry(unit: UnitOfWork, contact: ContactRow) -> None:
    queue.hurry(unit, contact)


def _stop_wanting(unit: UnitOfWork, contact: ContactRow) -> None:
    queue.drop(unit, contact, Purpose.KEY_PACKAGE_REQUEST)


def _clear_reason(unit: UnitOfWork, contact: ContactRow) -> None:
    _set_reason(unit, contact, None)


def _set_reason(unit: UnitOfWork, contact: ContactRow, reason: str | None) -> None:
    unit.tx.execute("UPDATE first_contact SET reason = ? WHERE peer = ?", (reason, contact.id))


def _failures(unit: UnitOfWork, contact: ContactRow) -> int:
    return rows.number(unit.tx, "SELECT failures FROM first_contact WHERE peer = ?", (contact.id,))


_ACTIONS: Final[dict[Action, Callable[[UnitOfWork, ContactRow], None]]] = {
    Action.BEGIN: _begin,
    Action.OFFER_ROUTES: _offer_routes,
    Action.WANT_NOW: _want_now,
    Action.WANT_SOON: _want_soon,
    Action.WANT_MENDED: _want_mended,
    Action.WANT_ELSEWHERE: _want_elsewhere,
    Action.HURRY: _hurry,
    Action.STOP_WANTING: _stop_wanting,
    Action.CLEAR_REASON: _clear_reason,
}
