"""Contact requests that wait for our approval. Each already is a group that we joined, so its sender is proven.

Only one that came before we went on from a backup has lost its group.
The request of a blocked contact is *hidden*: it is kept like every other, so that nothing tells its sender from a
stranger, but nobody is shown it. It counts as a contact's when they are unblocked (`handshake.unblock`).
"""

from dataclasses import asdict, dataclass
from typing import Final, cast

from balchat_host.api.errors import NoSuchRequest
from balchat_host.api.events import RequestClosed, RequestReceived
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.api.views import RequestView
from balchat_host.core import event_log, rows
from balchat_host.core.codes import parse_peer
from balchat_host.core.key_spellings import is_spelt_like_a_key
from balchat_host.core.names import clean_name, made_up_name, name_key, search_key
from balchat_host.core.unit_of_work import UnitOfWork

_SHOWN: Final = "peer_id NOT IN (SELECT peer_id FROM contact)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row of `request`."""

    peer: PeerId
    name: str
    introduction: str
    group_id: bytes | None
    received_at: int
    routes: bytes

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
    """Give all that wait, oldest first."""
    return _where(tx, f"{_SHOWN} ORDER BY received_at, peer_id")


def count(tx: ReadTransaction) -> int:
    """Count those that wait."""
    return rows.number(tx, f"SELECT count(*) FROM request WHERE {_SHOWN}")  # noqa: S608  # our own text


def count_kept(tx: ReadTransaction) -> int:
    """Count those that take up room, hidden ones too."""
    return rows.number(tx, "SELECT count(*) FROM request")


def waiting(tx: ReadTransaction, peer: PeerId) -> Request | None:
    """Give the one of that peer, if it waits."""
    found = _where(tx, f"peer_id = ? AND {_SHOWN}", peer.octets)
    return found[0] if found else None


def find(tx: ReadTransaction, which: str) -> Request:
    """Give the request that a person means.

    By peer id, onion address, chat code, or a name that only one has; what is spelt like a key means that key only.
    Raises NoSuchRequest.
    """
    if is_spelt_like_a_key(which):
        peer = parse_peer(which)
        found = _where(tx, f"peer_id = ? AND {_SHOWN}", peer.octets) if peer else []
    else:
        found = _where(tx, f"name_key = ? AND {_SHOWN}", search_key(which))
    if len(found) != 1:
        raise NoSuchRequest(name=which)
    return found[0]


def keep(
    unit: UnitOfWork, peer: PeerId, group_id: bytes, *, name: str, introduction: str, routes: bytes, hidden: bool
) -> None:
    """Let a request wait; tell of it unless it is hidden."""
    request = Request(
        peer=peer,
        name=clean_name(name) or made_up_name(peer),
        introduction=introduction,
        group_id=group_id,
        received_at=unit.now,
        routes=routes,
    )
    unit.tx.execute(
        "INSERT INTO request (peer_id, name, name_key, introduction, group_id, received_at, routes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (peer.octets, request.name, name_key(request.name), introduction, group_id, unit.now, routes),
    )
    if not hidden:
        event_log.append(unit, RequestReceived, contact=None, body=asdict(request.view))


def close(unit: UnitOfWork, request: Request, outcome: str) -> None:
    """Take a request off the list; its group stays."""
    unit.tx.execute("DELETE FROM request WHERE peer_id = ?", (request.peer.octets,))
    body = {"peer_id": request.peer.octets.hex(), "outcome": outcome}
    event_log.append(unit, RequestClosed, contact=None, body=body)


def forget(unit: UnitOfWork, peer: PeerId) -> bool:
    """Delete the request of a peer, hidden or not, with its group and without a word. Say whether there was one."""
    gone = unit.tx.query("DELETE FROM request WHERE peer_id = ? RETURNING group_id", (peer.octets,))
    for (group_id,) in gone:
        _delete_group(unit, cast("bytes | None", group_id))
    return bool(gone)


def take_hidden(unit: UnitOfWork, peer: PeerId) -> Request | None:
    """Return the hidden request of a contact, if there is one, and keep it no longer; its group stays."""
    found = _where(unit.tx, "peer_id = ?", peer.octets)
    unit.tx.execute("DELETE FROM request WHERE peer_id = ?", (peer.octets,))
    return found[0] if found else None


def was_missed(tx: ReadTransaction, peer: PeerId) -> bool:
    """Say whether a hidden request of a contact has had its time, so that they wait for an answer that never comes."""
    return bool(tx.query("SELECT 1 FROM contact WHERE peer_id = ? AND missed_request = 1", (peer.octets,)))


def set_missed(unit: UnitOfWork, peer: PeerId, *, missed: bool) -> None:
    """Remember that a contact waits so, or that it does no longer."""
    unit.tx.execute("UPDATE contact SET missed_request = ? WHERE peer_id = ?", (missed, peer.octets))


def reject(unit: UnitOfWork, which: str) -> RequestView:
    """Turn a request down; return it as it was. Raises NoSuchRequest."""
    request = find(unit.tx, which)
    _delete_group(unit, request.group_id)
    close(unit, request, "rejected")
    return request.view


def expire(unit: UnitOfWork) -> None:
    """Close the requests that nobody answered in time."""
    oldest = unit.now - unit.policy.request_lifetime * 1000
    for request in _where(unit.tx, f"received_at < ? AND {_SHOWN}", oldest):
        _delete_group(unit, request.group_id)
        close(unit, request, "expired")
    for request in _where(unit.tx, "received_at < ?", oldest):
        forget(unit, request.peer)
        set_missed(unit, request.peer, missed=True)


def _delete_group(unit: UnitOfWork, group_id: bytes | None) -> None:
    if group_id is not None:
        unit.engine.delete_group(unit.keys, group_id)


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Request]:
    found = tx.query(
        f"SELECT peer_id, name, introduction, group_id, received_at, routes FROM request WHERE {condition}",  # noqa: S608  # our own text
        parameters,
    )
    return [
        Request(
            peer=PeerId(cast("bytes", peer)),
            name=cast("str", name),
            introduction=cast("str", introduction),
            group_id=cast("bytes | None", group_id),
            received_at=cast("int", received_at),
            routes=cast("bytes", routes),
        )
        for peer, name, introduction, group_id, received_at, routes in found
    ]
