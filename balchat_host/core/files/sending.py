"""Files of ours: written by a front end, sealed, attached to messages, and offered to those who are in on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend.limits import MAX_FILES
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import FileState, FileView
from balchat_host.core.content.parts import MultiPart, NestedPart, Semantics, SinglePart
from balchat_host.core.files import previews, rows
from balchat_host.core.files.changes import changed
from balchat_host.core.files.names import harmless
from balchat_host.core.files.offer import FileOffer
from balchat_host.core.files.preview import Preview
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import MAX_SIZE, Shape
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

UNSENT_KEPT: Final = 24 * 3600 * 1000
"""Milliseconds that a file is kept that is in no message."""
_MAX_CONTENT_TYPE: Final = 255


def begin(unit: UnitOfWork, *, name: str, size: int, content_type: str) -> FileRow:
    """Make the row of a file that a front end is going to write. Raise BadInput."""
    if not 0 <= size <= MAX_SIZE:
        raise BadInput(what=harmless(name), problem=f"a file has at most {MAX_SIZE // 2**30} GiB")
    if not 0 < len(content_type) <= _MAX_CONTENT_TYPE or not content_type.isprintable():
        raise BadInput(what="The content type", problem=f"it has 1 to {_MAX_CONTENT_TYPE} characters, as in text/plain")
    number = unit.insert(
        "INSERT INTO file (file_id, name, content_type, size, stored_as, state, made_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            unit.entropy(rows.ID_SIZE),
            harmless(name),
            content_type,
            size,
            unit.entropy(16).hex(),
            FileState.WRITING,
            unit.now,
        ),
    )
    row = rows.by_number(unit.tx, number)
    assert row is not None, "it was just made"
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file of ours that is wholly written and sealed: as its front end wrote it, or what was made of that.

    `size`, `stored_as` and `content_type` are of what is sealed.
    """

    size: int
    stored_as: str
    content_type: str
    key: bytes
    header: bytes
    manifest: bytes
    preview: Preview | None = None
    metadata_removed: Sequence[str] = ()
    may_hold_metadata: bool = False

    def __repr__(self) -> str:
        return "Written(…)"


def name_in_folder(unit: UnitOfWork) -> str:
    """Return what something else that is sealed may be called in the folder of files."""
    return unit.entropy(16).hex()


def sealed(unit: UnitOfWork, number: int, written: Written) -> FileView | None:
    """Note that all of a file is written and sealed; None where it was removed meanwhile."""
    row = rows.by_number(unit.tx, number)
    if row is None or row.state is not FileState.WRITING:
        return None
    unit.tx.execute(
        "UPDATE file SET size = ?, stored_as = ?, content_type = ?, root = ?, key = ?, header = ?, state = ?,"
        " metadata_removed = ?, may_hold_metadata = ? WHERE id = ?",
        (
            written.size,
            written.stored_as,
            written.content_type,
            Shape(written.size).root(written.manifest),
            written.key,
            written.header,
            FileState.COMPLETE,
            ",".join(written.metadata_removed),
            written.may_hold_metadata,
            number,
        ),
    )
    unit.tx.execute("INSERT INTO manifest (file, octets) VALUES (?, ?)", (number, written.manifest))
    previews.keep(unit, number, written.preview, safe=True)
    return changed(unit, number)


def take(tx: ReadTransaction, files: Sequence[str]) -> list[FileRow]:
    """Return the files that a message is to have. Raise NoSuchFile, BadInput."""
    if len(files) > MAX_FILES:
        raise BadInput(what="The message", problem=f"it has at most {MAX_FILES} files; send more of them with the next")
    found = [rows.find(tx, each) for each in files]
    for row in found:
        if not row.ours or row.state is not FileState.COMPLETE:
            raise BadInput(what=row.name, problem="it is not a file of yours that is wholly written")
    return found


def part(tx: ReadTransaction, text: SinglePart | None, files: Sequence[FileRow]) -> NestedPart:
    """Return text and files as a part of a message; there is one of them at least."""
    offered = [_offer(tx, row).part() for row in files]
    parts: list[NestedPart] = [text, *offered] if text is not None else [*offered]
    return parts[0] if len(parts) == 1 else MultiPart(semantics=Semantics.PROCESS_ALL, parts=tuple(parts))


def attach(unit: UnitOfWork, message: int, files: Sequence[FileRow]) -> None:
    """Note which files a message of ours has."""
    for position, row in enumerate(files):
        unit.tx.execute(
            "INSERT INTO attachment (message, position, file) VALUES (?, ?, ?)", (message, position, row.number)
        )


def offered(tx: ReadTransaction, root: bytes, peer: PeerId) -> FileRow | None:
    """Return the file of ours that is offered to a contact under a root, and all here; None where there is none."""
    found = tx.query(
        "SELECT file.id FROM file JOIN attachment ON attachment.file = file.id"
        " JOIN message ON message.seq = attachment.message JOIN member ON member.conversation = message.conversation"
        " JOIN peer ON peer.id = member.peer JOIN contact ON contact.peer = peer.id"
        " WHERE file.root = ? AND file.peer IS NULL AND file.state = ? AND account_key = ?"
        " AND removal IS NULL AND NOT blocked LIMIT 1",
        (root, FileState.COMPLETE, peer.octets),
    )
    return rows.by_number(tx, cast("int", found[0][0])) if found else None


def manifest(tx: ReadTransaction, root: bytes, peer: PeerId) -> bytes | None:
    """Return the manifest of a file that is offered to a contact under a root; None where there is none."""
    row = offered(tx, root, peer)
    return None if row is None else manifest_of(tx, row.number)


def manifest_of(tx: ReadTransaction, number: int) -> bytes | None:
    """Return the manifest of the file with a number."""
    found = tx.query("SELECT octets FROM manifest WHERE file = ?", (number,))
    return cast("bytes", found[0][0]) if found else None


def drop(unit: UnitOfWork, number: int) -> None:
    """Forget a file that is not wholly written."""
    if unit.tx.execute("DELETE FROM file WHERE id = ? AND state = ?", (number, FileState.WRITING)):
        unit.effect(ANNOUNCE)


def _offer(tx: ReadTransaction, row: FileRow) -> FileOffer:
    assert row.root is not None, "it is sealed"
    assert row.key is not None, "it is sealed"
    assert row.header is not None, "it is sealed"
    return FileOffer(
        name=row.name,
        content_type=row.content_type,
        size=row.size,
        root=row.root,
        key=row.key,
        header=row.header,
        preview=previews.of(tx, row),
    )
