"""Parts of our files at relays: what to put for whom, what to delete, what to tell.

A file is offered by relay to a *recipient* who may not get it directly: the message did not reach them that way, or
they ask for it. Its parts lie in *containers* (`balchat_host.api.transport`, Blobs), one at each relay of ours at most,
for each recipient apart: whoever never fetches holds up nobody, and no relay can tell that two get the same.

- No more than a *window* of a recipient's parts lies at relays. What they confirm is deleted there, and more is put.
- A part is noted as tried before it is put. So whatever may lie at a relay is known here, and is deleted in the end.
- A container outlives its file here until it is empty there, or its time is over.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.transport import BlobContainer
from balchat_host.api.types import PeerId
from balchat_host.core import content
from balchat_host.core.delivery import queue
from balchat_host.core.delivery.progress import Step
from balchat_host.core.files import rows as file_rows
from balchat_host.core.files import sending
from balchat_host.core.files.part_notices import MAX_CONTAINERS, FileParts, FileProgress, OfferedContainer
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import Bitmap, Shape
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

MANIFEST: Final = 2**32 - 1
"""The number of the manifest's blob."""
OFFERED_FOR: Final = 30 * 24 * 3600 * 1000
"""Milliseconds that parts are kept at relays for somebody of whom nothing was heard since."""
REPUT_EVERY: Final = 3600 * 1000
"""Milliseconds in which parts that a recipient misses at a relay are put again once."""
_LISTED: Final = 64
_RETOLD_EVERY: Final = 24 * 3600 * 1000
"""Milliseconds that containers are kept for longer, for that alone to be told; less where they are kept shortly."""
_RECIPIENTS: Final = (
    "SELECT recipient.id, file.id, file.file_id, file.size, file.stored_as, recipient.confirmed FROM file_recipient"
    " AS recipient JOIN file ON file.id = recipient.file JOIN peer ON peer.id = recipient.peer"
    " JOIN contact ON contact.peer = peer.id"
    " WHERE peer.account_key = ? AND file.state = 'complete' AND NOT recipient.stopped AND recipient.heard_at > ?"
    " AND NOT contact.blocked"
    " AND NOT EXISTS (SELECT 1 FROM file_receipt WHERE file_receipt.file = file.id AND file_receipt.peer = peer.id)"
    " AND EXISTS (SELECT 1 FROM attachment JOIN message ON message.seq = attachment.message"
    " JOIN member ON member.conversation = message.conversation"
    " WHERE attachment.file = file.id AND member.peer = peer.id AND removal IS NULL) ORDER BY recipient.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of ours. `put` and `tried` have one bit more than parts, for the manifest. Times in milliseconds.

    `until` is 0 before anything was put, then it is kept for `kept` from the last time on. `parts`: how many the file
    has.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A part to put. `stored_as` and `shape` say where it is here; `index` is the number of parts for the manifest."""

    container: Container
    file: int
    index: int
    shape: Shape
    stored_as: str

    @property
    def blob(self) -> int:
        """The number of its blob."""
        return blob_of(self.shape.parts, self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done for one recipient.

    `allocate` are the files that need containers; `delete` what to delete by the numbers of blobs; `there` how many
    octets of which file, of which size, they have confirmed. `full`: nothing more is put before they confirm.
    """

    allocate: Sequence[int]
    put: Sequence[Put]
    delete: Sequence[tuple[Container, Sequence[int]]]
    renew: Sequence[Container]
    there: Sequence[tuple[str, int, int]]
    full: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do now."""
        return not (self.allocate or self.put or self.delete or self.renew)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipient:
    number: int
    file: int
    file_id: bytes
    shape: Shape
    stored_as: str
    confirmed: Bitmap


def blob_of(parts: int, index: int) -> int:
    """Return the number of a part's blob; the manifest has the number of `parts`."""
    return MANIFEST if index == parts else index


# -- who gets files by relay


def to_begin(tx: ReadTransaction, *, now: int, delay: int) -> list[tuple[int, int]]:
    """Return files and their recipients of what did not go directly.

    That is, where the message lies at a relay, or was sent more than `delay` milliseconds ago.
    """
    found = tx.query(
        "SELECT DISTINCT file.id, contact.peer FROM file JOIN attachment ON attachment.file = file.id"  # noqa: S608  # numbers
        " JOIN message ON message.seq = attachment.message"
        " JOIN member ON member.conversation = message.conversation"
        " JOIN contact ON contact.peer = member.peer"
        " WHERE file.peer IS NULL AND file.state = 'complete' AND removal IS NULL AND NOT contact.blocked"
        " AND message.sent_at > ? AND (message.sent_at <= ?"
        " OR EXISTS (SELECT 1 FROM payload JOIN delivery ON delivery.payload = payload.id"
        " WHERE payload.message = message.seq AND delivery.peer = contact.peer"
        f" AND delivery.state = {Step.RELAYED:d}))"
        " AND NOT EXISTS (SELECT 1 FROM file_recipient AS known"
        " WHERE known.file = file.id AND known.peer = contact.peer)"
        " AND NOT EXISTS (SELECT 1 FROM file_receipt WHERE file_receipt.file = file.id"
        " AND file_receipt.peer = contact.peer)"
        " AND NOT EXISTS (SELECT 1 FROM receipt JOIN way ON way.id = receipt.way WHERE receipt.message = message.seq"
        f" AND receipt.peer = contact.peer AND way.direct AND receipt.state IN ({Step.DELIVERED:d}, {Step.READ:d}))"
        f" LIMIT {_LISTED}",
        (now - OFFERED_FOR, now - delay),
    )
    return [(cast("int", file), cast("int", peer)) for file, peer in found]


def begin(unit: UnitOfWork, *, delay: int) -> None:
    """Offer by relay what `to_begin` returns."""
    for file, peer in to_begin(unit.tx, now=unit.now, delay=delay):
        _offer(unit, file, peer)


def _offer(unit: UnitOfWork, file: int, peer: int) -> None:
    unit.tx.execute(
        "INSERT INTO file_recipient (file, peer, heard_at) VALUES (?, ?, ?)"
        " ON CONFLICT (file, peer) DO UPDATE SET heard_at = excluded.heard_at",
        (file, peer, unit.now),
    )


def to_look_after(tx: ReadTransaction) -> list[PeerId]:
    """Return for whom there may be something to do."""
    found = tx.query(
        "SELECT DISTINCT account_key FROM file_recipient JOIN peer ON peer.id = file_recipient.peer"
        " WHERE NOT stopped AND NOT EXISTS (SELECT 1 FROM file_receipt"
        " WHERE file_receipt.file = file_recipient.file AND file_receipt.peer = file_recipient.peer)"
        " UNION SELECT account_key FROM file_container"
    )
    return [PeerId(cast("bytes", key)) for (key,) in found]


# -- what is to be done for one of them


def work(
    unit: UnitOfWork,
    peer: PeerId,
    *,
    window: int,
    limit: int,
    resting: Collection[int] = (),
    full: Collection[int] = (),
) -> Work:
    """Return what is to be done for a recipient, and note which parts are tried.

    `window` is in octets, `limit` for parts. `resting` are containers that are not to be used now, `full` those into
    which nothing is to be put.
    """
    recipients = {each.file: each for each in _recipients(unit, peer)}
    delete: list[tuple[Container, Sequence[int]]] = []
    renew: list[Container] = []
    kept: dict[int, list[Container]] = {}
    held = 0
    for container in _containers(unit.tx, peer):
        recipient = recipients.get(container.file or 0)
        if _is_over(unit, container, recipient):
            unit.tx.execute("DELETE FROM file_container WHERE id = ?", (container.number,))
            continue
        needless = _needless(container, recipient)
        if needless and container.number not in resting:
            delete.append((container, needless))
        if recipient is not None:
            kept.setdefault(recipient.file, []).append(container)
            held += recipient.shape.part_size * Bitmap(0, container.tried).count
            if any(container.put) and container.until - unit.now < container.kept // 2:
                renew.append(container)
    allocate: list[int] = []
    put: list[Put] = []
    filled = False
    for recipient in recipients.values():
        mine = kept.get(recipient.file, [])
        awake = [each for each in mine if each.number not in resting and each.number not in full]
        if not mine:
            allocate.append(recipient.file)
        if awake and len(put) < limit and not filled:
            chosen, held, filled = _choose(recipient, mine, awake[0], held=held, window=window, limit=limit - len(put))
            put += chosen
    _note_tried(unit, put)
    there = [(each.file_id.hex(), each.shape.size, _octets(each.shape, each.confirmed)) for each in recipients.values()]
    return Work(
        allocate=allocate,
        put=put,
        delete=delete,
        renew=[each for each in renew if each.number not in resting],
        there=there,
        full=filled,
    )


def without_allocation(found: Work) -> Work:
    """Return the work that needs no new containers."""
    return replace(found, allocate=())


def _choose(
    recipient: _Recipient, mine: Sequence[Container], into: Container, *, held: int, window: int, limit: int
) -> tuple[list[Put], int, bool]:
    """Return the next parts to put, the octets that are then held, and whether the window is full."""
    shape = recipient.shape
    there = [bitmap(shape, each.put) for each in mine]
    tried = [bitmap(shape, each.tried) for each in mine]
    chosen: list[Put] = []
    # The manifest first: without it nothing can be checked.
    for index in (shape.parts, *range(shape.parts)):
        if index in recipient.confirmed or any(index in each for each in there):
            continue
        if len(chosen) == limit:
            return chosen, held, False
        if not any(index in each for each in tried):
            if held and held + shape.part_size > window:
                return chosen, held, True
            held += shape.part_size
        chosen.append(Put(container=into, file=recipient.file, index=index, shape=shape, stored_as=recipient.stored_as))
    return chosen, held, False


def _note_tried(unit: UnitOfWork, put: Sequence[Put]) -> None:
    by_container: dict[int, list[Put]] = {}
    for each in put:
        by_container.setdefault(each.container.number, []).append(each)
    for number, some in by_container.items():
        tried = bitmap(some[0].shape, some[0].container.tried)
        for each in some:
            tried.add(each.index)
        unit.tx.execute("UPDATE file_container SET tried = ? WHERE id = ?", (tried.encode(), number))


def _is_over(unit: UnitOfWork, container: Container, recipient: _Recipient | None) -> bool:
    """Return whether nothing lies in a container any more, or never did, and nothing is to be put into it."""
    if container.until and container.until <= unit.now:
        return True
    return recipient is None and not any(container.tried)


def _needless(container: Container, recipient: _Recipient | None) -> list[int]:
    """Return the parts in a container that nobody needs any more."""
    tried = Bitmap(0, container.tried)
    return [
        index
        for index in range(len(container.tried) * 8)
        if index in tried and (recipient is None or index in recipient.confirmed)
    ]


# -- what came of it


def allocated(unit: UnitOfWork, file: int, peer: PeerId, found: Sequence[tuple[str, BlobContainer]]) -> None:
    """Note containers for a file, each with what its transport is called."""
    row = file_rows.by_number(unit.tx, file)
    if row is None:
        return
    for transport, container in found[:MAX_CONTAINERS]:
        unit.tx.execute(
            "INSERT INTO file_container (file, parts, account_key, transport, key, offer) VALUES (?, ?, ?, ?, ?, ?)",
            (file, row.shape.parts, peer.octets, transport, container.key, container.offer),
        )


def put(unit: UnitOfWork, done: Put, *, kept: int) -> None:
    """Note that a part lies in its container, all of which is kept for so many milliseconds from now on."""
    container = _container(unit.tx, done.container.number)
    if container is not None:
        there, tried = bitmap(done.shape, container.put), bitmap(done.shape, container.tried)
        there.add(done.index)
        tried.add(done.index)
        unit.tx.execute(
            "UPDATE file_container SET put = ?, put_count = ?, tried = ?, until = ?, kept = ? WHERE id = ?",
            (there.encode(), there.count, tried.encode(), unit.now + kept, kept, container.number),
        )


def renewed(unit: UnitOfWork, number: int, *, kept: int) -> None:
    """Note that a container is kept for so many milliseconds from now on."""
    unit.tx.execute("UPDATE file_container SET until = ?, kept = ? WHERE id = ?", (unit.now + kept, kept, number))


def deleted(unit: UnitOfWork, number: int, parts: Sequence[int]) -> None:
    """Note that parts do not lie in a container any more."""
    container = _container(unit.tx, number)
    if container is not None:
        there, tried = Bitmap(0, container.put), Bitmap(0, container.tried)
        for index in parts:
            tried.remove(index)
            there.remove(index)
        unit.tx.execute(
            "UPDATE file_container SET put = ?, put_count = ?, tried = ? WHERE id = ?",
            (there.encode(), there.count, tried.encode(), number),
        )


def gone(unit: UnitOfWork, number: int) -> None:
    """Forget a container that is no more, with all that was in it."""
    unit.tx.execute("DELETE FROM file_container WHERE id = ?", (number,))


def tell(unit: UnitOfWork, contact: ContactRow) -> None:
    """Tell a recipient where parts lie, as far as they do not know."""
    for recipient in _recipients(unit, contact.peer):
        containers = [each for each in _containers(unit.tx, contact.peer) if each.file == recipient.file and each.until]
        ((told, told_until),) = unit.tx.query(
            "SELECT told, told_until FROM file_recipient WHERE id = ?", (recipient.number,)
        )
        told = cast("bytes", told)
        lies = bytes(recipient.shape.parts // 8 + 1)
        for each in containers:
            lies = _union(lies, bitmap(recipient.shape, each.put).encode())
        until = min((each.until for each in containers), default=0)
        kept = min((each.kept for each in containers), default=0)
        news = until - cast("int", told_until) >= min(_RETOLD_EVERY, kept // 4)
        if not containers or (_union(told, lies) == told and not news):
            continue
        row = file_rows.by_number(unit.tx, recipient.file)
        assert row is not None, "it is offered"
        assert row.root is not None, "it is offered"
        offered = tuple(
            OfferedContainer(transport=each.transport, offer=each.offer, until=each.until, put=each.put)
            for each in containers
        )
        queue.queue_control(unit, contact, content.FILE_PARTS, FileParts(root=row.root, containers=offered).encode())
        unit.tx.execute(
            "UPDATE file_recipient SET told = ?, told_until = ? WHERE id = ?", (lies, until, recipient.number)
        )


# -- what recipients say


def on_progress(unit: UnitOfWork, contact: ContactRow, said: FileProgress) -> None:
    """Take note of which parts a contact has of a file that is offered to them, and whether they want more."""
    row = sending.offered(unit.tx, said.root, contact.peer)
    if row is None or not fits(row.shape, said.here):
        return
    _offer(unit, row.number, contact.id)
    ((confirmed, reput_at),) = unit.tx.query(
        "SELECT confirmed, reput_at FROM file_recipient WHERE file = ? AND peer = ?", (row.number, contact.id)
    )
    shape = row.shape
    known = bitmap(shape, cast("bytes", confirmed))
    here = bitmap(shape, _union(bitmap(shape, b"").encode(), said.here))
    if here.count:
        here.add(shape.parts)  # without the manifest it could have no part
    may_put_again = unit.now - cast("int", reput_at) >= REPUT_EVERY
    # Whoever has lost parts, with their disk or by a backup, gets them again. What comes late looks the same and costs
    # little; but somebody might go back and forth without end, so this is done once in a while only.
    lost = may_put_again and here.encode() != _union(known.encode(), here.encode())
    if not lost:
        here = bitmap(shape, _union(known.encode(), here.encode()))
    count = here.count - (shape.parts in here)
    unit.tx.execute(
        "UPDATE file_recipient SET confirmed = ?, confirmed_count = ?, stopped = ? WHERE file = ? AND peer = ?",
        (here.encode(), count, not said.wanted, row.number, contact.id),
    )
    if may_put_again and (lost or said.absent):
        _forget_absent(unit, row, contact, said.absent)
    unit.effect(ANNOUNCE)


def _forget_absent(unit: UnitOfWork, row: FileRow, contact: ContactRow, absent: Sequence[int]) -> None:
    """Put again what a relay has lost. It may say so of everything, so this is done once in a while only."""
    unit.tx.execute(
        "UPDATE file_recipient SET reput_at = ?, told = x'' WHERE file = ? AND peer = ?",
        (unit.now, row.number, contact.id),
    )
    for container in _containers(unit.tx, contact.peer):
        if container.file == row.number:
            there = bitmap(row.shape, container.put)
            for index in absent:
                if index <= row.shape.parts:
                    there.remove(index)
            unit.tx.execute(
                "UPDATE file_container SET put = ?, put_count = ? WHERE id = ?",
                (there.encode(), there.count, container.number),
            )


# -- rows


def bitmap(shape: Shape, octets: bytes) -> Bitmap:
    """Return a bitmap of a file's parts with one bit more, for the manifest; empty where there are no octets."""
    return Bitmap(shape.parts + 1, octets or None)


def fits(shape: Shape, octets: bytes) -> bool:
    """Return whether octets of others may be such a bitmap, or one of the parts alone."""
    return len(octets) <= shape.parts // 8 + 1 and not any(
        index in Bitmap(0, octets) for index in range(shape.parts + 1, len(octets) * 8)
    )


def _octets(shape: Shape, confirmed: Bitmap) -> int:
    return min(shape.size, (confirmed.count - (shape.parts in confirmed)) * shape.part_size)


def _union(one: bytes, other: bytes) -> bytes:
    size = max(len(one), len(other))
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(size, "little")


def _recipients(unit: UnitOfWork, peer: PeerId) -> list[_Recipient]:
    return [
        _Recipient(
            number=cast("int", number),
            file=cast("int", file),
            file_id=cast("bytes", file_id),
            shape=(shape := Shape(cast("int", size))),
            stored_as=cast("str", stored_as),
            confirmed=bitmap(shape, cast("bytes", confirmed)),
        )
        for number, file, file_id, size, stored_as, confirmed in unit.tx.query(
            _RECIPIENTS, (peer.octets, unit.now - OFFERED_FOR)
        )
    ]


_COLUMNS: Final = "id, file, parts, transport, key, offer, until, kept, put, tried"


def _containers(tx: ReadTransaction, peer: PeerId) -> list[Container]:
    found = tx.query(f"SELECT {_COLUMNS} FROM file_container WHERE account_key = ? ORDER BY id", (peer.octets,))  # noqa: S608  # our own text
    return [_read(row) for row in found]


def _container(tx: ReadTransaction, number: int) -> Container | None:
    found = tx.query(f"SELECT {_COLUMNS} FROM file_container WHERE id = ?", (number,))  # noqa: S608  # our own text
    return _read(found[0]) if found else None


def _read(row: Sequence[SqlValue]) -> Container:
    return Container(
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
