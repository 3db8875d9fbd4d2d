"""What becomes of deliveries: as transports report it, and as those who have something say inside MLS."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.errors import TooFarAhead
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.views import WayView
from balchat_host.core import alarms, contacts, event_log, own_message_ids, peers, ways
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import changes, done, progress
from balchat_host.core.delivery.done import Way
from balchat_host.core.delivery.outgoing import LONGEST_WAIT
from balchat_host.core.delivery.progress import Progress, Step
from balchat_host.core.eras import keeping, schedule
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

_SHORTEST_WAIT: Final = 1000
"""Milliseconds until what a contact refused leaves again, however soon they say they want it."""


_NO_DEVICE: Final = 0
_UNKNOWN: Final = Way()
_PROGRESS: Final = f"{progress.COLUMNS}, EXISTS (SELECT 1 FROM change WHERE change.message = seq)"  # noqa: S608  # our own text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    """A row of `delivery` with what it delivers: a message, or what we did with one (a row of `change`)."""

    ticket: int
    contact: ContactRow
    purpose: Purpose
    message: int | None
    change: int | None
    changed: int | None
    era: int | None


def apply_reports(unit: UnitOfWork, reports: Iterable[tuple[SendReport, Latency]]) -> None:
    """Apply what transports report of deliveries, each by a way of a latency."""
    known: dict[WayView, int | None] = {}
    for report, latency in reports:
        delivery = _find(unit.tx, report.ticket)
        way = _way(unit, report, latency, known)
        if delivery is None:  # it was delivered, has a new ticket, or its contact is gone
            _late(unit, report, way)
            continue
        with watching(unit, delivery.changed if delivery.message is None else delivery.message):
            match report.outcome:
                case Outcome.SENT:
                    _advance(unit, delivery, Step.SENT, way)
                case Outcome.STORED:
                    _stored(unit, delivery, way)
                case Outcome.DELIVERED:
                    _delivered(unit, delivery, way)
                case Outcome.REFUSED if latency is Latency.STORE_AND_FORWARD:
                    _not_stored(unit, delivery, report)
                case Outcome.REFUSED:
                    _refused(unit, delivery, report)
                case Outcome.LOST:
                    pass  # it stands, and leaves again


def apply_statuses(
    unit: UnitOfWork, contact: ContactRow, statuses: Iterable[tuple[bytes, int]], *, device_id: bytes
) -> None:
    """Apply what a device of a contact's says of messages of ours, by message id.

    Whatever it says of one, it has it; another device of theirs may not, as one that has taken its place. One that we
    do not know, somebody else may have said in our name.
    """
    device = peers.device_number(unit.tx, contact.id, device_id) or _NO_DEVICE
    foreign = False
    for message_id, status in statuses:
        step = Step.READ if status == MessageStatus.READ else Step.DELIVERED
        found = _ours(unit.tx, contact, message_id)
        if found is None:
            _has_change(unit, contact, message_id, device)
            foreign = foreign or not own_message_ids.is_known(unit, message_id)
            continue
        message, reached, before = found
        if reached >= step:
            continue  # they may say so again and again
        with watching(unit, message, before=before):
            way = done.forget(unit, contact, "message = ?", message, device=device)
            _note(unit, message, contact, step, way=way)
    if foreign:
        alarms.on_foreign_message(unit, contact)


def _has_change(unit: UnitOfWork, contact: ContactRow, message_id: bytes, device: int) -> None:
    """Apply that a contact's device has something of ours that is no message, or one that is gone."""
    found = unit.tx.query("SELECT number, message FROM change WHERE id = ?", (message_id,))
    number, message = cast("tuple[int, int]", found[0]) if found else (None, None)
    with watching(unit, message):
        way = done.withdraw(unit, contact, message_id, device=device)
        if number is not None:
            _note_change(unit, number, contact, Step.DELIVERED, way=way)


def apply_joined(unit: UnitOfWork, contact: ContactRow, era: Era) -> None:
    """Apply that a contact is in an era: whatever they say in it, they have our request or Welcome that founded it."""
    for purpose in (Purpose.CONTACT_REQUEST, Purpose.WELCOME):
        done.forget(
            unit,
            contact,
            "conversation = ? AND purpose = ? AND purpose <> 1 AND era = ?",
            contact.conversation.id,
            purpose,
            era.id,
        )


