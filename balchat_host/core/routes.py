"""How a contact can be reached, as they told us, and how they can reach us, as we told them: docs/spec/content.md."""

from collections.abc import Sequence
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId, Route
from balchat_host.api.views import ContactState
from balchat_host.core import contacts, content, outbox, requeue, rows
from balchat_host.core.envelope import Kind
from balchat_host.core.limits import RequeueReason
from balchat_host.core.unit_of_work import UnitOfWork

MAX_ROUTES: Final = 8
MAX_ROUTES_SIZE: Final = 16 * 1024
"""Octets of the routes that somebody names: they fit into a contact request."""
_MAX_ADDRESS: Final = 512
_MAX_TRANSPORT_NAME: Final = 40
_MAX_SEALING_KEY: Final = 2048
_MAX_TIME: Final = 2**53
_ROUTE_ITEMS: Final = 5
"""CBOR items of one route: an array of four."""


def offer(unit: UnitOfWork, peer: PeerId, routes: Sequence[Route]) -> None:
    """Tell a contact how to reach us from now on, unless that is what we told them last.

    One that we are only about to ask learns it with the request (`offered`); one that was asked, once it is active.
    """
    contact = contacts.by_peer(unit.tx, peer)
    if contact is None or contact.blocked:
        return
    active = contact.state is ContactState.ACTIVE
    if not active and not outbox.waits(unit.tx, contact, Kind.KEY_PACKAGE_REQUEST):
        return
    told = body_of(routes)
    changed = unit.tx.execute(
        "UPDATE contact SET offered_routes = ? WHERE id = ? AND offered_routes IS NOT ?",
        (told, contact.id, told),
    )
    if changed and active:
        _withdraw_offer(unit, contact)
        offered_by = outbox.queue_control(unit, contact, content.ROUTES, told)
        unit.tx.execute("UPDATE contact SET offered_by = ? WHERE id = ?", (offered_by, contact.id))


