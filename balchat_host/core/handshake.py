"""How two accounts come to share a group. The law, with the picture, is docs/spec/first-contact.md.

`asking` has our own requests; here is how we answer those of others, and what follows for both.

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
from balchat_host.core import (
    account,
    asking,
    contacts,
    content,
    groups,
    key_package_pool,
    limits,
    outbox,
    requests,
    requeue,
    routes,
    rows,
)
from balchat_host.core.budgets import BUDGETS, UNPROVEN_PER_HOUR
from balchat_host.core.codes import ChatCode
from balchat_host.core.envelope import ContactRequest, Envelope, Kind
from balchat_host.core.limits import Counted, RequeueReason
from balchat_host.core.unit_of_work import OfferRoutes, SendPending, UnitOfWork
from balchat_host.core.views import contact_view

_FULL_RETRY_AFTER: Final = 3600
"""Seconds after which somebody who was turned away may ask again."""
_MAX_ISSUED: Final = 256
"""How many unused key packages of ours may be out at once; beyond, the oldest is taken back."""


def add_contact(unit: UnitOfWork, code: str, *, name: str | None, introduction: str) -> ContactView:
    """Ask the owner of a chat code to become a contact; where they asked us first, accept.

    Raises BadChatCode, OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany.
    """
    parsed = ChatCode.parse(code)
    if requests.waiting(unit.tx, parsed.peer) is not None:
        return accept_request(unit, parsed.peer.octets.hex(), name=parsed.name if name is None else name)
    contact = contacts.create(
        unit,
        parsed.peer,
        name=parsed.name if name is None else name,
        state=ContactState.ADDING,
        introduction=introduction,
        relays=parsed.relays,
    )
    asking.begin(unit, contact)
    return contact_view(unit.tx, contact)


def accept_request(unit: UnitOfWork, which: str, *, name: str | None) -> ContactView:
    """Make who asked a contact. Raises NoSuchRequest, NameTaken, BadInput, TooMany."""
    request = requests.find(unit.tx, which)
    name = request.name if name is None else name
    state = ContactState.ADDING if request.group_id is None else ContactState.ACTIVE
    contact = contacts.create(unit, request.peer, name=name, state=state)
    routes.learn(unit, contact, request.routes)
    requests.close(unit, request, "accepted")
    if request.group_id is None:
        # We have gone on from a backup since. Asked in turn, they accept at once (rule 6).
        asking.begin(unit, contact)
    else:
        groups.remember(unit, contact, request.group_id)
        unit.effect(OfferRoutes(peer=contact.peer))
        _answer(unit, contact, request.group_id, told=None)
    return contact_view(unit.tx, contact)


def unblock(unit: UnitOfWork, who: str) -> ContactView:
    """Hear from a contact again. Raise NoSuchContact.

    If they asked us meanwhile, they were told that we have their request, and may hold no other group with us: so it
    counts as any request of a contact's. If it has had its time, we ask them.
    """
    contact = contacts.find(unit.tx, who)
    if not contact.blocked:
        return contact_view(unit.tx, contact)
    contact = contacts.set_unblocked(unit, contact)
    hidden = requests.take_hidden(unit, contact.peer)
    if hidden is not None and hidden.group_id is not None:
        _accept_at_once(unit, contact, hidden.group_id)
        routes.learn(unit, contact, hidden.routes)
    elif hidden is not None or requests.was_missed(unit.tx, contact.peer):
        contacts.set_state(unit, contact, ContactState.ADDING)
        asking.begin(unit, contact)
    requests.set_missed(unit, contact.peer, missed=False)
    unit.effect(SendPending(peer=contact.peer))
    return contact_view(unit.tx, contacts.find(unit.tx, who))


def on_key_package_request(unit: UnitOfWork, source: PeerId) -> bytes:
    """Give the envelope with a key package for `source`.

    The same one until it is used or stale. Raises RequestsFull.
    """
    lifetime = unit.policy.request_lifetime
    issued = unit.tx.query(
        "SELECT key_package FROM issued_key_package WHERE peer_id = ? AND issued_at > ? AND issued_at <= ?",
        (source.octets, *key_package_pool.fresh(unit)),
    )
    if issued:
        key_package = cast("bytes", issued[0][0])
    else:
        _count(unit, source, "key-packages", Counted.KEY_PACKAGE_REQUESTS, Kind.KEY_PACKAGE_REQUEST)
        _take_back(unit, "peer_id = ?", source.octets)
        key_package = unit.engine.key_package(unit.keys, lifetime=lifetime, now=unit.seconds)
        unit.tx.execute(
            "INSERT INTO issued_key_package (peer_id, key_package, issued_at) VALUES (?, ?, ?)",
            (source.octets, key_package, unit.now),
        )
        _take_back(
            unit,
            # By the order in which they were made, which does not hang on a clock.
            "rowid NOT IN (SELECT rowid FROM issued_key_package ORDER BY rowid DESC LIMIT ?)",
            _MAX_ISSUED,
        )
    return Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()


def is_stranger(unit: UnitOfWork, peer: PeerId | None) -> bool:
    """Say whether somebody counts as a stranger: everybody does but contacts that are not blocked."""
    contact = contacts.by_peer(unit.tx, peer) if peer else None
    return contact is None or contact.blocked


def count_request(unit: UnitOfWork, sender: PeerId | None) -> None:
    """Count a contact request. Raise RequestsFull.

    One of which only the group will show whose it is counts against a limit for everybody.
    """
    if sender is None:
        limits.take(unit, "joins", per_hour=UNPROVEN_PER_HOUR)
    else:
        _count(unit, sender, "requests", Counted.CONTACT_REQUESTS, Kind.CONTACT_REQUEST)


def _count(unit: UnitOfWork, peer: PeerId, of_strangers: str, of_contact: Counted, kind: Kind) -> None:
    """Count what somebody has us do: against what strangers have together, or against what is the contact's own."""
    if is_stranger(unit, peer):
        limits.take(unit, of_strangers, per_hour=unit.policy.strangers_per_hour)
    else:
        limits.take_from(unit, peer, of_contact, per_hour=BUDGETS[kind].contact_per_hour)


