"""How we answer those who ask us to become a contact, and what follows for both. `asking` has our own requests.

    we                                        they
    add a contact (ADDING)
      KEY_PACKAGE_REQUEST ------------------>
      <------------------------------------- KEY_PACKAGE
    found an era of two with it (ASKING)
      CONTACT_REQUEST (Welcome, code, …) --->  joined at once, which checks every credential;
    acknowledged: REQUESTED                    waits for its owner's approval
      <------------------------------------- ACCEPTED, inside the era
    ACTIVE                                     ACTIVE

Every arrow may be lost, late or repeated. Whoever asks somebody that is already a contact is accepted at once. Somebody
who is blocked, and somebody who is not known, see the same. The law is docs/spec/first-contact.md.
"""

from typing import Final

from balchat_host.api.crypto import Joined
from balchat_host.api.errors import BadChatCode, CryptoRejected, MalformedEnvelope, ProtocolViolation, RequestsFull
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.api.views import ContactView
from balchat_host.core import account, contacts, content, key_package_pool, peers, rate_limits, routes, rows
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.delivery import queue, reports, requeue
from balchat_host.core.envelope import ContactRequest, Envelope, Kind
from balchat_host.core.envelope_budgets import BUDGETS, UNPROVEN_PER_HOUR
from balchat_host.core.eras import keeping, renewals
from balchat_host.core.first_contact import asking, requests
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import OfferRoutes, UnitOfWork
from balchat_host.core.views import contact_view

_FULL_RETRY_AFTER: Final = 3600
"""Seconds after which somebody who was turned away may ask again."""
_CLOCK_TOLERANCE: Final = 3600 * 1000
"""Milliseconds by which the clocks of two devices of a contact may differ."""


# -- what our owner does


def add_contact(unit: UnitOfWork, code: str, *, name: str | None, introduction: str) -> ContactView:
    """Ask the owner of a chat code to become a contact; where they asked us first, accept.

    Raise BadChatCode, OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany.
    """
    parsed = ChatCode.parse(code)
    name = parsed.name if name is None else name
    if requests.waiting(unit.tx, parsed.peer) is not None:
        return accept_request(unit, parsed.peer.octets.hex(), name=name)
    contact = contacts.create(unit, parsed.peer, name=name, introduction=introduction, relays=parsed.relays)
    return contact_view(unit.tx, asking.take(unit, contact, Input.ADD))


def accept_request(unit: UnitOfWork, which: str, *, name: str | None) -> ContactView:
    """Make who asked a contact. Raise NoSuchRequest, NameTaken, BadInput, TooMany."""
    request = requests.find(unit.tx, which)
    contact = contacts.create(unit, request.peer, name=request.name if name is None else name)
    requests.close(unit, request, "accepted")
    peers.know_device(unit, contact.id, request.device_id)
    _note_asked(unit, contact, request.made_at)
    if request.era is None:
        # We have gone on from a backup since. Asked in turn, they accept at once (rule 6).
        contact = asking.take(unit, contact, Input.ADD)
        routes.learn(unit, contact, request.routes, device_id=request.device_id)
    else:
        keeping.use_requested(unit, contact, request.era)
        contact = asking.take(unit, contact, Input.ACCEPT)
        routes.learn(unit, contact, request.routes, device_id=request.device_id)
        _answer(unit, contact, request.era, offer=None)
    return contact_view(unit.tx, contact)


def block_request(unit: UnitOfWork, which: str) -> ContactView:
    """Turn a request down, and hear nothing from whoever asked. Raise NoSuchRequest, TooMany.

    They become a contact that we add and block, under a name that is free: nothing that a stranger says may prevent it.
    Nothing leaves for a blocked contact, so they are asked once they are unblocked. Their request goes, as it would if
    it was turned down: hidden, it would take up the room of others.
    """
    request = requests.find(unit.tx, which)
    name = request.name if contacts.is_free(unit.tx, request.name) else None
    contact = contacts.create(unit, request.peer, name=name)
    requests.turn_down(unit, request, "blocked")
    peers.know_device(unit, contact.id, request.device_id)
    asking.take(unit, contact, Input.ADD)
    routes.learn(unit, contact, request.routes, device_id=request.device_id)
    unit.tx.execute("UPDATE conversation SET archived = 1 WHERE id = ?", (contact.conversation.id,))
    return contacts.block(unit, request.peer.octets.hex())