def _withdraw_offer(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Have what we offered before leave no more, if it waits: nobody needs it besides what is offered now."""
    for (offered_by,) in unit.tx.query("SELECT offered_by FROM contact WHERE id = ?", (contact.id,)):
        if offered_by is not None:
            outbox.confirm(unit, contact, [cast("bytes", offered_by)])


def _fitting(routes: Sequence[Route]) -> Sequence[Route]:
    """Return as many routes, from the first, as may be named."""
    allowed = [route for route in routes if _is_allowed(route)][:MAX_ROUTES]
    while len(encode(allowed)) > MAX_ROUTES_SIZE:
        allowed.pop()
    return allowed


def _is_allowed(route: Route) -> bool:
    return (
        len(route.transport) <= _MAX_TRANSPORT_NAME
        and len(route.address) <= _MAX_ADDRESS
        and len(route.sealing_key or b"") <= _MAX_SEALING_KEY
        and 0 <= (route.not_after or 0) < _MAX_TIME
    )


def forget_offer(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Count as not told what we told a contact last: it went with a request that they may never have seen."""
    unit.tx.execute("UPDATE contact SET offered_routes = NULL WHERE id = ?", (contact.id,))


def offered(tx: ReadTransaction, contact: rows.ContactRow) -> bytes:
    """Give what goes with a contact request: the body of a ROUTES message."""
    return told(tx, contact) or encode([])


def all_told(tx: ReadTransaction) -> dict[PeerId, bytes | None]:
    """Return what we told each contact last, as `told` does, but for the blocked ones."""
    found = tx.query("SELECT peer_id, offered_routes FROM contact WHERE blocked = 0")
    return {PeerId(cast("bytes", peer_id)): cast("bytes | None", body) for peer_id, body in found}


def body_of(routes: Sequence[Route]) -> bytes:
    """Return the body of a ROUTES message with as many routes, from the first, as may be named."""
    return encode(_fitting(routes))


def told(tx: ReadTransaction, contact: rows.ContactRow) -> bytes | None:
    """Return the body of the ROUTES message that we told a contact last, or None where none counts as told."""
    found = tx.query("SELECT offered_routes FROM contact WHERE id = ?", (contact.id,))
    return cast("bytes | None", found[0][0])


def learn(unit: UnitOfWork, contact: rows.ContactRow, body: bytes, *, said_at: int | None = None) -> None:
    """Take over how a contact wants to be reached, unless they have said otherwise since `said_at`, their clock's time.

    Raises MalformedContent.
    """
    routes = decode(body)
    if said_at is not None and not unit.tx.execute(
        # A clock that was ahead must not outdo what is said once it is right.
        "UPDATE contact SET routes_said_at = min(?, ?) WHERE id = ? AND routes_said_at <= ?",
        (said_at, unit.now, contact.id, said_at),
    ):
        return
    if routes == _of(unit.tx, contact.peer):
        return
    unit.tx.execute("DELETE FROM route WHERE contact = ?", (contact.id,))
    for position, route in enumerate(routes):
        unit.tx.execute(
            "INSERT INTO route (contact, position, transport, address, sealing_key, not_after)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (contact.id, position, route.transport, route.address, route.sealing_key, route.not_after),
        )
    # They may have moved because what keeps their envelopes is gone.
    requeue.requeue(unit, contact, RequeueReason.ROUTES)


def forget(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Forget how a contact can be reached."""
    unit.tx.execute("DELETE FROM route WHERE contact = ?", (contact.id,))


def known(tx: ReadTransaction, peer: PeerId, *, now: int) -> list[Route]:
    """Give the routes to a contact that hold at `now` (Unix seconds), the contact's favourite first."""
    return [route for route in _of(tx, peer) if route.not_after is None or route.not_after > now]


def to_use(tx: ReadTransaction, peer: PeerId, *, now: int) -> list[Route]:
    """Return the routes to send by: none until we can talk, as those named in a group that we have lost may be gone."""
    active = tx.query("SELECT 1 FROM contact WHERE peer_id = ? AND state = ?", (peer.octets, ContactState.ACTIVE))
    return known(tx, peer, now=now) if active else []


def _of(tx: ReadTransaction, peer: PeerId) -> list[Route]:
    found = tx.query(
        "SELECT transport, address, sealing_key, not_after FROM route JOIN contact ON contact.id = route.contact"
        " WHERE peer_id = ? ORDER BY position",
        (peer.octets,),
    )
    return [
        Route(
            transport=cast("str", transport),
            address=cast("bytes", address),
            sealing_key=cast("bytes | None", sealing_key),
            not_after=cast("int | None", not_after),
        )
        for transport, address, sealing_key, not_after in found
    ]


def encode(routes: Sequence[Route]) -> bytes:
    """Give the body of a ROUTES message: an array of [transport, address, sealing key or null, not-after or null]."""
    return cbor.encode([[r.transport, r.address, r.sealing_key, r.not_after] for r in routes])


def decode(body: bytes) -> list[Route]:
    """Read the body of a ROUTES message. Raises MalformedContent."""
    if len(body) > MAX_ROUTES_SIZE:
        raise MalformedContent(problem=f"its routes have more than {MAX_ROUTES_SIZE} octets")
    try:
        item = cbor.decode(body, max_items=1 + MAX_ROUTES * _ROUTE_ITEMS, max_depth=2)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    if not isinstance(item, list) or len(cast("list[object]", item)) > MAX_ROUTES:
        raise MalformedContent(problem=f"the routes are no array of at most {MAX_ROUTES}")
    return [_route(entry) for entry in cast("list[object]", item)]


def _route(entry: object) -> Route:
    match entry:
        case [str(transport), bytes(address), (bytes() | None) as sealing_key, (int() | None) as not_after] if (
            not isinstance(not_after, bool)
            and _is_allowed(
                route := Route(transport=transport, address=address, sealing_key=sealing_key, not_after=not_after)
            )
        ):
            return route
        case _:
            raise MalformedContent(problem="a route has the wrong shape")
