"""How a contact can be reached, as they told us, and how they can reach us, as we told them: docs/spec/content.md."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import DEVICE_ID_SIZE, PeerId, Route
from balchat_host.core import contacts, content, peers, rate_limits
from balchat_host.core.delivery import done, queue, requeue
from balchat_host.core.delivery.requeue import RequeueReason
from balchat_host.core.first_contact.machine import WANTING
from balchat_host.core.rate_limits import Counted
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import OfferRoutes, UnitOfWork

MAX_ROUTES: Final = 8
"""Of one device."""
MAX_ROUTES_SIZE: Final = 16 * 1024
"""Octets of the routes that somebody names: they fit into a contact request."""
_MAX_ADDRESS: Final = 512
_MAX_TRANSPORT_NAME: Final = 40
_MAX_SEALING_KEY: Final = 2048
_MAX_TIME: Final = 2**53
_CLIENT_KEY_SIZE: Final = 32
_ROUTE_ITEMS: Final = 7
"""CBOR items of one route: an array of six."""


def offer(unit: UnitOfWork, peer: PeerId, routes: Sequence[Route]) -> None:
    """Tell a contact how to reach this device from now on, unless that is what we told them last.

    One that we are only about to ask learns it with the request (`offered`); one that was asked, once it is active.
    """
    contact = contacts.by_peer(unit.tx, peer)
    if contact is None or contact.blocked:
        return
    if not contact.may_talk and contact.phase not in WANTING:
        return
    body = body_of(routes)
    if body == last_offer(unit.tx, contact):
        return
    message_id = None
    if contact.may_talk:
        _withdraw_offer(unit, contact)
        message_id = queue.queue_control(unit, contact, content.ROUTES, body)
    unit.tx.execute(
        "INSERT INTO offered_routes (peer, routes, message_id) VALUES (?, ?, ?)"
        " ON CONFLICT (peer) DO UPDATE"
        " SET routes = excluded.routes, message_id = coalesce(excluded.message_id, message_id)",
        (contact.id, body, message_id),
    )


def _withdraw_offer(unit: UnitOfWork, contact: ContactRow) -> None:
    """Have what we offered before leave no more, if it waits: nobody needs it besides what is offered now."""
    for (message_id,) in unit.tx.query("SELECT message_id FROM offered_routes WHERE peer = ?", (contact.id,)):
        if message_id is not None:
            done.withdraw(unit, contact, cast("bytes", message_id))


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
        and route.device_id is not None
        and len(route.device_id) == DEVICE_ID_SIZE
        and len(route.client_key or bytes(_CLIENT_KEY_SIZE)) == _CLIENT_KEY_SIZE
    )


def forget_offer(unit: UnitOfWork, contact: ContactRow) -> None:
    """Count as not told what we told a contact last: it went with a request that they may never have seen."""
    unit.tx.execute("UPDATE offered_routes SET routes = NULL WHERE peer = ?", (contact.id,))


def offer_again(unit: UnitOfWork, peer: PeerId) -> None:
    """Tell a contact again what we told them last, once an hour at most: they came as if they did not have it."""
    contact = contacts.by_peer(unit.tx, peer)
    if contact is None or contact.blocked or not contact.may_talk:
        return
    if rate_limits.may(unit, peer, Counted.ROUTES_REPEATED, per_hour=1):
        forget_offer(unit, contact)
        unit.effect(OfferRoutes(peer=peer))


def offered(tx: ReadTransaction, contact: ContactRow) -> bytes:
    """Return what goes with a contact request: the body of a ROUTES message."""
    return last_offer(tx, contact) or encode([])


def last_offers(tx: ReadTransaction) -> dict[PeerId, bytes | None]:
    """Return what we told each contact last, as `last_offer` does, but for the blocked ones."""
    found = tx.query(
        "SELECT account_key, routes FROM contact JOIN peer ON peer.id = contact.peer"
        " LEFT JOIN offered_routes ON offered_routes.peer = contact.peer WHERE blocked = 0"
    )
    return {PeerId(cast("bytes", key)): cast("bytes | None", body) for key, body in found}


def body_of(routes: Sequence[Route]) -> bytes:
    """Return the body of a ROUTES message with as many routes, from the first, as may be named."""
    return _body_of(tuple(routes))


@lru_cache(maxsize=256)  # a transport may have the same routes for everybody
def _body_of(routes: tuple[Route, ...]) -> bytes:
    return encode(_fitting(routes))


def last_offer(tx: ReadTransaction, contact: ContactRow) -> bytes | None:
    """Return the body of the ROUTES message that we told a contact last, or None where none counts as told."""
    found = tx.query("SELECT routes FROM offered_routes WHERE peer = ?", (contact.id,))
    return cast("bytes | None", found[0][0]) if found else None


def learn(unit: UnitOfWork, contact: ContactRow, body: bytes, *, device_id: bytes, said_at: int | None = None) -> None:
    """Take over how a device of a contact's wants to be reached.

    `device_id` is that of the device which says so; it speaks for no other one, and is not heard once another one has
    taken its place. What it said until `said_at`, its clock's time, is replaced. Raise MalformedContent.
    """
    routes = decode(body, device_id=device_id)
    device = peers.device_number(unit.tx, contact.id, device_id)
    if device is None:
        return
    if said_at is not None and not unit.tx.execute(
        # A clock that was ahead must not outdo what is said once it is right.
        "UPDATE device SET routes_said_at = min(?, ?) WHERE id = ? AND routes_said_at <= ?",
        (said_at, unit.now, device, said_at),
    ):
        return
    if routes == _where(unit.tx, "device.id = ?", device):
        return
    unit.tx.execute("DELETE FROM route WHERE device = ?", (device,))
    for position, route in enumerate(routes):
        unit.tx.execute(
            "INSERT INTO route (device, position, transport, address, sealing_key, not_after, client_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (device, position, route.transport, route.address, route.sealing_key, route.not_after, route.client_key),
        )
    # They may have moved because what keeps their envelopes is gone.
    requeue.requeue(unit, contact, RequeueReason.ROUTES)


def forget(unit: UnitOfWork, contact: ContactRow) -> None:
    """Forget how all devices of a contact can be reached."""
    unit.tx.execute("DELETE FROM route WHERE device IN (SELECT id FROM device WHERE peer = ?)", (contact.id,))


def known(tx: ReadTransaction, peer: PeerId, *, now: int, device_id: bytes | None = None) -> list[Route]:
    """Return the routes to a device of a contact's that hold at `now` (Unix seconds), the device's favourite first.

    None stands for all devices.
    """
    found = _where(tx, "account_key = ?1 AND device_id = coalesce(?2, device_id)", peer.octets, device_id)
    return [route for route in found if route.not_after is None or route.not_after > now]


def to_try(tx: ReadTransaction, peer: PeerId, *, now: int, device_id: bytes | None) -> tuple[list[Route], bool]:
    """Return the routes to try where a failure is noticed at once, and whether we can talk.

    Until we can, they may be gone, and the peer may have another device. But a contact that accepts no requests of
    strangers is found by them alone.
    """
    contact = contacts.by_peer(tx, peer)
    return known(tx, peer, now=now, device_id=device_id), contact is not None and contact.may_talk


def to_use(tx: ReadTransaction, peer: PeerId, *, now: int, device_id: bytes | None) -> list[Route]:
    """Return the routes to send by: none until we can talk, as those named in an era that we have lost may be gone."""
    contact = contacts.by_peer(tx, peer)
    return known(tx, peer, now=now, device_id=device_id) if contact is not None and contact.may_talk else []


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Route]:
    found = tx.query(
        "SELECT transport, address, sealing_key, not_after, device_id, client_key FROM route"  # noqa: S608  # our own text
        " JOIN device ON device.id = route.device JOIN peer ON peer.id = device.peer"
        f" WHERE {condition} ORDER BY device.id, position",
        parameters,
    )
    return [
        Route(
            transport=cast("str", transport),
            address=cast("bytes", address),
            sealing_key=cast("bytes | None", sealing_key),
            not_after=cast("int | None", not_after),
            device_id=cast("bytes", device_id),
            client_key=cast("bytes | None", client_key),
        )
        for transport, address, sealing_key, not_after, device_id, client_key in found
    ]


def encode(routes: Sequence[Route]) -> bytes:
    """Return the body of a ROUTES message (docs/spec/content.md). Each route names the device that it leads to."""
    return cbor.encode(
        [[r.device_id, r.transport, r.address, r.sealing_key, r.not_after, r.client_key] for r in routes]
    )


def decode(body: bytes, *, device_id: bytes | None = None) -> list[Route]:
    """Return the routes in the body of a ROUTES message; all lead to one device, to `device_id` where that is known.

    Raise MalformedContent.
    """
    if len(body) > MAX_ROUTES_SIZE:
        raise MalformedContent(problem=f"its routes have more than {MAX_ROUTES_SIZE} octets")
    try:
        item = cbor.decode(body, max_items=1 + MAX_ROUTES * _ROUTE_ITEMS, max_depth=2)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    if not isinstance(item, list) or len(cast("list[object]", item)) > MAX_ROUTES:
        raise MalformedContent(problem=f"the routes are no array of at most {MAX_ROUTES}")
    routes = [_route(entry) for entry in cast("list[object]", item)]
    if any(route.device_id != (device_id or routes[0].device_id) for route in routes):
        raise MalformedContent(problem="a route to another device than the one that names it")
    return routes


def _route(entry: object) -> Route:
    match entry:
        case [
            bytes(device_id),
            str(transport),
            bytes(address),
            (bytes() | None) as sealing_key,
            (int() | None) as not_after,
            (bytes() | None) as client_key,
        ] if not isinstance(not_after, bool) and _is_allowed(
            route := Route(
                device_id=device_id,
                transport=transport,
                address=address,
                sealing_key=sealing_key,
                not_after=not_after,
                client_key=client_key,
            )
        ):
            return route
        case _:
            raise MalformedContent(problem="a route has the wrong shape")
