"""What becomes of deliveries: as transports report it, and as those who have something say inside MLS."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.core import alarms, contacts, event_log, own_message_ids, peers
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import done, progress
from balchat_host.core.delivery.outgoing import LONGEST_WAIT
from balchat_host.core.delivery.progress import Progress, Step
from balchat_host.core.eras import keeping
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

_SHORTEST_WAIT: Final = 1000
"""Milliseconds until what a contact refused leaves again, however soon they say they want it."""


_NO_DEVICE: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    """A row of `delivery` with what it delivers."""

    ticket: int
    contact: ContactRow
    purpose: Purpose
    message: int | None
    era: int | None


def apply_reports(unit: UnitOfWork, reports: Iterable[tuple[SendReport, Latency]]) -> None:
    """Apply what transports report of deliveries, each by a way of a latency."""
    for report, latency in reports:
        delivery = _find(unit.tx, report.ticket)
        if delivery is None:
            continue  # it was delivered by another way, has a new ticket, or its contact is gone
        with watching(unit, delivery.message):
            match report.outcome:
                case Outcome.SENT:
                    _advance(unit, delivery, Step.SENT)
                case Outcome.STORED:
                    _stored(unit, delivery)
                case Outcome.DELIVERED:
                    _delivered(unit, delivery)
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
            done.withdraw(unit, contact, message_id, device=device)
            foreign = foreign or not own_message_ids.is_known(unit, message_id)
            continue
        message, reached = found
        if reached >= step:
            continue  # they may say so again and again
        with watching(unit, message):
            done.forget(unit, contact, "message = ?", message, device=device)
            _note(unit, message, contact, step)
    if foreign:
        alarms.on_foreign_message(unit, contact)


def apply_joined(unit: UnitOfWork, contact: ContactRow, era: Era) -> None:
    """Apply that a contact is in an era: whatever they say in it, they have our contact request that founded it."""
    done.forget(
        unit,
        contact,
        "conversation = ? AND purpose = ? AND purpose <> 1 AND era = ?",
        contact.conversation.id,
        Purpose.CONTACT_REQUEST,
        era.id,
    )


def _find(tx: ReadTransaction, ticket: int) -> _Delivery | None:
    found = tx.query(
        "SELECT delivery.peer, purpose, message, era FROM delivery JOIN payload ON payload.id = delivery.payload"
        " WHERE ticket = ?",
        (ticket,),
    )
    if not found:
        return None
    peer, purpose, message, era = found[0]
    contact = contacts.by_number(tx, cast("int", peer))
    assert contact is not None, "deliveries are to contacts only"
    return _Delivery(
        ticket=ticket,
        contact=contact,
        purpose=Purpose(cast("int", purpose)),
        message=cast("int | None", message),
        era=cast("int | None", era),
    )


def _ours(tx: ReadTransaction, contact: ContactRow, message_id: bytes) -> tuple[int, int] | None:
    """Return the message of ours with an id, and how far it has come with a contact once nothing of it waits."""
    found = tx.query(
        "SELECT seq, iif(EXISTS (SELECT 1 FROM payload WHERE payload.message = seq), 0, coalesce((SELECT state"
        " FROM receipt WHERE receipt.message = seq AND receipt.peer = ?), 0)) FROM message"
        " WHERE id = ? AND conversation = ? AND author = ?",
        (contact.id, message_id, contact.conversation.id, contact.conversation.our_number),
    )
    return cast("tuple[int, int]", found[0]) if found else None


@contextmanager
def watching(unit: UnitOfWork, message: int | None) -> Generator[None]:
    """Tell of it if what is done inside changes how far a message is."""
    if message is None:
        yield
        return
    before, _ = _progress(unit.tx, message)
    yield
    after, conversation = _progress(unit.tx, message)
    if before != after:
        event_log.append_progress(unit, conversation, message, before, after)


def _progress(tx: ReadTransaction, message: int) -> tuple[Progress, int]:
    ((*columns, conversation),) = tx.query(
        f"SELECT {progress.COLUMNS}, conversation FROM message WHERE seq = ?",  # noqa: S608  # our own text
        (message,),
    )
    return progress.read(columns), cast("int", conversation)


def _advance(unit: UnitOfWork, delivery: _Delivery, step: Step) -> None:
    """Take a delivery to a step, except one that is further. There is no reason then any more why it is no further."""
    unit.tx.execute(
        "UPDATE delivery SET state = ?1, reason = NULL WHERE ticket = ?2 AND state <= ?1", (step, delivery.ticket)
    )


def _stored(unit: UnitOfWork, delivery: _Delivery) -> None:
    if delivery.purpose is Purpose.RECEIPT:
        done.finish(unit, delivery.ticket)  # nothing will confirm it
    else:
        unit.tx.execute("UPDATE delivery SET stored_at = ? WHERE ticket = ?", (unit.now, delivery.ticket))
        _advance(unit, delivery, Step.RELAYED)
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


def _delivered(unit: UnitOfWork, delivery: _Delivery) -> None:
    if delivery.purpose is Purpose.KEY_PACKAGE_REQUEST:
        return  # the KeyPackage itself is the answer; until it is here, the request stands
    done.finish(unit, delivery.ticket)
    if delivery.message is not None:
        _note(unit, delivery.message, delivery.contact, Step.DELIVERED)
    if delivery.purpose is Purpose.CONTACT_REQUEST:
        asking.take(unit, delivery.contact, Input.COMMITTED)
    unit.effect(ANNOUNCE)


def _refused(unit: UnitOfWork, delivery: _Delivery, refusal: SendReport) -> None:
    if refusal.retry_after is not None:
        not_before = unit.now + int(min(max(_SHORTEST_WAIT, refusal.retry_after * 1000), LONGEST_WAIT))
        unit.tx.execute("UPDATE delivery SET not_before = ? WHERE ticket = ?", (not_before, delivery.ticket))
        return
    done.finish(unit, delivery.ticket)
    if delivery.message is not None:
        _note(unit, delivery.message, delivery.contact, Step.FAILED, refusal.reason)
    match delivery.purpose:
        case Purpose.KEY_PACKAGE_REQUEST:
            asking.take(unit, delivery.contact, Input.KEY_PACKAGE_REFUSED)
        case Purpose.CONTACT_REQUEST:
            asking.on_refused(unit, delivery.contact, keeping.by_number(unit.tx, delivery.era))
        case _:
            pass


def _note(unit: UnitOfWork, message: int, contact: ContactRow, step: Step, reason: str | None = None) -> None:
    """Note how far a message has come with a person. What has failed stays so; what is delivered does not fail."""
    unit.tx.execute(
        "INSERT INTO receipt (message, peer, state, at, reason) SELECT seq, ?2, ?3, ?4, ?5 FROM message WHERE seq = ?1"
        " AND (SELECT count(*) - 1 FROM member WHERE member.conversation = message.conversation) <= ?7"
        " ON CONFLICT (message, peer) DO UPDATE SET state = excluded.state, at = excluded.at"
        " WHERE receipt.state < excluded.state AND excluded.state < ?6",
        (message, contact.id, step, unit.now, reason, Step.FAILED, progress.MAX_RECEIPTS),
    )
