"""Founds the next era of a conversation with a KeyPackage that the contact gave us: docs/spec/eras.md."""

from typing import Final

from balchat_host.api.errors import PeerError, ProtocolViolation
from balchat_host.api.types import DeviceIdentity
from balchat_host.core import peers
from balchat_host.core.delivery import queue
from balchat_host.core.eras import contact_key_packages, keeping
from balchat_host.core.eras.contact_key_packages import Held
from balchat_host.core.rows import ContactRow, Era, Purpose
from balchat_host.core.unit_of_work import UnitOfWork

_GROUP_ID_SIZE: Final = 16


def found(unit: UnitOfWork, contact: ContactRow) -> Era | None:
    """Found an era with the newest KeyPackage of a contact's that is of use; return it, or None where there is none."""
    for held in contact_key_packages.held(unit.tx, contact):
        contact_key_packages.use(unit, held)
        try:
            with unit.savepoint():
                era = _found(unit, contact, held)
        except PeerError:
            continue  # it is out of date, or was never of use: the next one may be
        contact_key_packages.forget(unit, contact, before=held.said_at)
        return era
    return None


def _found(unit: UnitOfWork, contact: ContactRow, held: Held) -> Era:
    """Found one. Raise PeerError where the KeyPackage is of no use."""
    group_id = unit.entropy(_GROUP_ID_SIZE)
    knows = keeping.known(unit.tx, contact.conversation)
    members = [(contact.peer, held.key_package)]
    invitation = unit.engine.found(unit.keys, group_id, members, knows=knows, now=unit.seconds)
    theirs = {DeviceIdentity(peer=contact.peer, device_id=each) for each in peers.device_ids(unit.tx, contact.peer)}
    if theirs.isdisjoint(unit.engine.members(unit.keys, group_id)):
        raise ProtocolViolation(problem="a KeyPackage of another device than the one that gave it")
    era = keeping.keep(unit, group_id, invitation.era_id, founder=contact.us, names=knows, requested=False)
    keeping.use(unit, contact, era)
    queue.drop(unit, contact, Purpose.WELCOME)
    queue.queue_welcome(unit, contact, era, invitation.welcomes[0], stale_at=invitation.not_after * 1000)
    return era
