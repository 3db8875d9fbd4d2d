"""Which device a contact uses, for tests that say something in its name."""

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import DEVICE_ID_SIZE
from balchat_host.core import peers
from balchat_host.core.rows import ContactRow


def device_of(tx: ReadTransaction, contact: ContactRow) -> bytes:
    """Return the id of a contact's device; one that nobody has where none is known."""
    known = peers.device_ids(tx, contact.peer)
    return known[0] if known else bytes(DEVICE_ID_SIZE)