def on_contact_request(unit: UnitOfWork, source: PeerId | None, payload: bytes) -> None:
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


def on_first_heard(unit: UnitOfWork, contact: rows.ContactRow, group_id: bytes) -> rows.ContactRow:
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
        _follow(unit, contact)
    else:
        # What was written while there was no group, because we had lost it.
        requeue.encrypt_waiting(unit, contact)
    return contact


def _join(unit: UnitOfWork, source: PeerId | None, welcome: bytes) -> bytes:
    contact = contacts.by_peer(unit.tx, source) if source else None
    try:
        with unit.savepoint():
            return unit.engine.join(unit.keys, welcome, now=unit.seconds, max_members=2)
    except CryptoRejected:
        if contact is None or not contact.blocked:
            raise
    # A group that is already here is refused. For somebody who was removed, the old conversation's is not; so for
    # somebody who is blocked it must not be either. Who makes it anew has lost the old one.
    groups.forget_all(unit, contact)
    return unit.engine.join(unit.keys, welcome, now=unit.seconds, max_members=2)


def _sender(unit: UnitOfWork, group_id: bytes, source: PeerId | None) -> PeerId:
    us = account.load(unit.tx).peer
    others = [member for member in unit.engine.members(unit.keys, group_id) if member != us]
    if len(others) != 1:
        raise ProtocolViolation(problem="a contact request with a group that is not of two")
    if source is not None and others[0] != source:
        raise ProtocolViolation(problem="a contact request in somebody else's name")
    return others[0]