def unblock(unit: UnitOfWork, who: str) -> ContactView:
    """Hear from a contact again. Raise NoSuchContact.

    If they asked us meanwhile, they were told that we have their request, and may hold no other era with us: so it
    counts as any request of a contact's. If it has had its time, we ask them.
    """
    contact = contacts.find(unit.tx, who)
    if not contact.blocked:
        return contact_view(unit.tx, contact)
    contact = contacts.set_unblocked(unit, contact)
    hidden = requests.take_hidden(unit, contact.peer)
    if hidden is not None and hidden.era is not None:
        _use_device(unit, contact, hidden.device_id)
        _note_asked(unit, contact, hidden.made_at)
        _accept_at_once(unit, contact, hidden.era)
        routes.learn(unit, contact, hidden.routes, device_id=hidden.device_id)
    elif hidden is not None or requests.was_missed(unit.tx, contact.peer):
        asking.take(unit, contact, Input.ADD)
    requests.set_missed(unit, contact.peer, missed=False)
    queue.wake(unit, contact.peer)
    return contact_view(unit.tx, contacts.find(unit.tx, who))


# -- what others do


def is_stranger(unit: UnitOfWork, peer: PeerId | None) -> bool:
    """Return whether somebody counts as a stranger: everybody does but contacts that are not blocked."""
    contact = contacts.by_peer(unit.tx, peer) if peer else None
    return contact is None or contact.blocked


def count_request(unit: UnitOfWork, sender: PeerId | None) -> None:
    """Count a contact request. Raise RequestsFull.

    One of which only the group will show whose it is counts against a limit for everybody.
    """
    if sender is None:
        rate_limits.take(unit, "joins", per_hour=UNPROVEN_PER_HOUR)
    else:
        _count(unit, sender, "requests", Counted.CONTACT_REQUESTS, Kind.CONTACT_REQUEST)


def on_key_package_request(unit: UnitOfWork, source: PeerId) -> bytes:
    """Return the envelope with a KeyPackage for `source`, the same until it is used or stale. Raise RequestsFull."""
    _require_open(unit, source)
    key_package = key_package_pool.handed_to(unit, source)
    if key_package is None:
        _count(unit, source, "key-packages", Counted.KEY_PACKAGE_REQUESTS, Kind.KEY_PACKAGE_REQUEST)
        key_package = key_package_pool.hand_to(unit, source)
    return Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()


def on_contact_request(unit: UnitOfWork, source: PeerId | None, payload: bytes) -> None:
    """Take a contact request; it was counted before, though as its sender's only where `source` is known.

    Raise MalformedEnvelope, MalformedContent, CryptoRejected, BadCredential, ProtocolViolation, RequestsFull.
    """
    request = ContactRequest.decode(payload)
    joined = _join(unit, source, request.welcome)
    device = _sender(unit, joined, source)
    sender = device.peer
    try:
        code = ChatCode.parse(request.code)
    except BadChatCode as error:
        raise MalformedEnvelope(problem="its chat code cannot be read") from error
    routes.decode(request.routes, device_id=device.device_id)
    if code.peer != sender:
        raise ProtocolViolation(problem="a contact request with somebody else's chat code")
    # Whichever KeyPackage they used, the one that they were handed is not for a second request.
    key_package_pool.take_back_from(unit, sender)
    if source is None:
        count_request(unit, sender)
    contact = contacts.by_peer(unit.tx, sender)
    if contact is None or contact.blocked:
        hidden = contact is not None
        _wait_for_approval(unit, device, joined, request, name=code.name or "", hidden=hidden)
    elif _is_late(unit, contact, request.made_at):
        unit.engine.delete_group(unit.keys, joined.group_id)
    else:
        _use_device(unit, contact, device.device_id)
        _note_asked(unit, contact, request.made_at)
        _accept_at_once(unit, contact, _keep(unit, joined))
        routes.learn(unit, contact, request.routes, device_id=device.device_id, said_at=request.made_at)


