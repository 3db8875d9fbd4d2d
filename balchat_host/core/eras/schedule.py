"""Founds eras when they are due, and hands out KeyPackages for them: docs/spec/eras.md, "When"."""

from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import alarms, content, rate_limits, rows
from balchat_host.core.delivery import queue
from balchat_host.core.eras import contact_key_packages, founding, keeping, renewals
from balchat_host.core.eras.renewals import DAY, WEEK
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import TALKING, Input
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork

_AT_ONCE: Final = 16
"""How many contacts something is done for in one unit: the rest comes an hour later."""
_MONTH: Final = 30 * DAY
_GIVEN_EVERY: Final = 9 * DAY
"""Milliseconds after which KeyPackages are given, where no era has brought any meanwhile."""
_WAITS_FOR_OPENING: Final = 30 * DAY
_WAITS_FOR_KEY_PACKAGES: Final = 14 * DAY
_FOUNDED_PER_HOUR: Final = 1
_HOUR: Final = DAY // 24
_MOST_DOUBLINGS: Final = 7
_PHASES: Final = ", ".join(f"'{phase}'" for phase in sorted(TALKING))
_DUE: Final = (
    f"blocked = 0 AND phase IN ({_PHASES}) AND NOT EXISTS (SELECT 1 FROM renewal"  # noqa: S608  # our own text
    " WHERE renewal.peer = contact.peer AND wanted = 0 AND due_at BETWEEN ?1 AND ?2 AND given_at BETWEEN ?3 AND ?1)"
    " ORDER BY contact.peer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewal:
    """A row of `renewal`."""

    renewed_at: int
    due_at: int
    wanted: bool
    founded_at: int | None
    failures: int
    given_at: int | None
    asked_at: int | None


def tidy(unit: UnitOfWork) -> None:
    """Do what is due with contacts that we can talk with."""
    contact_key_packages.expire(unit)
    queue.drop_stale_welcomes(unit)
    done = 0
    for contact in rows.contacts_where(unit.tx, _DUE, (unit.now, unit.now + 2 * WEEK, unit.now - _GIVEN_EVERY)):
        if done == _AT_ONCE:
            return
        with unit.contained():
            done += _tidy(unit, contact)


def renew(unit: UnitOfWork, contact: ContactRow) -> None:
    """Have the next era of a conversation founded now or, where that cannot be yet, as soon as it can be."""
    renewals.want(unit, contact)
    if contact.may_talk and not contact.blocked:
        _found(unit, contact, _row(unit.tx, contact))


def go_on(unit: UnitOfWork, contact: ContactRow) -> None:
    """Found the era that is wanted, if one is, now that there are KeyPackages for it."""
    renewals.begin(unit, contact)
    row = _row(unit.tx, contact)
    if row.wanted and contact.may_talk and not contact.blocked:
        _found(unit, contact, row)


def on_refused(unit: UnitOfWork, contact: ContactRow, era: int | None) -> None:
    """Note that a contact refuses an era of ours for good: another one is due, later each time."""
    refused = keeping.by_number(unit.tx, era)
    if refused is not None:
        keeping.retire(unit, contact.conversation, refused)
        unit.tx.execute("UPDATE renewal SET wanted = 1, failures = failures + 1 WHERE peer = ?", (contact.id,))


def _tidy(unit: UnitOfWork, contact: ContactRow) -> bool:
    """Do what is due with a contact; return whether anything was."""
    sending = keeping.sending(unit.tx, contact.conversation)
    if sending is None or not sending.confirmed:
        return False
    renewals.begin(unit, contact)
    row = _row(unit.tx, contact)
    acted = False
    if _gives(unit, contact, row) and renewals.may_give(unit, contact):
        renewals.send_key_packages(unit, contact)
        acted = True
    if _is_due(unit, contact, row):
        acted |= _found(unit, contact, row)
    return acted


def _gives(unit: UnitOfWork, contact: ContactRow, row: _Renewal) -> bool:
    if row.given_at is None or not 0 <= unit.now - row.given_at < _MONTH:
        return True
    return unit.now - row.given_at >= _GIVEN_EVERY and _is_used(unit.tx, contact, since=row.given_at)


def _is_due(unit: UnitOfWork, contact: ContactRow, row: _Renewal) -> bool:
    """Return whether we are to found an era now: one side does, by rank, and the other only where it does not."""
    if row.wanted:
        return True
    late = unit.now - row.due_at - (0 if contact.us < contact.peer else DAY)
    if not late > -2 * WEEK:
        return True  # a clock that was ahead said so
    return late >= _MONTH - WEEK or (late >= 0 and _is_used(unit.tx, contact, since=row.renewed_at))


def _found(unit: UnitOfWork, contact: ContactRow, row: _Renewal) -> bool:
    """Found an era, unless one waits to be opened, or ask for a KeyPackage; return whether anything was done."""
    if row.founded_at is not None and 0 <= unit.now - row.founded_at < _HOUR * 2 ** min(row.failures, _MOST_DOUBLINGS):
        return False
    if not row.wanted and _waits_for_opening(unit, contact, row):
        return False
    if not contact_key_packages.held(unit.tx, contact):
        return _ask(unit, contact, row)
    if not rate_limits.may(unit, contact.peer, Counted.ERAS_FOUNDED, per_hour=_FOUNDED_PER_HOUR):
        return False
    if founding.found(unit, contact) is None:
        return _ask(unit, contact, row)
    unit.tx.execute("UPDATE renewal SET wanted = 0, founded_at = ? WHERE peer = ?", (unit.now, contact.id))
    return True


def _waits_for_opening(unit: UnitOfWork, contact: ContactRow, row: _Renewal) -> bool:
    if row.founded_at is None or not 0 <= unit.now - row.founded_at < _WAITS_FOR_OPENING:
        return False
    best = keeping.best(unit.tx, contact.conversation)
    return best is not None and not best.confirmed and best.founder == contact.conversation.our_number


def _ask(unit: UnitOfWork, contact: ContactRow, row: _Renewal) -> bool:
    """Ask a contact for KeyPackages. Where nothing comes of that although they speak, ask by first contact."""
    if row.asked_at is None or row.asked_at > unit.now:
        queue.queue_control(unit, contact, content.KEY_PACKAGES_WANTED, b"")
    elif _waited_in_vain(unit, contact, since=row.asked_at):
        alarms.on_set_up_again(unit, contact)
        asking.take(unit, contact, Input.LOST_ERA)
    else:
        return False
    unit.tx.execute("UPDATE renewal SET asked_at = ? WHERE peer = ?", (unit.now, contact.id))
    return True


def _waited_in_vain(unit: UnitOfWork, contact: ContactRow, *, since: int) -> bool:
    return unit.now - since >= _WAITS_FOR_KEY_PACKAGES and _is_used(unit.tx, contact, since=since, by_them=True)


def _is_used(tx: ReadTransaction, contact: ContactRow, *, since: int, by_them: bool = False) -> bool:
    """Return whether the conversation has been written in since a time (Unix milliseconds)."""
    found = tx.query(
        "SELECT received_at >= ? FROM message WHERE conversation = ? AND author = coalesce(?, author)"
        " ORDER BY seq DESC LIMIT 1",
        (since, contact.conversation.id, contact.id if by_them else None),
    )
    return found == [(1,)]


def _row(tx: ReadTransaction, contact: ContactRow) -> _Renewal:
    ((renewed_at, due_at, wanted, founded_at, failures, given_at, asked_at),) = tx.query(
        "SELECT renewed_at, due_at, wanted, founded_at, failures, given_at, asked_at FROM renewal WHERE peer = ?",
        (contact.id,),
    )
    return _Renewal(
        renewed_at=cast("int", renewed_at),
        due_at=cast("int", due_at),
        wanted=bool(wanted),
        founded_at=cast("int | None", founded_at),
        failures=cast("int", failures),
        given_at=cast("int | None", given_at),
        asked_at=cast("int | None", asked_at),
    )
