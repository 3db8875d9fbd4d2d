"""Files of others at relays: where parts of them lie, and what their authors are told of how far we are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import FileState
from balchat_host.core import contacts, content
from balchat_host.core.delivery import queue
from balchat_host.core.files import rows
from balchat_host.core.files.part_bitmaps import bitmap, fits
from balchat_host.core.files.part_notices import MAX_ABSENT, FileParts, ProgressNotice
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import Bitmap, Shape
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

ASKED_EVERY: Final = 24 * 3600 * 1000
"""Milliseconds in which somebody is asked once to leave parts of a file at relays."""
_MOST_OF_A_ROOT: Final = 4
"""Files with one root, the newest, of which a notice speaks: each costs rows, and thousands may have been offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where parts of a file lie. `put` has one bit more, for the manifest; `until` is in Unix milliseconds."""

    number: int
    transport: str
    offer: bytes
    until: int
    put: Bitmap


def on_parts(unit: UnitOfWork, contact: ContactRow, said: FileParts) -> None:
    """Take note of where a contact has put parts of a file that they offer."""
    found = unit.tx.query(
        "SELECT id, size, state FROM file WHERE peer = ? AND root = ? ORDER BY id DESC LIMIT ?",
        (contact.id, said.root, _MOST_OF_A_ROOT),
    )
    for number, size, state in found:
        shape = Shape(cast("int", size))
        if state == FileState.COMPLETE or not all(fits(shape, each.put) for each in said.containers):
            continue
        unit.tx.execute("DELETE FROM file_source WHERE file = ?", (number,))
        for each in said.containers:
            unit.tx.execute(
                "INSERT INTO file_source (file, transport, offer, until, put) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (number, each.transport, each.offer, each.until, each.put),
            )
        unit.effect(ANNOUNCE)


def sources(tx: ReadTransaction, number: int, *, now: int) -> list[Source]:
    """Return where parts of a wanted file lie, as its author says."""
    row = rows.by_number(tx, number)
    if row is None or row.state is not FileState.FETCHING:
        return []
    return [
        Source(
            number=cast("int", source),
            transport=cast("str", transport),
            offer=cast("bytes", offer),
            until=cast("int", until),
            put=bitmap(row.shape, cast("bytes", put)),
        )
        for source, transport, offer, until, put in tx.query(
            "SELECT id, transport, offer, until, put FROM file_source WHERE file = ? AND until > ? ORDER BY id",
            (number, now),
        )
    ]


def tell_progress(unit: UnitOfWork, number: int, *, absent: Sequence[int] = ()) -> None:
    """Tell its author how far a wanted file is, where parts of it lie at relays and they do not know."""
    row = rows.by_number(unit.tx, number)
    if row is None or row.state is not FileState.FETCHING:
        return
    ((told,),) = unit.tx.query("SELECT told_parts FROM file WHERE id = ?", (number,))
    if absent or row.bitmap.count != (told or 0):
        _say(unit, row, absent=absent, wanted=True)


def ask(unit: UnitOfWork, number: int) -> None:
    """Ask the author of a wanted file, who cannot be reached, to leave parts of it at relays; once in a while."""
    row = rows.by_number(unit.tx, number)
    if row is None or row.state is not FileState.FETCHING:
        return
    ((asked_at,),) = unit.tx.query("SELECT asked_at FROM file WHERE id = ?", (number,))
    if unit.now - cast("int", asked_at) >= ASKED_EVERY:
        unit.tx.execute("UPDATE file SET asked_at = ? WHERE id = ?", (unit.now, number))
        _say(unit, row, wanted=True)


def wanted_again(unit: UnitOfWork, row: FileRow) -> None:
    """Tell the author of a file that we go on with it, where they were told that we do not."""
    if unit.tx.query("SELECT 1 FROM file WHERE id = ? AND told_parts IS NULL AND asked_at > 0", (row.number,)):
        _say(unit, row, wanted=True)


def not_wanted(unit: UnitOfWork, row: FileRow) -> None:
    """Tell the author of a file that no more of it is wanted now, where some lies at relays or was asked for."""
    if unit.tx.query(
        "SELECT 1 FROM file WHERE id = ? AND (asked_at > 0 OR EXISTS (SELECT 1 FROM file_source WHERE file = file.id))",
        (row.number,),
    ):
        _say(unit, row, wanted=False)
        unit.tx.execute("UPDATE file SET told_parts = NULL, asked_at = max(asked_at, 1) WHERE id = ?", (row.number,))


def _say(unit: UnitOfWork, row: FileRow, *, wanted: bool, absent: Sequence[int] = ()) -> None:
    contact = None if row.peer is None else contacts.by_number(unit.tx, row.peer)
    if contact is None or not contact.may_talk or contact.blocked or row.root is None:
        return
    body = ProgressNotice(
        root=row.root, here=row.bitmap.encode(), absent=tuple(sorted(absent)[:MAX_ABSENT]), wanted=wanted
    )
    queue.queue_control(unit, contact, content.FILE_PROGRESS, body.encode())
    unit.tx.execute("UPDATE file SET told_parts = ? WHERE id = ?", (row.bitmap.count, row.number))
