"""Alarms: what our owner should hear about a contact, because somebody else may hold our keys. docs/spec/eras.md.

Contacts can say what they like, and as often. So there is one row for each kind and contact, however often it comes,
and our owner is told once a week at most.
"""

from typing import Final, cast

from balchat_host.api.events import ContactAlarm
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import AlarmKind, AlarmView
from balchat_host.core import after_restore, event_log
from balchat_host.core.eras import renewals
from balchat_host.core.first_contact import asking
from balchat_host.core.first_contact.machine import Input
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork

_DAY: Final = 24 * 3600 * 1000
_TOLD_AGAIN: Final = 7 * _DAY
_KEPT_FOR: Final = 90 * _DAY
_QUIET_AFTER_RESTORE: Final = 180 * _DAY
"""Milliseconds in which what we said before a restore, and do not know any more, may still be spoken of: it lies at a
relay for a month, is read within three, and what is said of it lies at a relay for another one."""


def on_foreign_message(unit: UnitOfWork, contact: ContactRow) -> None:
    """Take that a contact has a message in our name that we do not know."""
    restored_at = after_restore.restored_at(unit.tx)
    if restored_at is None or not 0 <= unit.now - restored_at < _QUIET_AFTER_RESTORE:
        _raise(unit, contact, AlarmKind.FOREIGN_MESSAGE)


def on_foreign_era(unit: UnitOfWork, contact: ContactRow) -> None:
    """Take that a contact has opened an era in our name that we have not founded.

    What they write there we cannot read, and whoever founded it has used the KeyPackages that we have of theirs. So
    they are asked for contact again, which counts for more than any era that they hold.
    """
    _raise(unit, contact, AlarmKind.FOREIGN_ERA)
    asking.take(unit, contact, Input.LOST_ERA)


def on_set_up_again(unit: UnitOfWork, contact: ContactRow) -> None:
    """Take that the conversation with a contact could not go on, and that we ask them for contact again."""
    _raise(unit, contact, AlarmKind.SET_UP_AGAIN)


def of(tx: ReadTransaction, contact: ContactRow) -> tuple[AlarmView, ...]:
    """Return the alarms about a contact, the newest first."""
    found = tx.query(
        "SELECT kind, first_at, last_at, times FROM alarm WHERE peer = ? ORDER BY last_at DESC, kind", (contact.id,)
    )
    return tuple(
        AlarmView(
            kind=AlarmKind(cast("str", kind)),
            first_at=cast("int", first_at),
            last_at=cast("int", last_at),
            times=cast("int", times),
        )
        for kind, first_at, last_at, times in found
    )


def settle(unit: UnitOfWork, contact: ContactRow) -> None:
    """Take the alarms about a contact as heard. One that comes again is told of at once."""
    unit.tx.execute("DELETE FROM alarm WHERE peer = ?", (contact.id,))


def expire(unit: UnitOfWork) -> None:
    """Forget the alarms that have not come again for long."""
    unit.tx.execute("DELETE FROM alarm WHERE last_at < ?", (unit.now - _KEPT_FOR,))


def _raise(unit: UnitOfWork, contact: ContactRow, kind: AlarmKind) -> None:
    known = unit.tx.query("SELECT told_at FROM alarm WHERE peer = ? AND kind = ?", (contact.id, kind))
    tell = not known or not 0 <= unit.now - cast("int", known[0][0]) < _TOLD_AGAIN
    unit.tx.execute(
        "INSERT INTO alarm (peer, kind, first_at, last_at, told_at, times) VALUES (?1, ?2, ?3, ?3, ?3, 1)"
        " ON CONFLICT (peer, kind) DO UPDATE SET last_at = ?3, times = times + 1, told_at = iif(?4, ?3, told_at)",
        (contact.id, kind, unit.now, tell),
    )
    if tell:
        if kind.is_serious:
            renewals.want(unit, contact)
        body = {
            "name": contact.name,
            "peer_id": contact.peer.octets.hex(),
            "conversation": contact.conversation.conversation_id.hex(),
            "kind": kind,
        }
        event_log.append(unit, ContactAlarm, conversation=contact.conversation.id, body=body)
