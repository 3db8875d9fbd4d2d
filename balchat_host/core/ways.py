"""By which way messages came and went. There are a few ways, and many messages: each refers to one by its number."""

from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import WayView
from balchat_host.core import rows
from balchat_host.core.unit_of_work import UnitOfWork


def know(unit: UnitOfWork, way: WayView | None) -> int | None:
    """Return the number of a way, where it is known."""
    if way is None:
        return None
    values = way.transport, way.direct, way.relay or ""
    known = rows.number(unit.tx, "SELECT id FROM way WHERE transport = ? AND direct = ? AND relay = ?", values)
    return known or unit.insert("INSERT INTO way (transport, direct, relay) VALUES (?, ?, ?)", values)


def view(tx: ReadTransaction, number: int | None) -> WayView | None:
    """Return the way of that number."""
    found = tx.query("SELECT transport, direct, relay FROM way WHERE id = ?", (number,))
    for transport, direct, relay in found:
        return WayView(transport=cast("str", transport), direct=bool(direct), relay=cast("str", relay) or None)
    return None
