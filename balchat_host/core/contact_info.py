"""What our owner sees of a contact beyond the list, and renewing the keys with them."""

from typing import cast

from balchat_host.api.errors import BadInput
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import ContactInfoView, ContactView
from balchat_host.core import alarms, contacts
from balchat_host.core.eras import schedule
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import contact_view


def info(tx: ReadTransaction, who: str) -> ContactInfoView:
    """Return all that is known of a contact. Raise NoSuchContact."""
    contact = contacts.find(tx, who)
    devices = tx.query("SELECT device_id FROM device WHERE peer = ? ORDER BY id", (contact.id,))
    return ContactInfoView(
        contact=contact_view(tx, contact),
        devices=tuple(cast("bytes", device_id).hex() for (device_id,) in devices),
        alarms=alarms.of(tx, contact),
    )


def renew(unit: UnitOfWork, who: str) -> ContactView:
    """Begin another era with a contact, as soon as that can be. What alarms said until now is dealt with by that.

    Raise NoSuchContact, ContactBlocked, BadInput.
    """
    contact = contacts.find(unit.tx, who)
    contacts.require_unblocked(contact)
    if not contact.may_talk:
        raise BadInput(what="The contact", problem="there are no keys to renew before you can write to each other")
    alarms.settle(unit, contact)
    schedule.renew(unit, contact)
    return contact_view(unit.tx, contact)
