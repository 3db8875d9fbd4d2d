"""Contact requests that wait for our owner. Each already is a group that we joined, so its sender is proven.

Only one that came before we went on from a backup has lost its group. The request of a blocked contact is *hidden*: it
is kept like every other, so that nothing tells its sender from a stranger, but nobody is shown it. It counts as a
contact's when they are unblocked (`answering.unblock`).
"""

from dataclasses import asdict, dataclass
from typing import Final, cast

from balchat_host.api.errors import NoSuchRequest
from balchat_host.api.events import RequestClosed, RequestReceived
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.api.views import RequestView
from balchat_host.core import event_log, peers, rows
from balchat_host.core.chat_codes import parse_peer
from balchat_host.core.eras import keeping
from balchat_host.core.key_lookalikes import is_spelt_like_a_key
from balchat_host.core.names import clean_name, made_up_name, name_key, search_key
from balchat_host.core.rows import Era
from balchat_host.core.unit_of_work import UnitOfWork

_SHOWN: Final = "request.peer NOT IN (SELECT contact.peer FROM contact)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row of `request`."""

    number: int
    peer: PeerId
    device_id: bytes
    name: str
    introduction: str
    era: Era | None
    received_at: int
    routes: bytes
    made_at: int

    @property
    def view(self) -> RequestView:
        """How front ends see it."""
        return RequestView(
            peer_id=self.peer.octets.hex(),
            onion=self.peer.onion,
            name=self.name,
            introduction=self.introduction,
            received_at=self.received_at,
        )


def everything(tx: ReadTransaction) -> list[Request]:
    """Return all that wait, oldest first."""
    return _where(tx, f"{_SHOWN} ORDER BY received_at, account_key")


def count(tx: ReadTransaction) -> int:
    """Return how many wait."""
    return rows.number(tx, f"SELECT count(*) FROM request WHERE {_SHOWN}")  # noqa: S608  # our own text


def count_kept(tx: ReadTransaction) -> int:
    """Return how many take up room, hidden ones too."""
    return rows.number(tx, "SELECT count(*) FROM request")


def waiting(tx: ReadTransaction, peer: PeerId) -> Request | None:
    """Return the one of that peer, if it waits."""
    found = _where(tx, f"account_key = ? AND {_SHOWN}", peer.octets)
    return found[0] if found else None


def find(tx: ReadTransaction, which: str) -> Request:
    """Return the request that a person means.

    By peer id, onion address, chat code, or a name that only one has; what is spelt like a key means that key only.
    Raise NoSuchRequest.
    """
    if is_spelt_like_a_key(which):
        peer = parse_peer(which)
        found = _where(tx, f"account_key = ? AND {_SHOWN}", peer.octets) if peer else []
    else:
        found = _where(tx, f"name_key = ? AND {_SHOWN}", search_key(which))
    if len(found) != 1:
        raise NoSuchRequest(name=which)
    return found[0]


def keep(
    unit: UnitOfWork,
    device: DeviceIdentity,
    era: Era,
    *,
    name: str,
    introduction: str,
    routes: bytes,
    made_at: int,
    hidden: bool,
) -> None:
    """Let the request of a peer's device wait; tell of it unless it is hidden."""
    request = Request(
        number=peers.know(unit, device.peer),
        peer=device.peer,
        device_id=device.device_id,
        name=clean_name(name) or made_up_name(device.peer),
        introduction=introduction,
        era=era,
        received_at=unit.now,
        routes=routes,
        made_at=made_at,
    )
    unit.tx.execute(
        "INSERT INTO request (peer, device_id, era, name, name_key, introduction, received_at, routes, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            request.number,
            request.device_id,
            era.id,
            request.name,
            name_key(request.name),
            introduction,
            unit.now,
            routes,
            made_at,
        ),
    )
    if not hidden:
        event_log.append(unit, RequestReceived, conversation=None, body=asdict(request.view))


