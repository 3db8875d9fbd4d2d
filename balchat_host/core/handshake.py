"""How two accounts come to share a group. The law, with the picture, is docs/spec/first-contact.md.

    we                                        they
    add a contact (ADDING)
      KEY_PACKAGE_REQUEST ------------------>
      <------------------------------------- KEY_PACKAGE
    make a group of two with it
      CONTACT_REQUEST (Welcome, code, …) --->  joined at once, which checks every credential;
    acknowledged: REQUESTED                    waits for its owner's approval
      <------------------------------------- ACCEPTED, inside the group
    ACTIVE                                     ACTIVE

Every arrow may be lost, late or repeated. The request for a key package stands until the key package is here; a
contact request stands until it is acknowledged; whoever asks somebody that is already a contact is accepted
at once. Somebody who is blocked, and somebody who is not known, see the same.
"""

from typing import Final, cast

from balchat_host.api.errors import BadChatCode, CryptoRejected, MalformedEnvelope, ProtocolViolation, RequestsFull
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState, ContactView
from balchat_host.core import account, contacts, content, groups, limits, outbox, requests, routes, rows
from balchat_host.core.budgets import UNPROVEN_PER_HOUR
from balchat_host.core.codes import ChatCode
from balchat_host.core.envelope import ContactRequest, Envelope, Kind
from balchat_host.core.limits import Moved
from balchat_host.core.unit import OfferRoutes, Unit
from balchat_host.core.views import contact_view

_GROUP_ID_SIZE: Final = 16
_FULL_RETRY_AFTER: Final = 3600
"""Seconds after which somebody who was turned away may ask again."""
_ASKED_FOR: Final = 180 * 24 * 3600 * 1000
"""Milliseconds for which somebody who does not answer is asked anew, each time what we asked with is stale."""
_ASKED_EVERY: Final = 7 * 24 * 3600 * 1000
"""Milliseconds between two requests, at least, however soon what we ask with is stale: each is a group, and lies in the
inbox of somebody who may only be away."""
_ELSEWHERE_AFTER: Final = 3600 * 1000
"""Milliseconds until another KeyPackage is looked for where the last one led nowhere; each time twice as long, up to
`_ASKED_EVERY`."""
_MAX_ISSUED: Final = 256
"""How many unused key packages of ours may be out at once; beyond, the oldest is taken back."""


def add_contact(unit: Unit, code: str, *, name: str | None, introduction: str) -> ContactView:
    """Ask the owner of a chat code to become a contact; where they asked us first, accept.

    Raises BadChatCode, OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany.
    """
    parsed = ChatCode.parse(code)
    if requests.waiting(unit.tx, parsed.peer) is not None:
        return accept_request(unit, parsed.peer.octets.hex(), name=name or parsed.name)
    contact = contacts.create(
        unit,
        parsed.peer,
        name=name or parsed.name,
        state=ContactState.ADDING,
        introduction=introduction,
        relays=parsed.relays,
    )
    unit.effect(OfferRoutes(peer=contact.peer))
    outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"")
    return contact_view(unit.tx, contact)


def accept_request(unit: Unit, which: str, *, name: str | None) -> ContactView:
    """Make who asked a contact. Raises NoSuchRequest, NameTaken, BadInput, TooMany."""
    request = requests.find(unit.tx, which)
    contact = contacts.create(unit, request.peer, name=name or request.name, state=ContactState.ACTIVE)
    groups.remember(unit, contact, request.group_id)
    routes.learn(unit, contact, request.routes)
    requests.close(unit, request, "accepted")
    unit.effect(OfferRoutes(peer=contact.peer))
    _answer(unit, contact, request.group_id)
    return contact_view(unit.tx, contact)


def on_key_package_request(unit: Unit, source: PeerId) -> bytes:
    """Give the envelope with a key package for `source`.

    The same one until it is used or stale. Raises RequestsFull.
    """
    lifetime = unit.policy.request_lifetime
    fresh = unit.now - lifetime * 1000 // 2  # handed out again only while it has half its life before it
    issued = unit.tx.query(
        "SELECT key_package FROM issued_key_package WHERE peer_id = ? AND issued_at > ?",
        (source.octets, fresh),
    )
    if issued:
        key_package = cast("bytes", issued[0][0])
    else:
        if is_stranger(unit, source):
            limits.take(unit, "key-packages", per_hour=unit.policy.strangers_per_hour)
        _take_back(unit, "peer_id = ?", source.octets)
        key_package = unit.engine.key_package(unit.keys, lifetime=lifetime, now=unit.seconds)
        unit.tx.execute(
            "INSERT INTO issued_key_package (peer_id, key_package, issued_at) VALUES (?, ?, ?)",
            (source.octets, key_package, unit.now),
        )
        _take_back(
            unit,
            "peer_id NOT IN (SELECT peer_id FROM issued_key_package ORDER BY issued_at DESC LIMIT ?)",
            _MAX_ISSUED,
        )
    return Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()


