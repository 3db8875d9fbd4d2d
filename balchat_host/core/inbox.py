"""What arrives: each envelope in a savepoint of its own, so that a bad one undoes only itself.

The answer to an envelope depends on who sent it only in this: a contact that is not blocked, or anybody else. So
somebody who is blocked, was removed, was turned down or was never known sees one and the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from balchat_host.api.errors import (
    MalformedEnvelope,
    PeerError,
    ProtocolViolation,
    RequestsFull,
    TooFarAhead,
    WorldError,
)
from balchat_host.api.transport import Disposition, Verdict
from balchat_host.api.types import PeerId
from balchat_host.api.views import WayView
from balchat_host.core import envelope_budgets, envelope_retries, rate_limits, rows, ways
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import queue
from balchat_host.core.envelope import Envelope, EraMessage, Kind, envelope_id
from balchat_host.core.eras import keeping, opening, schedule
from balchat_host.core.first_contact import answering, asking
from balchat_host.core.messages.reading import send_receipts
from balchat_host.core.messages.receive import check, receive_content
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import UnitOfWork

_COMMITTED = Disposition(verdict=Verdict.COMMITTED)
_IGNORED = Disposition(verdict=Verdict.IGNORED)
_REPEATED_AFTER: Final = 3600 * 1000
"""Milliseconds after which an author who still sends what we have is told once more."""
_REPEATED_PER_HOUR: Final = 8
"""How many repeated confirmations a contact gets in an hour."""
_LATER: Final = 3600
"""Seconds after which what is too far ahead may come again."""
_ENVELOPE_IDS_KEPT: Final = 90 * 24 * 3600 * 1000
_ConfirmedEras = dict[bytes, tuple[ContactRow, Era]]
"""The confirmed eras and whose they are, by era id, as far as one delivery has looked them up. What may change an era
or its contact empties it; a message in a confirmed era changes neither."""
_ONCE = (Kind.MLS_MESSAGE, Kind.CONTACT_REQUEST, Kind.ERA)
"""What is taken in once. A request for a key package, and the same key package in answer, may rightly come again."""


def receive(
    unit: UnitOfWork, source: PeerId | None, envelopes: Sequence[bytes], way: WayView | None = None
) -> list[Disposition]:
    """Take envelopes in, in order; return the answer to each.

    `source` is who sent them, where the transport has proof. `way` is how they came, where that is known. Nobody hears
    our answer to what was stored, nor where there is no proof: then their authors are told inside MLS.
    """
    is_heard = source is not None and (way is None or way.direct)
    stranger = answering.is_stranger(unit, source)
    confirmed: _ConfirmedEras = {}
    by = ways.know(unit, way)
    dispositions = [
        _receive(unit, source, octets, confirmed, stranger=stranger, is_heard=is_heard, way=by) for octets in envelopes
    ]
    if stranger:
        dispositions = [replace(each, stranger=True) for each in dispositions]
    if not is_heard:
        _tell_authors(unit, [envelope_id(octets) for octets in envelopes])
    return dispositions


def _receive(
    unit: UnitOfWork,
    source: PeerId | None,
    octets: bytes,
    confirmed: _ConfirmedEras,
    *,
    stranger: bool,
    is_heard: bool,
    way: int | None,
) -> Disposition:
    identifier = envelope_id(octets)
    if unit.tx.query("SELECT 1 FROM received WHERE envelope_id = ?", (identifier,)):
        return _COMMITTED
    origin = _Origin(envelope_id=identifier, source=source, is_contact=not stranger, is_heard=is_heard, way=way)
    try:
        envelope = Envelope.decode(octets)
    except MalformedEnvelope as error:
        return Disposition(verdict=Verdict.REFUSED, reason=error.code)
    try:
        envelope_budgets.check(envelope)
        # Outside of the savepoint: what is looked into costs time also where it then turns out that nobody wants it.
        _count(unit, source, envelope)
        with unit.savepoint():
            disposition = _dispatch(unit, source, envelope, origin, confirmed)
    except RequestsFull as error:
        return Disposition(verdict=Verdict.REFUSED, reason=error.code, retry_after=float(error.fields["retry_after"]))
    except (WorldError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # whatever it is, a library's panic too, it ends this envelope alone
        confirmed.clear()
        return _failed(unit, origin, envelope, error)
    if disposition == _COMMITTED and envelope.kind in _ONCE and not origin.is_dropped:
        unit.tx.execute(
            "INSERT INTO received (envelope_id, at, peer, message_id) VALUES (?, ?, ?, ?)",
            (identifier, unit.now, origin.contact, origin.message_id),
        )
    return disposition


def _count(unit: UnitOfWork, source: PeerId | None, envelope: Envelope) -> None:
    if envelope.kind is Kind.CONTACT_REQUEST:
        answering.count_request(unit, source)
    elif envelope.kind is Kind.KEY_PACKAGE and source is not None:
        asking.count_key_package(unit, source)
    elif envelope.kind is Kind.ERA:
        opening.count(unit, source, envelope.payload)


def _failed(unit: UnitOfWork, origin: "_Origin", envelope: Envelope, error: BaseException) -> Disposition:
    """Return the answer to an envelope that was undone: it is its sender's fault, or nobody foresaw what it brought up.

    What an engine calls our mistake, or its own, was brought up by octets of somebody else's here.
    """
    reason = unit.blame(error)
    if isinstance(error, TooFarAhead):
        return _too_far_ahead(unit, envelope, reason)
    if envelope.kind is Kind.KEY_PACKAGE and origin.source is not None:
        asking.on_bad_key_package(unit, origin.source, reason)
    elif (
        not isinstance(error, PeerError)
        and origin.is_contact
        and envelope_retries.may_come_again(unit, origin.envelope_id)
    ):
        return Disposition(verdict=Verdict.REFUSED, reason=reason, retry_after=float(envelope_retries.RETRY_AFTER))
    return Disposition(verdict=Verdict.REFUSED, reason=reason)


def _too_far_ahead(unit: UnitOfWork, envelope: Envelope, reason: str) -> Disposition:
    """Have a message come again later whose key is too far away: by then its author sends in the next era."""
    found = keeping.find(unit.tx, EraMessage.decode(envelope.payload).era_id)
    if found is not None and keeping.is_best(unit.tx, *found):
        with unit.contained():
            schedule.renew(unit, found[0])
    return Disposition(verdict=Verdict.REFUSED, reason=reason, retry_after=float(_LATER))


def _tell_authors(unit: UnitOfWork, envelope_ids: Sequence[bytes]) -> None:
    """Confirm what came by ways that cannot; what comes again, because a confirmation was lost, at most hourly."""
    first: dict[int, list[bytes]] = {}
    again: dict[int, list[bytes]] = {}
    for identifier in dict.fromkeys(envelope_ids):
        found = unit.tx.query(
            "SELECT peer, receipt_at IS NULL FROM received WHERE envelope_id = ? AND message_id IS NOT NULL"
            " AND (receipt_at IS NULL OR receipt_at NOT BETWEEN ? AND ?)",
            (identifier, unit.now - _REPEATED_AFTER, unit.now),
        )
        for contact, is_first in found:
            (first if is_first else again).setdefault(cast("int", contact), []).append(identifier)
    for number in first | again:
        for contact in rows.contacts_where(unit.tx, "contact.peer = ? AND blocked = 0", (number,)):
            with unit.contained():
                _tell(unit, contact, first.get(number, []), again.get(number, []))


def _tell(unit: UnitOfWork, contact: ContactRow, first: list[bytes], again: list[bytes]) -> None:
    told = first + again if again and _may_repeat_receipts(unit, contact) else first
    message_ids = [
        cast("bytes", message_id)
        for identifier in told
        for (message_id,) in unit.tx.query(
            "UPDATE received SET receipt_at = ? WHERE envelope_id = ? RETURNING message_id", (unit.now, identifier)
        )
    ]
    send_receipts(unit, contact, message_ids, MessageStatus.DELIVERED)


def _may_repeat_receipts(unit: UnitOfWork, contact: ContactRow) -> bool:
    """Return whether to repeat a receipt: whoever stores can ask for it for ever, and swallow it each time."""
    if queue.waits(unit.tx, contact, Purpose.RECEIPT):
        return False
    return rate_limits.may(unit, contact.peer, rate_limits.Counted.REPEATED_RECEIPTS, per_hour=_REPEATED_PER_HOUR)


@dataclass(slots=True)
class _Origin:
    """Where an envelope came from, as far as that is known: `source` where the transport has proof.

    `is_contact`: from a contact that is not blocked, or it names an era of one. `is_heard`: its sender hears what we
    answer. `contact` and `message_id` are whose message came in it, once that is proven, and which: to confirm it, also
    when it comes again. `way` is the number of the way by which it came. `is_dropped`: nothing of it is kept, not
    even that it came.
    """

    envelope_id: bytes
    source: PeerId | None
    is_contact: bool
    is_heard: bool
    way: int | None
    contact: int | None = None
    message_id: bytes | None = None
    is_dropped: bool = False


def _dispatch(
    unit: UnitOfWork, source: PeerId | None, envelope: Envelope, origin: _Origin, confirmed: _ConfirmedEras
) -> Disposition:
    if envelope.kind is Kind.MLS_MESSAGE:
        return _mls_message(unit, source, envelope.payload, origin, confirmed)
    confirmed.clear()
    match envelope.kind:
        case Kind.CONTACT_REQUEST:
            answering.on_contact_request(unit, source, envelope.payload)
            return _COMMITTED
        case Kind.ERA:
            return _COMMITTED if opening.on_era(unit, source, envelope.payload) else _passed_over(origin)
        case Kind.KEY_PACKAGE_REQUEST if source is not None:
            reply = answering.on_key_package_request(unit, source)
            return Disposition(verdict=Verdict.COMMITTED, replies=(reply,))
        case Kind.KEY_PACKAGE if source is not None:
            asking.on_key_package(unit, source, envelope.payload)
            return _COMMITTED
        case _:
            raise ProtocolViolation(problem="an envelope that needs to be known where it comes from")


def _mls_message(
    unit: UnitOfWork, source: PeerId | None, payload: bytes, origin: _Origin, confirmed: _ConfirmedEras
) -> Disposition:
    message = EraMessage.decode(payload)
    found = confirmed.get(message.era_id) or _whose(unit, source, message.era_id)
    if found is None:
        return _passed_over(origin) if keeping.is_gone(unit.tx, message.era_id) else _IGNORED
    contact, era = found
    origin.is_contact = True
    decrypted = unit.engine.decrypt(unit.keys, era.mls_group_id, message.message)
    if decrypted.sender.peer != contact.peer:
        raise ProtocolViolation(problem="a message in somebody else's name")
    if era.confirmed:
        confirmed[message.era_id] = found
    else:
        # What hearing from them costs must not be had again and again by what is refused in the end.
        check(decrypted.data)
        confirmed.clear()
        contact = answering.on_first_heard(unit, contact, era, device_id=decrypted.sender.device_id)
    origin.contact = contact.id
    origin.message_id = receive_content(
        unit, contact, decrypted.data, device_id=decrypted.sender.device_id, way=origin.way
    )
    if (
        not era.confirmed
        and origin.is_heard
        and origin.message_id is not None
        and not queue.waits(unit.tx, contact, Purpose.RECEIPT)
    ):
        # Who had another era with us, which we have lost, sends in this one once they hear us in it. A receipt that
        # waits does it too, and they cannot have us pile them up.
        send_receipts(unit, contact, [origin.message_id], MessageStatus.DELIVERED)
    return _COMMITTED


def _passed_over(origin: _Origin) -> Disposition:
    """Return the answer to what will never be of use here: who stores may drop it, and nobody else is told anything."""
    origin.is_dropped = True
    return _IGNORED if origin.is_heard else _COMMITTED


def _whose(unit: UnitOfWork, source: PeerId | None, era_id: bytes) -> tuple[ContactRow, Era] | None:
    """Return the contact whose conversation an era carries, if it is not blocked, nor another one than `source`.

    One that we do not know may come with a contact request that is on its way: nothing is said, so it comes again.
    """
    found = keeping.find(unit.tx, era_id)
    if found is None:
        if source is not None and not keeping.is_gone(unit.tx, era_id):
            asking.on_lost_era(unit, source)
        return None
    contact, _ = found
    if contact.blocked or (source is not None and contact.peer != source):
        return None
    return found


def expire(unit: UnitOfWork) -> None:
    """Forget the envelopes that were taken long ago: nobody sends them any more."""
    unit.tx.execute("DELETE FROM received WHERE at < ?", (unit.now - _ENVELOPE_IDS_KEPT,))
