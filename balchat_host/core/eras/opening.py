"""Opens the eras that contacts found, and says so: docs/spec/eras.md, "Opening one"."""

from collections.abc import Sequence
from typing import Final

from balchat_host.api.crypto import Joined
from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.core import account, alarms, contacts, content, peers, rate_limits
from balchat_host.core.content.eras import Opened
from balchat_host.core.delivery import queue
from balchat_host.core.envelope import Kind
from balchat_host.core.envelope_budgets import BUDGETS
from balchat_host.core.eras import contact_key_packages, keeping, renewals, schedule
from balchat_host.core.eras.contact_key_packages import Given
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import UnitOfWork

_MEMBERS: Final = 2
_MAX_ANSWERS: Final = 8
"""How many answers may wait in an era for one more to be said in it of another era."""


def count(unit: UnitOfWork, source: PeerId | None, welcome: bytes) -> None:
    """Count a Welcome, if it is looked into: joining costs time. Raise CryptoRejected, RequestsFull."""
    answered = _answered(unit, source, welcome)
    if answered is not None:
        contact, _ = answered
        rate_limits.take_from(unit, contact.peer, Counted.ERAS, per_hour=BUDGETS[Kind.ERA].contact_per_hour)


def on_era(unit: UnitOfWork, source: PeerId | None, welcome: bytes) -> bool:
    """Open an era; return False where its Welcome answers no KeyPackage that its sender may use.

    The KeyPackage says who that is, where the transport has no proof. Raise CryptoRejected, BadCredential,
    ProtocolViolation.
    """
    answered = _answered(unit, source, welcome)
    if answered is None:
        return False
    contact, given = answered
    joined = unit.engine.join(unit.keys, welcome, max_members=_MEMBERS)
    _check(unit, contact, joined)
    contact_key_packages.on_used(unit, given)
    before = keeping.sending(unit.tx, contact.conversation)
    era = keeping.keep(unit, joined.group_id, joined.era_id, founder=contact.peer, names=joined.knows, requested=False)
    keeping.use(unit, contact, era)
    if keeping.is_best(unit.tx, contact, era):
        renewals.on_opened(unit, contact)
        _say_opened(unit, contact, era, joined.founder, before)
    return True


def on_opened(unit: UnitOfWork, contact: ContactRow, opened: Opened, *, device_id: bytes, said_at: int) -> None:
    """Take that a device of a contact's has opened an era which, as it says, we founded."""
    if not keeping.is_known(unit.tx, opened.era_id) and opened.founder_device_id == account.load(unit.tx).device_id:
        # Our next era has to name it, or theirs could still count as the better one.
        keeping.note_gone(unit, contact.conversation, opened.era_id)
        alarms.on_foreign_era(unit, contact)
    on_key_packages(unit, contact, opened.key_packages, device_id=device_id, said_at=said_at)


def on_key_packages(
    unit: UnitOfWork, contact: ContactRow, key_packages: Sequence[bytes], *, device_id: bytes, said_at: int
) -> None:
    """Take KeyPackages for new eras that a device of a contact's gave us at `said_at`, by its clock."""
    if key_packages and contact_key_packages.hold(unit, contact, key_packages, device_id=device_id, said_at=said_at):
        renewals.on_given(unit, contact)
        schedule.go_on(unit, contact)


def _answered(unit: UnitOfWork, source: PeerId | None, welcome: bytes) -> tuple[ContactRow, Given] | None:
    """Return whose KeyPackage a Welcome answers, where that is a contact who is not blocked, and may have sent it."""
    given = contact_key_packages.find(unit.tx, unit.engine.welcome_reference(welcome))
    if given is None or (source is not None and source.octets != given.holder):
        return None
    contact = contacts.by_peer(unit.tx, PeerId(given.holder))
    return None if contact is None or contact.blocked else (contact, given)


def _check(unit: UnitOfWork, contact: ContactRow, joined: Joined) -> None:
    """Raise ProtocolViolation unless an era is of the two of us, and of the device that the contact uses."""
    theirs = [DeviceIdentity(peer=contact.peer, device_id=each) for each in peers.device_ids(unit.tx, contact.peer)]
    if joined.founder not in theirs:
        raise ProtocolViolation(problem="an era that another device founded than the one that they use")
    if len(unit.engine.members(unit.keys, joined.group_id)) != _MEMBERS:
        raise ProtocolViolation(problem="an era that is not of two")


def _say_opened(unit: UnitOfWork, contact: ContactRow, era: Era, founder: DeviceIdentity, before: Era | None) -> None:
    """Say in an era that it is open, and in the one before too: whoever founds in their name does not read that."""
    opened = Opened(
        era_id=era.era_id,
        founder_device_id=founder.device_id,
        key_packages=renewals.give(unit, contact),
    )
    _answer(unit, contact, era, opened)
    # Whoever founds eras and takes no answers must not have us pile them up.
    if before is None or before.id == era.id:
        return
    if queue.count(unit.tx, contact, Purpose.ANSWER, era=before) < _MAX_ANSWERS:
        _answer(unit, contact, before, Opened(era_id=era.era_id, founder_device_id=founder.device_id))


def _answer(unit: UnitOfWork, contact: ContactRow, era: Era, opened: Opened) -> None:
    answer, message_id = queue.control_content(unit, contact, content.ERA_OPENED, opened.encode())
    queue.queue_answer(unit, contact, era, answer, message_id)
