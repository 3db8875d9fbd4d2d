"""Containers: where parts of our files lie at relays for somebody (`balchat_host.api.transport`, Blobs).

- A part is noted as tried before it is put. So whatever may lie at a relay is known here, and is deleted in the end.
- A container outlives its file here until it is empty there, or its time is over. It has a time from the start, since
  what was tried may lie there although no answer came, and a relay may never be reached again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.transport import BlobContainer
from balchat_host.api.types import PeerId
from balchat_host.core.files import rows as file_rows
from balchat_host.core.files.part_bitmaps import bitmap
from balchat_host.core.files.part_notices import MAX_CONTAINERS
from balchat_host.core.files.shape import Bitmap, Shape
from balchat_host.core.unit_of_work import UnitOfWork

LONGEST_KEPT: Final = 30 * 24 * 3600 * 1000
"""Milliseconds after which a container is renewed or forgotten, however long its relay would keep it."""
_COLUMNS: Final = "id, file, parts, transport, key, offer, until, kept, put, tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of ours. `put` and `tried` have one bit more than parts, for the manifest. Times in milliseconds.

    It is there until `until`, and is kept for `kept` from the last put or renewal on. `parts`: how many the file has.
    """

    number: int
    file: int | None
    parts: int
    transport: str
    key: bytes
    offer: bytes
    until: int
    kept: int
    put: bytes
    tried: bytes

    def __repr__(self) -> str:
        return f"Container({self.number})"

    @property
    def is_used(self) -> bool:
        """Whether something lies in it, as its relay has said."""
        return any(self.put)


def of_peer(tx: ReadTransaction, peer: PeerId) -> list[Container]:
    """Return the containers for somebody, the oldest first."""
    return _where(tx, "account_key = ?", peer.octets)


def of_file(tx: ReadTransaction, file: int, peer: PeerId) -> list[Container]:
    """Return the containers of a file for somebody."""
    return _where(tx, "file = ? AND account_key = ?", file, peer.octets)


def allocated(unit: UnitOfWork, file: int, peer: PeerId, found: Sequence[tuple[str, BlobContainer]]) -> None:
    """Note containers for a file, each with what its transport is called."""
    row = file_rows.by_number(unit.tx, file)
    if row is None:
        return
    for transport, container in found[:MAX_CONTAINERS]:
        unit.tx.execute(
            "INSERT INTO file_container (file, parts, account_key, transport, key, offer, until)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                file,
                row.shape.parts,
                peer.octets,
                transport,
                container.key,
                container.offer,
                unit.now + LONGEST_KEPT,
            ),
        )


def note_tried(unit: UnitOfWork, container: Container, shape: Shape, parts: Collection[int]) -> None:
    """Note that parts are about to be put."""
    tried = bitmap(shape, container.tried)
    for index in parts:
        tried.add(index)
    unit.tx.execute("UPDATE file_container SET tried = ? WHERE id = ?", (tried.encode(), container.number))


def put(unit: UnitOfWork, number: int, shape: Shape, index: int, *, kept: int) -> None:
    """Note that a part lies in its container, all of which is kept for so many milliseconds from now on."""
    container = _by_number(unit.tx, number)
    if container is not None:
        there, tried = bitmap(shape, container.put), bitmap(shape, container.tried)
        there.add(index)
        tried.add(index)
        _set_parts(unit, number, there, tried)
        renewed(unit, number, kept=kept)


def renewed(unit: UnitOfWork, number: int, *, kept: int) -> None:
    """Note that a container is kept for so many milliseconds from now on."""
    kept = min(kept, LONGEST_KEPT)
    unit.tx.execute("UPDATE file_container SET until = ?, kept = ? WHERE id = ?", (unit.now + kept, kept, number))


def deleted(unit: UnitOfWork, number: int, parts: Sequence[int]) -> None:
    """Note that parts do not lie in a container any more."""
    container = _by_number(unit.tx, number)
    if container is not None:
        there, tried = Bitmap(0, container.put), Bitmap(0, container.tried)
        for index in parts:
            tried.remove(index)
            there.remove(index)
        _set_parts(unit, number, there, tried)


def missed(unit: UnitOfWork, container: Container, parts: Collection[int]) -> None:
    """Note that somebody says that parts are not in a container; they may be there all the same."""
    there = Bitmap(0, container.put)
    for index in parts:
        there.remove(index)
    _set_parts(unit, container.number, there, Bitmap(0, container.tried))


def gone(unit: UnitOfWork, number: int) -> None:
    """Forget a container that is no more, with all that was in it."""
    unit.tx.execute("DELETE FROM file_container WHERE id = ?", (number,))


def _set_parts(unit: UnitOfWork, number: int, there: Bitmap, tried: Bitmap) -> None:
    unit.tx.execute(
        "UPDATE file_container SET put = ?, put_count = ?, tried = ? WHERE id = ?",
        (there.encode(), there.count, tried.encode(), number),
    )


def _by_number(tx: ReadTransaction, number: int) -> Container | None:
    found = _where(tx, "id = ?", number)
    return found[0] if found else None


def _where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[Container]:
    found = tx.query(f"SELECT {_COLUMNS} FROM file_container WHERE {condition} ORDER BY id", parameters)  # noqa: S608  # our own text
    return [
        Container(
            number=cast("int", row[0]),
            file=cast("int | None", row[1]),
            parts=cast("int", row[2]),
            transport=cast("str", row[3]),
            key=cast("bytes", row[4]),
            offer=cast("bytes", row[5]),
            until=cast("int", row[6]),
            kept=cast("int", row[7]),
            put=cast("bytes", row[8]),
            tried=cast("bytes", row[9]),
        )
        for row in found
    ]