def _find(tx: ReadTransaction, ticket: int) -> _Delivery | None:
    found = tx.query(
        "SELECT delivery.peer, purpose, payload.message, era, change.number, change.message"
        " FROM delivery JOIN payload ON payload.id = delivery.payload"
        " LEFT JOIN change ON change.id = payload.message_id"
        " WHERE ticket = ?",
        (ticket,),
    )
    if not found:
        return None
    peer, purpose, message, era, change, changed = found[0]
    contact = contacts.by_number(tx, cast("int", peer))
    assert contact is not None, "deliveries are to contacts only"
    return _Delivery(
        ticket=ticket,
        contact=contact,
        purpose=Purpose(cast("int", purpose)),
        message=cast("int | None", message),
        change=cast("int | None", change),
        changed=cast("int | None", changed),
        era=cast("int | None", era),
    )


def _ours(tx: ReadTransaction, contact: ContactRow, message_id: bytes) -> tuple[int, int, Progress] | None:
    """Return the message of ours with an id, how far it has come with a contact once nothing of it waits, and in all.

    They may say something of hundreds at once, so all of it comes from one query.
    """
    found = tx.query(
        f"SELECT {_PROGRESS}, seq, coalesce((SELECT state FROM receipt"  # noqa: S608  # our own text
        " WHERE receipt.message = seq AND receipt.peer = ?), 0), EXISTS (SELECT 1 FROM payload"
        " WHERE payload.message = seq) FROM message WHERE id = ? AND conversation = ? AND author = ?",
        (contact.id, message_id, contact.conversation.id, contact.conversation.our_number),
    )
    if not found:
        return None
    *columns, seq, reached, waits = found[0]
    message = cast("int", seq)
    return message, 0 if waits else cast("int", reached), _read(tx, message, columns)


@contextmanager
def watching(unit: UnitOfWork, message: int | None, *, before: Progress | None = None) -> Generator[None]:
    """Tell of it if what is done inside changes how far a message is, which is `before` where that is known."""
    if message is None:
        yield
        return
    before = before or _progress(unit.tx, message)[0]
    yield
    after, conversation = _progress(unit.tx, message)
    if before != after:
        event_log.append_progress(unit, conversation, message, before, after)


def _progress(tx: ReadTransaction, message: int) -> tuple[Progress, int]:
    ((*columns, conversation),) = tx.query(
        f"SELECT {_PROGRESS}, conversation FROM message WHERE seq = ?",  # noqa: S608  # our own text
        (message,),
    )
    return _read(tx, message, columns), cast("int", conversation)


def _read(tx: ReadTransaction, message: int, columns: Sequence[SqlValue]) -> Progress:
    """Return how far a message is, from the columns of `_PROGRESS`."""
    *itself, changed = columns
    return changes.of(tx, message, progress.read(itself)) if changed else progress.read(itself)


def _way(unit: UnitOfWork, report: SendReport, latency: Latency, known: dict[WayView, int | None]) -> int | None:
    if not report.transport or report.outcome not in {Outcome.SENT, Outcome.STORED, Outcome.DELIVERED}:
        return None
    relay = None if report.relay is None else report.relay.onion
    way = WayView(transport=report.transport, direct=latency is Latency.INTERACTIVE, relay=relay)
    if way not in known:
        known[way] = ways.know(unit, way)
    return known[way]


def _late(unit: UnitOfWork, report: SendReport, way: int | None) -> None:
    """Note by which way something went that a person has already said they have."""
    if way is None:
        return
    ticket = report.ticket if report.outcome is Outcome.SENT else None  # it may say more yet
    for table in ("receipt", "change_receipt"):
        unit.tx.execute(
            f"UPDATE {table} SET way = ?, ticket = ? WHERE ticket = ?",  # noqa: S608  # our own text
            (way, ticket, report.ticket),
        )


def _advance(unit: UnitOfWork, delivery: _Delivery, step: Step, way: int | None) -> None:
    """Take a delivery to a step, except one that is further. There is no reason then any more why it is no further."""
    unit.tx.execute(
        "UPDATE delivery SET state = ?1, reason = NULL, way = ?3 WHERE ticket = ?2 AND state <= ?1",
        (step, delivery.ticket, way),
    )


def _stored(unit: UnitOfWork, delivery: _Delivery, way: int | None) -> None:
    if delivery.purpose is Purpose.RECEIPT:
        done.finish(unit, delivery.ticket)  # nothing will confirm it
    else:
        unit.tx.execute("UPDATE delivery SET stored_at = ? WHERE ticket = ?", (unit.now, delivery.ticket))
        _advance(unit, delivery, Step.RELAYED, way)
    if delivery.purpose is Purpose.CONTACT_REQUEST:
        asking.take(unit, delivery.contact, Input.STORED)
    unit.effect(ANNOUNCE)