def on_key_package(unit: Unit, source: PeerId, key_package: bytes) -> None:
    """Go on with what we began: make the group of two and ask. Raises CryptoRejected, BadCredential.

    One that we did not ask for, or no longer need, changes nothing.
    """
    contact = contacts.by_peer(unit.tx, source)
    if contact is None or contact.blocked or not outbox.waits(unit.tx, contact, Kind.KEY_PACKAGE_REQUEST):
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


def ask_anew(unit: Unit, contact: rows.ContactRow, *, after: int = 0) -> None:
    """Ask for another KeyPackage in so many milliseconds, and then for contact; unless that is under way, or needless.

    What we asked before stands until then: they may have it already, and answer. Nobody is asked anew for longer than
    `_ASKED_FOR` after they were added.
    """
    if contact.state is ContactState.ACTIVE or outbox.waits(unit.tx, contact, Kind.KEY_PACKAGE_REQUEST):
        return
    if rows.contacts_where(unit.tx, "id = ? AND added_at > ?", (contact.id, unit.now - _ASKED_FOR)):
        outbox.queue(unit, contact, Kind.KEY_PACKAGE_REQUEST, payload=b"", not_before=unit.now + after)


def look_elsewhere(unit: Unit, contact: rows.ContactRow) -> None:
    """Ask anew, later, because nothing is ever taken where their KeyPackage led to.

    Whoever gives out KeyPackages and then takes nothing must not keep us busy: each time we wait twice as long.
    """
    unit.tx.execute("UPDATE contact SET turned_away = turned_away + 1 WHERE id = ?", (contact.id,))
    times = rows.number(unit.tx, "SELECT turned_away FROM contact WHERE id = ?", (contact.id,))
    ask_anew(unit, contact, after=min(_ELSEWHERE_AFTER * 2 ** min(times - 1, 32), _ASKED_EVERY))


def renew(unit: Unit) -> None:
    """Ask those anew who may have got our request too late: the KeyPackage that we made it with is stale by now.

    What reached them directly is not among it. Nobody is asked so more often than once in `_ASKED_EVERY`.
    """
    late = (
        "EXISTS (SELECT 1 FROM outbox WHERE outbox.contact = contact.id AND kind = ?"
        " AND coalesce(stale_at, 0) < ? AND queued_at < ?)"
    )
    parameters = (int(Kind.CONTACT_REQUEST), unit.now, unit.now - _ASKED_EVERY)
    for contact in rows.contacts_where(unit.tx, late, parameters):
        ask_anew(unit, contact)


def is_stranger(unit: Unit, peer: PeerId | None) -> bool:
    """Say whether somebody counts as a stranger: everybody does but contacts that are not blocked."""
    contact = contacts.by_peer(unit.tx, peer) if peer else None
    return contact is None or contact.blocked


def count_request(unit: Unit, sender: PeerId | None) -> None:
    """Count a contact request against the hourly limit, unless it is a contact's. Raises RequestsFull.

    One of which only the group will show whose it is counts against a limit for everybody.
    """
    if sender is None:
        limits.take(unit, "joins", per_hour=UNPROVEN_PER_HOUR)
    elif is_stranger(unit, sender):
        limits.take(unit, "requests", per_hour=unit.policy.strangers_per_hour)


def on_contact_request(unit: Unit, source: PeerId | None, payload: bytes) -> None:
    """Take a contact request; it was counted before, though as its sender's only where `source` is known.

    Raises MalformedEnvelope, MalformedContent, CryptoRejected, BadCredential, ProtocolViolation, RequestsFull.
    """
    request = ContactRequest.decode(payload)
    group_id = _join(unit, source, request.welcome)
    sender = _sender(unit, group_id, source)
    try:
        code = ChatCode.parse(request.code)
    except BadChatCode as error:
        raise MalformedEnvelope(problem="its chat code cannot be read") from error
    routes.decode(request.routes)
    if code.peer != sender:
        raise ProtocolViolation(problem="a contact request with somebody else's chat code")
    # Whichever key package they used, the one that they were handed is not for a second request.
    _take_back(unit, "peer_id = ?", sender.octets)
    if source is None:
        count_request(unit, sender)
    contact = contacts.by_peer(unit.tx, sender)
    if contact is None or contact.blocked:
        hidden = contact is not None
        _wait_for_approval(unit, sender, group_id, request, name=code.name or "", hidden=hidden)
    else:
        _accept_at_once(unit, contact, group_id)
        routes.learn(unit, contact, request.routes)


