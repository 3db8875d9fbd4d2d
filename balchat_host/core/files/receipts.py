"""Whoever offers a file is told when all of it has come.

Of many files that come one after the other they are told in few notices: what is to be told is kept until somebody asks
for it to be said (`tell`).
"""

from collections.abc import Sequence
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.api.storage import ReadTransaction
from balchat_host.core import contacts, content
from balchat_host.core.delivery import queue
from balchat_host.core.files import sending
from balchat_host.core.files.changes import changed
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import ROOT_SIZE
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

MAX_TOLD: Final = 32
"""How many roots stand in one `files-received`."""
_TOLD_AT_ONCE: Final = 32 * MAX_TOLD


# -- of others' files


def note(unit: UnitOfWork, row: FileRow) -> None:
    """Note that all of a file of somebody else's has come, which they are to be told."""
    if row.peer is not None and (contact := _who_is_told(unit.tx, row.peer)) is not None:
        unit.tx.execute("INSERT INTO untold_receipt (peer, root) VALUES (?, ?)", (contact.id, row.root))


def take_back(unit: UnitOfWork, row: FileRow) -> None:
    """Forget that somebody is to be told that a file of theirs has come: it is fetched again."""
    unit.tx.execute("DELETE FROM untold_receipt WHERE peer = ? AND root = ?", (row.peer, row.root))


def is_to_be_told(tx: ReadTransaction) -> bool:
    """Return whether somebody is to be told of something."""
    return bool(tx.query("SELECT 1 FROM untold_receipt LIMIT 1"))


def tell(unit: UnitOfWork) -> None:
    """Tell everybody of the files of theirs that have come, in as few notices as may be."""
    roots: dict[int, list[bytes]] = {}
    untold = unit.tx.query("SELECT id, peer, root FROM untold_receipt ORDER BY id LIMIT ?", (_TOLD_AT_ONCE,))
    for number, peer, root in untold:
        roots.setdefault(cast("int", peer), []).append(cast("bytes", root))
        unit.tx.execute("DELETE FROM untold_receipt WHERE id = ?", (number,))
    for peer, theirs in roots.items():
        contact = _who_is_told(unit.tx, peer)
        if contact is not None:
            for first in range(0, len(theirs), MAX_TOLD):
                body = cbor.encode(theirs[first : first + MAX_TOLD])
                queue.queue_control(unit, contact, content.FILES_RECEIVED, body)


def _who_is_told(tx: ReadTransaction, peer: int) -> ContactRow | None:
    contact = contacts.by_number(tx, peer)
    return contact if contact is not None and contact.may_talk and not contact.blocked else None


# -- of ours


def decode(body: bytes) -> list[bytes]:
    """Read which files somebody says to have. Raise MalformedContent."""
    try:
        roots = cbor.decode(body, max_items=MAX_TOLD + 1, max_depth=1)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    if not (isinstance(roots, list) and roots and all(_is_root(each) for each in cast("list[object]", roots))):
        raise MalformedContent(problem="what it says of files has the wrong shape")
    return cast("list[bytes]", roots)


def received(unit: UnitOfWork, contact: ContactRow, roots: Sequence[bytes]) -> None:
    """Note that a contact has all of some files of ours. What they say of other files means nothing."""
    for root in roots:
        row = sending.offered(unit.tx, root, contact.peer)
        if row is None:
            continue
        # Nothing more is left at relays for them, and what lies there is deleted.
        ended = unit.tx.execute("DELETE FROM file_recipient WHERE file = ? AND peer = ?", (row.number, contact.id))
        if unit.tx.execute(
            "INSERT INTO file_receipt (file, peer, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (row.number, contact.id, unit.now),
        ):
            changed(unit, row.number)
        elif ended:
            unit.effect(ANNOUNCE)


def _is_root(item: object) -> bool:
    return isinstance(item, bytes) and len(item) == ROOT_SIZE