def _not_stored(unit: UnitOfWork, delivery: _Delivery, refusal: SendReport) -> None:
    # No word of the contact's: another way, or a later day, may do.
    unit.tx.execute("UPDATE delivery SET reason = ? WHERE ticket = ?", (refusal.reason, delivery.ticket))
    if delivery.purpose is Purpose.CONTACT_REQUEST and refusal.retry_after is None:
        # Where their KeyPackage led to, nothing will ever be taken: they have left it. Nobody leaves it there again.
        unit.tx.execute(
            "UPDATE delivery SET stale_at = min(coalesce(stale_at, ?1), ?1) WHERE ticket = ?2",
            (unit.now, delivery.ticket),
        )
        asking.take(unit, delivery.contact, Input.INBOX_GONE)


def _delivered(unit: UnitOfWork, delivery: _Delivery, way: int | None) -> None:
    if delivery.purpose is Purpose.KEY_PACKAGE_REQUEST:
        return  # the KeyPackage itself is the answer; until it is here, the request stands
    done.finish(unit, delivery.ticket)
    if delivery.message is not None:
        _note(unit, delivery.message, delivery.contact, Step.DELIVERED, way=Way(way))
    elif delivery.change is not None:
        _note_change(unit, delivery.change, delivery.contact, Step.DELIVERED, way=Way(way))
    if delivery.purpose is Purpose.CONTACT_REQUEST:
        asking.take(unit, delivery.contact, Input.COMMITTED)
    unit.effect(ANNOUNCE)


def _refused(unit: UnitOfWork, delivery: _Delivery, refusal: SendReport) -> None:
    cannot_read = delivery.purpose is Purpose.ANSWER and refusal.reason == TooFarAhead.code  # and no other era has it
    if refusal.retry_after is not None and not cannot_read:
        not_before = unit.now + int(min(max(_SHORTEST_WAIT, refusal.retry_after * 1000), LONGEST_WAIT))
        unit.tx.execute("UPDATE delivery SET not_before = ? WHERE ticket = ?", (not_before, delivery.ticket))
        return
    done.finish(unit, delivery.ticket)
    if delivery.message is not None:
        _note(unit, delivery.message, delivery.contact, Step.FAILED, refusal.reason)
    elif delivery.change is not None:
        _note_change(unit, delivery.change, delivery.contact, Step.FAILED, refusal.reason)
    match delivery.purpose:
        case Purpose.KEY_PACKAGE_REQUEST:
            asking.take(unit, delivery.contact, Input.KEY_PACKAGE_REFUSED)
        case Purpose.CONTACT_REQUEST:
            asking.on_refused(unit, delivery.contact, keeping.by_number(unit.tx, delivery.era))
        case Purpose.WELCOME:
            schedule.on_refused(unit, delivery.contact, delivery.era)
        case _:
            pass


def _note(
    unit: UnitOfWork,
    message: int,
    contact: ContactRow,
    step: Step,
    reason: str | None = None,
    *,
    way: Way = _UNKNOWN,
) -> None:
    """Note how far a message has come with a person. What has failed stays so; what is delivered does not fail."""
    unit.tx.execute(
        "INSERT INTO receipt (message, peer, state, at, reason, way, ticket)"
        " SELECT seq, ?2, ?3, ?4, ?5, ?8, ?9 FROM message"
        " WHERE seq = ?1"
        " AND (SELECT count(*) - 1 FROM member WHERE member.conversation = message.conversation) <= ?7"
        " ON CONFLICT (message, peer) DO UPDATE SET state = excluded.state, at = excluded.at"
        " WHERE receipt.state < excluded.state AND excluded.state < ?6",
        (message, contact.id, step, unit.now, reason, Step.FAILED, progress.MAX_RECEIPTS, way.number, way.ticket),
    )


def _note_change(
    unit: UnitOfWork,
    change: int,
    contact: ContactRow,
    step: Step,
    reason: str | None = None,
    *,
    way: Way = _UNKNOWN,
) -> None:
    """Note how far something that we did with a message has come with a person, once."""
    noted = unit.tx.execute(
        "INSERT INTO change_receipt (change, peer, state, at, reason, way, ticket)"
        " SELECT number, ?2, ?3, ?4, ?5, ?7, ?8"
        " FROM change JOIN message ON message.seq = change.message WHERE number = ?1"
        " AND (SELECT count(*) - 1 FROM member WHERE member.conversation = message.conversation) <= ?6"
        " ON CONFLICT DO NOTHING",
        (change, contact.id, step, unit.now, reason, progress.MAX_RECEIPTS, way.number, way.ticket),
    )
    reacted = (
        "SELECT message, conversation FROM change JOIN message ON seq = message WHERE number = ? AND kind = 'react'"
    )
    for message, conversation in unit.tx.query(reacted, (change,)) if noted else ():
        event_log.append_changed(unit, cast("int", conversation), cast("int", message), "reactions")