def close(unit: UnitOfWork, request: Request, outcome: str) -> None:
    """Take a request off the list; its era stays."""
    _delete(unit, request)
    body = {"peer_id": request.peer.octets.hex(), "outcome": outcome}
    event_log.append(unit, RequestClosed, conversation=None, body=body)


def forget(unit: UnitOfWork, peer: PeerId) -> bool:
    """Delete the request of a peer, hidden or not, with its era and without a word. Return whether there was one."""
    gone = _where(unit.tx, "account_key = ?", peer.octets)
    for request in gone:
        _forget_era(unit, request)
        _delete(unit, request)
    return bool(gone)


def is_late(tx: ReadTransaction, peer: PeerId, made_at: int, *, tolerance: int) -> bool:
    """Return whether a request of a peer's was made more than `tolerance` milliseconds before the one that waits.

    Whoever keeps a request back, and lets it come after the next one, must not undo that.
    """
    waiting = _where(tx, "account_key = ?", peer.octets)
    return any(made_at < min(each.made_at, each.received_at) - tolerance for each in waiting)


def take_hidden(unit: UnitOfWork, peer: PeerId) -> Request | None:
    """Return the hidden request of a contact, if there is one, and keep it no longer; its era stays."""
    found = _where(unit.tx, "account_key = ?", peer.octets)
    for request in found:
        _delete(unit, request)
    return found[0] if found else None


def was_missed(tx: ReadTransaction, peer: PeerId) -> bool:
    """Return whether a hidden request of a contact has had its time, so that they wait for an answer in vain."""
    return bool(
        rows.number(
            tx,
            "SELECT missed_request FROM first_contact JOIN peer ON peer.id = first_contact.peer WHERE account_key = ?",
            (peer.octets,),
        )
    )


def set_missed(unit: UnitOfWork, peer: PeerId, *, missed: bool) -> None:
    """Remember that a contact waits so, or that it does no longer."""
    unit.tx.execute(
        "UPDATE first_contact SET missed_request = ? WHERE peer = (SELECT id FROM peer WHERE account_key = ?)",
        (missed, peer.octets),
    )


def reject(unit: UnitOfWork, which: str) -> RequestView:
    """Turn a request down; return it as it was. Raise NoSuchRequest."""
    request = find(unit.tx, which)
    turn_down(unit, request, "rejected")
    return request.view


def turn_down(unit: UnitOfWork, request: Request, outcome: str) -> None:
    """Take a request off the list, and forget its era."""
    _forget_era(unit, request)
    close(unit, request, outcome)


def expire(unit: UnitOfWork) -> None:
    """Close the requests that nobody answered in time."""
    oldest = unit.now - unit.policy.request_lifetime * 1000
    for request in _where(unit.tx, f"received_at < ? AND {_SHOWN}", oldest):
        _forget_era(unit, request)
        close(unit, request, "expired")
    for request in _where(unit.tx, "received_at < ?", oldest):
        forget(unit, request.peer)
        set_missed(unit, request.peer, missed=True)


def _forget_era(unit: UnitOfWork, request: Request) -> None:
    if request.era is not None:
        keeping.forget(unit, request.era)


def _delete(unit: UnitOfWork, request: Request) -> None:
    unit.tx.execute("DELETE FROM request WHERE peer = ?", (request.number,))
    peers.forget(unit, request.number)


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Request]:
    found = tx.query(
        "SELECT request.peer, account_key, device_id, name, introduction, era, received_at, routes, made_at"  # noqa: S608  # our own text
        f" FROM request JOIN peer ON peer.id = request.peer WHERE {condition}",
        parameters,
    )
    return [
        Request(
            number=cast("int", number),
            peer=PeerId(cast("bytes", peer)),
            device_id=cast("bytes", device_id),
            name=cast("str", name),
            introduction=cast("str", introduction),
            era=keeping.by_number(tx, cast("int | None", era)),
            received_at=cast("int", received_at),
            routes=cast("bytes", routes),
            made_at=cast("int", made_at),
        )
        for number, peer, device_id, name, introduction, era, received_at, routes, made_at in found
    ]