def _wait_for_approval(
    unit: UnitOfWork, sender: PeerId, group_id: bytes, request: ContactRequest, *, name: str, hidden: bool
) -> None:
    replaced = requests.forget(unit, sender)
    if not replaced and requests.count_kept(unit.tx) >= unit.policy.max_requests:
        raise RequestsFull(retry_after=_FULL_RETRY_AFTER)
    introduction, ways = request.introduction, request.routes
    requests.keep(unit, sender, group_id, name=name, introduction=introduction, routes=ways, hidden=hidden)


def _accept_at_once(unit: UnitOfWork, contact: rows.ContactRow, group_id: bytes) -> None:
    before, told = groups.sending_group(unit.tx, contact), routes.told(unit.tx, contact)
    crossed = contact.state is not ContactState.ACTIVE and groups.waits_for_answer(unit.tx, contact)
    ours_wins = crossed and account.load(unit.tx).peer < contact.peer
    groups.remember(unit, contact, group_id, below_newest=ours_wins)
    outbox.drop_answers(unit, contact)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    if not ours_wins:
        outbox.drop(unit, contact, Kind.CONTACT_REQUEST)
    if contact.state is not ContactState.ACTIVE:
        contact = _activate(unit, contact, told_routes=ours_wins)
    elif groups.sending_group(unit.tx, contact) != before:
        _follow(unit, contact)
    else:
        _offer_again(unit, contact)
    _answer(unit, contact, group_id, told=told)


def _follow(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Go on in another group of a contact's: they may have lost the last one."""
    _offer_again(unit, contact)
    requeue.requeue(unit, contact, RequeueReason.GROUP)


def _offer_again(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Have a contact told of our routes again: who asks although we could talk has lost what we told them."""
    routes.forget_offer(unit, contact)
    unit.effect(OfferRoutes(peer=contact.peer))


def _activate(unit: UnitOfWork, contact: rows.ContactRow, *, told_routes: bool) -> rows.ContactRow:
    if contact.restored:
        # What they named before the backup was made may be gone; they tell us with their answer.
        routes.forget(unit, contact)
        unit.tx.execute("UPDATE contact SET restored = 0 WHERE id = ?", (contact.id,))
    contacts.set_reason(unit, contact, None)
    contact = contacts.set_state(unit, contact, ContactState.ACTIVE)
    outbox.drop(unit, contact, Kind.KEY_PACKAGE_REQUEST)
    if not told_routes:
        routes.forget_offer(unit, contact)
    unit.effect(OfferRoutes(peer=contact.peer))
    requeue.begin_to_talk(unit, contact)
    return contact


def _answer(unit: UnitOfWork, contact: rows.ContactRow, group_id: bytes, *, told: bytes | None) -> None:
    """Say in the group that came with a request that we accept it; it must be that group, whichever we send in.

    `told` is what we had told them of our routes. Who asks although they are a contact may have lost it, and not find
    us: to say it again is the answer.
    """
    content_type, body = (content.ACCEPTED, b"") if told is None else (content.ROUTES, told)
    answer, confirmed_by = outbox.control_content(unit, contact, content_type, body)
    payload = unit.engine.encrypt(unit.keys, group_id, answer)
    outbox.queue(unit, contact, Kind.MLS_MESSAGE, payload=payload, confirmed_by=confirmed_by)


def _take_back(unit: UnitOfWork, condition: str, parameter: bytes | int) -> None:
    """Forget key packages of ours that are out, private halves and all."""
    gone = unit.tx.query(
        f"DELETE FROM issued_key_package WHERE {condition} RETURNING key_package",  # noqa: S608  # our own text
        (parameter,),
    )
    for (key_package,) in gone:
        unit.engine.forget_key_package(unit.keys, cast("bytes", key_package))


def expire(unit: UnitOfWork) -> None:
    """Take back the key packages that have outlived their lifetime."""
    _take_back(unit, "issued_at < ?", unit.now - unit.policy.request_lifetime * 1000)
