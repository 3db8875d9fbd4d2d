"""Contact requests that wait for our approval. Each already is a group that we joined, so its sender is proven."""

from dataclasses import asdict, dataclass
from typing import cast

from balchat_host.api.errors import NoSuchRequest
from balchat_host.api.events import RequestClosed, RequestReceived
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.api.views import RequestView
from balchat_host.core import contacts, journal, rows
from balchat_host.core.names import clean_name
from balchat_host.core.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row of `request`."""

    peer: PeerId
    name: str
    introduction: str
    group_id: bytes
    received_at: int

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
    return _where(tx, "1 ORDER BY received_at, peer_id")


def count(tx: ReadTransaction) -> int:
    """Count those that wait."""
    return rows.number(tx, "SELECT count(*) FROM request")


def waiting(tx: ReadTransaction, peer: PeerId) -> Request | None:
    """Give the one of that peer, if it waits."""
    found = _where(tx, "peer_id = ?", peer.octets)
    return found[0] if found else None


def find(tx: ReadTransaction, which: str) -> Request:
    """Give the request that a person means.

    By peer id, onion address, or a name that only one has. Raises NoSuchRequest.
    """
    peer = contacts.parse_peer(which)
    found = _where(tx, "peer_id = ?", peer.octets) if peer else _where(tx, "name = ? COLLATE NOCASE", which.strip())
    if len(found) != 1:
        raise NoSuchRequest(name=which)
    return found[0]


def keep(unit: Unit, peer: PeerId, group_id: bytes, *, name: str, introduction: str) -> None:
    """Let a request wait."""
    request = Request(
        peer=peer,
        name=clean_name(name) or peer.onion[:8],
        introduction=introduction,
        group_id=group_id,
        received_at=unit.now,
    )
    unit.tx.execute(
        "INSERT INTO request (peer_id, name, introduction, group_id, received_at) VALUES (?, ?, ?, ?, ?)",
        (peer.octets, request.name, introduction, group_id, unit.now),
    )
    journal.append(unit, RequestReceived, contact=None, body=asdict(request.view))


def close(unit: Unit, request: Request, outcome: str) -> None:
    """Take a request off the list; its group stays."""
    unit.tx.execute("DELETE FROM request WHERE peer_id = ?", (request.peer.octets,))
    body = {"peer_id": request.peer.octets.hex(), "outcome": outcome}
    journal.append(unit, RequestClosed, contact=None, body=body)


def forget(unit: Unit, request: Request) -> None:
    """Delete a request with its group, without a word: a newer one takes its place."""
    unit.engine.delete_group(unit.keys, request.group_id)
    unit.tx.execute("DELETE FROM request WHERE peer_id = ?", (request.peer.octets,))


def reject(unit: Unit, which: str) -> None:
    """Turn a request down. Raises NoSuchRequest."""
    request = find(unit.tx, which)
    unit.engine.delete_group(unit.keys, request.group_id)
    close(unit, request, "rejected")


def expire(unit: Unit) -> None:
    """Close the requests that nobody answered in time."""
    for request in _where(unit.tx, "received_at < ?", unit.now - unit.policy.request_lifetime * 1000):
        unit.engine.delete_group(unit.keys, request.group_id)
        close(unit, request, "expired")


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Request]:
    found = tx.query(
        f"SELECT peer_id, name, introduction, group_id, received_at FROM request WHERE {condition}",  # noqa: S608  # our own text
        parameters,
    )
    return [
        Request(
            peer=PeerId(cast("bytes", peer)),
            name=cast("str", name),
            introduction=cast("str", introduction),
            group_id=cast("bytes", group_id),
            received_at=cast("int", received_at),
        )
        for peer, name, introduction, group_id, received_at in found
    ]
