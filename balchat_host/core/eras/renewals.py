"""When a conversation was renewed last, and when it is due again: the row of `renewal` of a contact."""

from typing import Final

from balchat_host.core import content, rate_limits
from balchat_host.core.delivery import queue
from balchat_host.core.eras import contact_key_packages
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import UnitOfWork

_HOUR: Final = 3600 * 1000
DAY: Final = 24 * _HOUR
WEEK: Final = 7 * DAY
_GIVEN_PER_HOUR: Final = 1
MOST_WAITING: Final = 16
"""How much that their balchat is to know may wait for a contact for KeyPackages to be given on top of it."""


def begin(unit: UnitOfWork, contact: ContactRow) -> None:
    """Have a row for a contact."""
    unit.tx.execute(
        "INSERT OR IGNORE INTO renewal (peer, renewed_at, due_at) VALUES (?, ?, ?)",
        (contact.id, unit.now, _next(unit)),
    )


def on_opened(unit: UnitOfWork, contact: ContactRow) -> None:
    """Note that we have opened an era of theirs that is the best."""
    _renewed(unit, contact, "theirs_at")


def on_confirmed(unit: UnitOfWork, contact: ContactRow, era: Era) -> None:
    """Note that they were first heard in an era."""
    if era.founder == contact.conversation.our_number:
        _renewed(unit, contact, "ours_at")
    elif era.requested:
        _renewed(unit, contact, "theirs_at")
    if not era.requested:
        unit.tx.execute("UPDATE renewal SET wanted = 0, failures = 0 WHERE peer = ?", (contact.id,))


def want(unit: UnitOfWork, contact: ContactRow) -> None:
    """Have the next era founded as soon as that can be."""
    begin(unit, contact)
    unit.tx.execute("UPDATE renewal SET wanted = 1 WHERE peer = ?", (contact.id,))


def on_lost(unit: UnitOfWork, contact: ContactRow) -> None:
    """Note that a contact may have lost all that we shared: what they gave is of no use, what we gave is gone.

    The next era, which names all that we know, has both sides agree again on which one is best.
    """
    begin(unit, contact)
    contact_key_packages.forget(unit, contact)
    unit.tx.execute("UPDATE renewal SET wanted = 1, given_at = NULL, asked_at = NULL WHERE peer = ?", (contact.id,))


def give(unit: UnitOfWork, contact: ContactRow) -> tuple[bytes, ...]:
    """Return fresh KeyPackages for a contact, which whoever calls hands over."""
    begin(unit, contact)
    unit.tx.execute("UPDATE renewal SET given_at = ? WHERE peer = ?", (unit.now, contact.id))
    return contact_key_packages.make(unit, contact)


def may_give(unit: UnitOfWork, contact: ContactRow) -> bool:
    """Return whether KeyPackages may be given now: whoever takes nothing must not have us pile them up."""
    return queue.count(unit.tx, contact, Purpose.CONTROL) < MOST_WAITING


def send_key_packages(unit: UnitOfWork, contact: ContactRow) -> None:
    """Send a contact fresh KeyPackages."""
    body = content.encode_key_packages(give(unit, contact))
    queue.queue_control(unit, contact, content.KEY_PACKAGES, body)


def on_wanted(unit: UnitOfWork, contact: ContactRow) -> None:
    """Send a contact KeyPackages who has none, but not as often as they like; where much waits for them, later."""
    if rate_limits.may(unit, contact.peer, Counted.KEY_PACKAGES_GIVEN, per_hour=_GIVEN_PER_HOUR):
        unit.tx.execute("UPDATE renewal SET given_at = NULL WHERE peer = ?", (contact.id,))
        if may_give(unit, contact):
            send_key_packages(unit, contact)


def on_given(unit: UnitOfWork, contact: ContactRow) -> None:
    """Note that a contact has given us KeyPackages, so that we wait for none any more."""
    unit.tx.execute("UPDATE renewal SET asked_at = NULL WHERE peer = ?", (contact.id,))


def _renewed(unit: UnitOfWork, contact: ContactRow, whose: str) -> None:
    begin(unit, contact)
    unit.tx.execute(
        f"UPDATE renewal SET {whose} = ?1, renewed_at = ?1, due_at = ?2 WHERE peer = ?3",  # noqa: S608  # our own text
        (unit.now, _next(unit), contact.id),
    )


def _next(unit: UnitOfWork) -> int:
    """Return when the next era is due: at a random moment, so that nobody sees whom we renew with."""
    return unit.now + WEEK + int.from_bytes(unit.entropy(4)) % DAY
