"""To whom files of ours are offered by relay: those whom the message did not reach directly, and those who ask.

What they have, and what they want, they say (`part_notices.ProgressNotice`). Nothing that they say has a part put twice
within an hour: who says that parts are not there, that they have lost some, or that they want the file and do not, in
turn, costs us one file in an hour at most.
"""

from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.core.delivery.progress import Step
from balchat_host.core.files import containers, sending
from balchat_host.core.files.part_bitmaps import bitmap, fits, union, without
from balchat_host.core.files.part_notices import ProgressNotice
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import Bitmap, Shape
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

OFFERED_FOR: Final = 30 * 24 * 3600 * 1000
"""Milliseconds that parts are kept at relays for somebody of whom nothing was heard since."""
REPUT_EVERY: Final = 3600 * 1000
"""Milliseconds in which a part is put once for a recipient, whatever they say.

So long, too, what lies at relays stays there for somebody who does not want it any more: they may want it again.
"""
_BEGUN_AT_ONCE: Final = 64
_HAS_CONTAINER: Final = (
    "EXISTS (SELECT 1 FROM file_container AS held WHERE held.file = file.id AND held.account_key = ?1)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A file of ours and somebody whom it is offered to by relay. Bitmaps have one bit more, for the manifest.

    `confirmed` are the parts that they have; `put_lately` those that were put for them and may not be again yet; `told`
    those of which they know where they lie, until `told_until`. `stopped`: they want no more of it now.
    """

    number: int
    file: int
    file_id: bytes
    shape: Shape
    stored_as: str
    confirmed: Bitmap
    stopped: bool
    put_lately: Bitmap
    told: bytes
    told_until: int


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
        f" LIMIT {_BEGUN_AT_ONCE}",
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
        "SELECT account_key FROM (SELECT DISTINCT peer FROM file_recipient) AS recipient"
        " JOIN peer ON peer.id = recipient.peer UNION SELECT account_key FROM file_container"
    )
    return [PeerId(cast("bytes", key)) for (key,) in found]


def forget_silent(unit: UnitOfWork, peer: PeerId) -> None:
    """Offer nothing any more to somebody of whom nothing was heard for long; they may ask all the same."""
    unit.tx.execute(
        "DELETE FROM file_recipient WHERE peer = (SELECT id FROM peer WHERE account_key = ?) AND heard_at <= ?",
        (peer.octets, unit.now - OFFERED_FOR),
    )


def with_containers(unit: UnitOfWork, peer: PeerId) -> list[Recipient]:
    """Return the files that somebody is offered and that have containers, in the order in which they were offered."""
    return _where(unit, _HAS_CONTAINER, peer)


def without_containers(unit: UnitOfWork, peer: PeerId, *, limit: int) -> list[Recipient]:
    """Return the next files that somebody is offered and that have no containers."""
    return _where(unit, f"NOT {_HAS_CONTAINER} AND recipient.stopped_at IS NULL", peer, limit=limit)


def note_put(unit: UnitOfWork, number: int, shape: Shape, index: int) -> None:
    """Note that a part was put for a recipient."""
    for octets, at in unit.tx.query("SELECT put_lately, put_at FROM file_recipient WHERE id = ?", (number,)):
        parts = bitmap(shape, _put_lately(unit, octets, at))
        parts.add(index)
        unit.tx.execute(
            "UPDATE file_recipient SET put_lately = ?, put_at = ? WHERE id = ?", (parts.encode(), unit.now, number)
        )


def on_progress(unit: UnitOfWork, contact: ContactRow, said: ProgressNotice) -> None:
    """Take note of which parts a contact has of a file that is offered to them, and whether they want more."""
    row = sending.offered(unit.tx, said.root, contact.peer)
    if row is None or not fits(row.shape, said.here) or _is_late(unit, row, contact, said):
        return
    _offer(unit, row.number, contact.id)
    ((confirmed, lost_at, told),) = unit.tx.query(
        "SELECT confirmed, lost_at, told FROM file_recipient WHERE file = ? AND peer = ?", (row.number, contact.id)
    )
    shape = row.shape
    known = union(bitmap(shape, b"").encode(), cast("bytes", confirmed))
    here = bitmap(shape, union(bitmap(shape, b"").encode(), said.here))
    if here.count:
        here.add(shape.parts)  # without the manifest it could have no part
    # Whoever has lost parts, with their disk or by a backup, gets them again. What comes late looks the same, so this
    # is believed once in a while only.
    missing = without(known, here.encode())
    if any(missing) and unit.now - cast("int", lost_at) >= REPUT_EVERY:
        lost_at = unit.now
    else:
        missing = bytes(len(missing))
        here = bitmap(shape, union(known, here.encode()))
    absent = [index for index in said.absent if index <= shape.parts]
    untold = bitmap(shape, missing)
    for index in absent:
        untold.add(index)
    if absent:
        for container in containers.of_file(unit.tx, row.number, contact.peer):
            containers.missed(unit, container, absent)
    unit.tx.execute(
        "UPDATE file_recipient SET confirmed = ?, confirmed_count = ?, lost_at = ?, told = ?,"
        " stopped_at = CASE WHEN ? THEN NULL ELSE coalesce(stopped_at, ?) END WHERE file = ? AND peer = ?",
        (
            here.encode(),
            here.count - (shape.parts in here),
            lost_at,
            without(cast("bytes", told), untold.encode()),
            said.wanted,
            unit.now,
            row.number,
            contact.id,
        ),
    )
    unit.effect(ANNOUNCE)


def _put_lately(unit: UnitOfWork, parts: SqlValue, at: SqlValue) -> bytes:
    """Return which parts were put and may not be again yet: none of them for an hour after the last of them was."""
    return cast("bytes", parts) if unit.now - cast("int", at) < REPUT_EVERY else b""


def _is_late(unit: UnitOfWork, row: FileRow, contact: ContactRow, said: ProgressNotice) -> bool:
    """Return whether a contact has got all of a file since: only who has nothing of it begins again."""
    begins = said.wanted and not any(said.here)
    return not begins and bool(
        unit.tx.query("SELECT 1 FROM file_receipt WHERE file = ? AND peer = ?", (row.number, contact.id))
    )


def _where(unit: UnitOfWork, condition: str, peer: PeerId, *, limit: int = -1) -> list[Recipient]:
    parameters: tuple[SqlValue, ...] = (peer.octets, unit.now - REPUT_EVERY, limit)
    found = unit.tx.query(
        "SELECT recipient.id, file.id, file.file_id, file.size, file.stored_as, recipient.confirmed,"  # noqa: S608  # our own text
        " recipient.stopped_at, recipient.put_lately, recipient.put_at, recipient.told, recipient.told_until"
        " FROM file_recipient AS recipient JOIN file ON file.id = recipient.file"
        " JOIN contact ON contact.peer = recipient.peer"
        " WHERE recipient.peer = (SELECT id FROM peer WHERE account_key = ?1) AND file.state = 'complete'"
        " AND (recipient.stopped_at IS NULL OR recipient.stopped_at > ?2) AND NOT contact.blocked"
        " AND EXISTS (SELECT 1 FROM attachment JOIN message ON message.seq = attachment.message"
        " JOIN member ON member.conversation = message.conversation"
        " WHERE attachment.file = file.id AND member.peer = recipient.peer AND removal IS NULL)"
        f" AND {condition} ORDER BY recipient.id LIMIT ?3",
        parameters,
    )
    return [
        Recipient(
            number=cast("int", row[0]),
            file=cast("int", row[1]),
            file_id=cast("bytes", row[2]),
            shape=(shape := Shape(cast("int", row[3]))),
            stored_as=cast("str", row[4]),
            confirmed=bitmap(shape, cast("bytes", row[5])),
            stopped=row[6] is not None,
            put_lately=bitmap(shape, _put_lately(unit, row[7], row[8])),
            told=cast("bytes", row[9]),
            told_until=cast("int", row[10]),
        )
        for row in found
    ]