def on_first_heard(unit: UnitOfWork, contact: ContactRow, era: Era, *, device_id: bytes) -> ContactRow:
    """Note the first valid message of a contact in an era, and which device of theirs sent it.

    It proves that they hold it, and that they have accepted us.
    """
    before = keeping.sending(unit.tx, contact.conversation)
    former = peers.device(unit.tx, contact.id)
    keeping.confirm(unit, contact, era, device_id=device_id)
    contacts.device_changed(unit, contact, former)
    reports.apply_joined(unit, contact, era)
    renewals.on_confirmed(unit, contact, era)
    if not contact.may_talk:
        # What we say of our routes goes with the newest request.
        newest = (
            before is not None
            and era.id == before.id
            and not queue.waits(unit.tx, contact, Purpose.KEY_PACKAGE_REQUEST)
        )
        return _activate(unit, contact, Input.HEARD, told_routes=newest)
    now = keeping.sending(unit.tx, contact.conversation)
    if now is not None and _differs(now, before):
        if now.requested:
            _follow(unit, contact)
        else:
            requeue.requeue(unit, contact, requeue.RequeueReason.RENEWAL)
            if now.founder == contact.conversation.our_number:
                # They open the eras that we found, and send in this one once they hear us in it.
                renewals.send_key_packages(unit, contact)
    else:
        # What was written while there was no era, because we had lost it.
        queue.encrypt_waiting(unit, contact.conversation)
    return contact


# -- within


def _require_open(unit: UnitOfWork, peer: PeerId) -> None:
    """Raise RequestsFull for a stranger while requests are not accepted: they may be again."""
    if not unit.policy.accept_requests and is_stranger(unit, peer):
        raise RequestsFull(retry_after=_FULL_RETRY_AFTER)


def _count(unit: UnitOfWork, peer: PeerId, of_strangers: str, of_contact: Counted, kind: Kind) -> None:
    """Count what somebody has us do: against what strangers have together, or against what is the contact's own."""
    _require_open(unit, peer)
    if is_stranger(unit, peer):
        rate_limits.take(unit, of_strangers, per_hour=unit.policy.strangers_per_hour)
    else:
        rate_limits.take_from(unit, peer, of_contact, per_hour=BUDGETS[kind].contact_per_hour)


def _join(unit: UnitOfWork, source: PeerId | None, welcome: bytes) -> Joined:
    contact = contacts.by_peer(unit.tx, source) if source else None
    try:
        with unit.savepoint():
            return unit.engine.join(unit.keys, welcome, max_members=2)
    except CryptoRejected:
        if contact is None or not contact.blocked:
            raise
    # A group that is already here is refused. For somebody who was removed, the old conversation's is not; so for
    # somebody who is blocked it must not be either. Who makes it again has lost the old one.
    keeping.forget_all(unit, contact.conversation)
    return unit.engine.join(unit.keys, welcome, max_members=2)


def _sender(unit: UnitOfWork, joined: Joined, source: PeerId | None) -> DeviceIdentity:
    if len(unit.engine.members(unit.keys, joined.group_id)) != 2 or joined.founder.peer == account.load(unit.tx).peer:  # noqa: PLR2004  # of two
        raise ProtocolViolation(problem="a contact request with a group that is not of two")
    if source is not None and joined.founder.peer != source:
        raise ProtocolViolation(problem="a contact request in somebody else's name")
    return joined.founder


def _keep(unit: UnitOfWork, joined: Joined) -> Era:
    founder = joined.founder.peer
    return keeping.keep(unit, joined.group_id, joined.era_id, founder=founder, names=joined.knows, requested=True)


def _wait_for_approval(
    unit: UnitOfWork, device: DeviceIdentity, joined: Joined, request: ContactRequest, *, name: str, hidden: bool
) -> None:
    sender = device.peer
    if requests.is_late(unit.tx, sender, request.made_at, tolerance=_CLOCK_TOLERANCE):
        unit.engine.delete_group(unit.keys, joined.group_id)
        return
    replaced = requests.forget(unit, sender)
    if not replaced and requests.count_kept(unit.tx) >= unit.policy.max_requests:
        raise RequestsFull(retry_after=_FULL_RETRY_AFTER)
    era = _keep(unit, joined)
    introduction, ways = request.introduction, request.routes
    requests.keep(
        unit, device, era, name=name, introduction=introduction, routes=ways, made_at=request.made_at, hidden=hidden
    )