def on_first_heard(unit: Unit, contact: rows.ContactRow, group_id: bytes) -> rows.ContactRow:
    """Note the first valid message of a contact in a group.

    It proves that they hold it, and that they have accepted us.
    """
    before = groups.sending_group(unit.tx, contact)
    groups.mark_heard(unit, group_id)
    outbox.confirm(unit, contact, [group_id])
    if contact.state is not ContactState.ACTIVE:
        # What we say of our routes goes with the newest request.
        newest = group_id == before and not outbox.waits(unit.tx, contact, Kind.KEY_PACKAGE_REQUEST)
        return _activate(unit, contact, told_routes=newest)
    if groups.sending_group(unit.tx, contact) != before:
        outbox.leave_anew(unit, contact, Moved.GROUP)
    return contact


def _join(unit: Unit, source: PeerId | None, welcome: bytes) -> bytes:
    contact = contacts.by_peer(unit.tx, source) if source else None
    try:
        with unit.savepoint():
            return unit.engine.join(unit.keys, welcome, now=unit.seconds)
    except CryptoRejected:
        if contact is None or not contact.blocked:
            raise
    # A group that is already here is refused. For somebody who was removed, the old conversation's is not; so for
    # somebody who is blocked it must not be either. Who makes it anew has lost the old one.
    groups.forget_all(unit, contact)
    return unit.engine.join(unit.keys, welcome, now=unit.seconds)


def _sender(unit: Unit, group_id: bytes, source: PeerId | None) -> PeerId:
    us = account.load(unit.tx).peer
    others = [member for member in unit.engine.members(unit.keys, group_id) if member != us]
    if len(others) != 1:
        raise ProtocolViolation(problem="a contact request with a group that is not of two")
    if source is not None and others[0] != source:
        raise ProtocolViolation(problem="a contact request in somebody else's name")
    return others[0]


def _wait_for_approval(
    unit: Unit, sender: PeerId, group_id: bytes, request: ContactRequest, *, name: str, hidden: bool
) -> None:
    replaced = requests.forget(unit, sender)
    if not replaced and requests.count_kept(unit.tx) >= unit.policy.max_requests:
        raise RequestsFull(retry_after=_FULL_RETRY_AFTER)
    introduction, ways = request.introduction, request.routes
    requests.keep(unit, sender, group_id, name=name, introduction=introduction, routes=ways, hidden=hidden)


def _accept_at_once(unit: Unit, contact: rows.ContactRow, group_id: bytes) -> None:
    before = groups.sending_group(unit.tx, contact)
    crossed = contact.state is not ContactState.ACTIVE and before is not None
    ours_wins = crossed and account.load(unit.tx).peer < contact.peer
    groups.remember(unit, contact, group_id, below_ours=ours_wins)
    outbox.drop_answers(unit, contact)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    if not ours_wins:
        outbox.drop(unit, contact, Kind.CONTACT_REQUEST)
    if contact.state is not ContactState.ACTIVE:
        contact = _activate(unit, contact, told_routes=ours_wins)
    elif groups.sending_group(unit.tx, contact) != before:
        outbox.leave_anew(unit, contact, Moved.GROUP)
    _answer(unit, contact, group_id)


def _activate(unit: Unit, contact: rows.ContactRow, *, told_routes: bool) -> rows.ContactRow:
    contact = contacts.set_state(unit, contact, ContactState.ACTIVE)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    if not told_routes:
        routes.forget_offer(unit, contact)
    unit.effect(OfferRoutes(peer=contact.peer))
    outbox.encrypt_waiting(unit, contact)
    return contact


def _answer(unit: Unit, contact: rows.ContactRow, group_id: bytes) -> None:
    """Say in the group that came with a request that we accept it; it must be that group, whichever we send in."""
    accepted, confirmed_by = outbox.control_content(unit, contact, content.ACCEPTED, b"")
    payload = unit.engine.encrypt(unit.keys, group_id, accepted)
    outbox.queue(unit, contact, Kind.MLS_MESSAGE, payload=payload, confirmed_by=confirmed_by)


def _take_back(unit: Unit, condition: str, parameter: bytes | int) -> None:
    """Forget key packages of ours that are out, private halves and all."""
    gone = unit.tx.query(
        f"DELETE FROM issued_key_package WHERE {condition} RETURNING key_package",  # noqa: S608  # our own text
        (parameter,),
    )
    for (key_package,) in gone:
        unit.engine.forget_key_package(unit.keys, cast("bytes", key_package))


def expire(unit: Unit) -> None:
    """Take back the key packages that have outlived their lifetime."""
    _take_back(unit, "issued_at < ?", unit.now - unit.policy.request_lifetime * 1000)