def _use_device(unit: UnitOfWork, contact: ContactRow, device_id: bytes) -> None:
    former = peers.device(unit.tx, contact.id)
    peers.know_device(unit, contact.id, device_id)
    contacts.device_changed(unit, contact, former)


def _is_late(unit: UnitOfWork, contact: ContactRow, made_at: int) -> bool:
    """Return whether a contact has asked again since, and we have taken that.

    Whoever keeps a request back, and lets it come after the next one, could have the device that made it take the place
    of the one that they use now, and what is for them go where they are no more.
    """
    asked_at = rows.number(unit.tx, "SELECT asked_at FROM first_contact WHERE peer = ?", (contact.id,))
    return made_at < asked_at - _CLOCK_TOLERANCE


def _note_asked(unit: UnitOfWork, contact: ContactRow, made_at: int) -> None:
    """Note when a contact made the request that we take. A clock that was ahead must not outdo one that is right."""
    unit.tx.execute(
        "UPDATE first_contact SET asked_at = max(asked_at, min(?, ?)) WHERE peer = ?", (made_at, unit.now, contact.id)
    )


def _accept_at_once(unit: UnitOfWork, contact: ContactRow, era: Era) -> None:
    before, offer = keeping.sending(unit.tx, contact.conversation), routes.last_offer(unit.tx, contact)
    keeping.use_requested(unit, contact, era)
    best = keeping.best(unit.tx, contact.conversation)
    ours_wins = not contact.may_talk and best is not None and best.founder == contact.conversation.our_number
    if not ours_wins:
        queue.drop(unit, contact, Purpose.CONTACT_REQUEST)
    if not contact.may_talk:
        contact = _activate(unit, contact, Input.ASKED, told_routes=ours_wins)
    else:
        queue.drop(unit, contact, Purpose.WELCOME)
        renewals.on_lost(unit, contact)
        contact = asking.take(unit, contact, Input.ASKED)
        if _differs(keeping.sending(unit.tx, contact.conversation), before):
            _follow(unit, contact)
        else:
            _offer_again(unit, contact)
    _answer(unit, contact, era, offer=offer)


def _follow(unit: UnitOfWork, contact: ContactRow) -> None:
    """Go on in another era of a contact's: they may have lost the last one."""
    _offer_again(unit, contact)
    requeue.requeue(unit, contact, requeue.RequeueReason.ERA)


def _offer_again(unit: UnitOfWork, contact: ContactRow) -> None:
    """Have a contact told of our routes again: who asks although we could talk has lost what we told them."""
    routes.forget_offer(unit, contact)
    unit.effect(OfferRoutes(peer=contact.peer))


def _activate(unit: UnitOfWork, contact: ContactRow, what: Input, *, told_routes: bool) -> ContactRow:
    if contact.restored:
        # What they named before the backup was made may be gone; they tell us with their answer.
        routes.forget(unit, contact)
        unit.tx.execute("UPDATE first_contact SET restored = 0 WHERE peer = ?", (contact.id,))
    contact = asking.take(unit, contact, what)
    if not told_routes:
        routes.forget_offer(unit, contact)
    unit.effect(OfferRoutes(peer=contact.peer))
    requeue.begin_to_talk(unit, contact)
    return contact


def _answer(unit: UnitOfWork, contact: ContactRow, era: Era, *, offer: bytes | None) -> None:
    """Say in the era that came with a request that we accept it; it must be that era, whichever we send in.

    `offer` is what we had told them of our routes. Who asks although they are a contact may have lost it, and not find
    us: to say it again is the answer.
    """
    content_type, body = (content.ACCEPTED, b"") if offer is None else (content.ROUTES, offer)
    answer, message_id = queue.control_content(unit, contact, content_type, body)
    queue.queue_answer(unit, contact, era, answer, message_id)


def _differs(one: Era | None, other: Era | None) -> bool:
    return (one and one.id) != (other and other.id)
