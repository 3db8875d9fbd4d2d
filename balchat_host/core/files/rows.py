"""Files in the vault: found by id, and shown to front ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.errors import NoSuchFile
from balchat_host.api.storage import ReadTransaction, SqlValue
from balchat_host.api.views import FileState, FileView, VoiceView
from balchat_host.core.files.preview import Voice
from balchat_host.core.files.shape import Bitmap, Shape
from balchat_host.core.rows import SHOWN

ID_SIZE: Final = 16
_SHORTEST_ID: Final = 6
_ID_DIGITS: Final = ID_SIZE * 2
_SHOWN_ATTACHMENT: Final = (
    f"FROM attachment JOIN message ON message.seq = attachment.message WHERE attachment.file = file.id AND {SHOWN}"
)
_COLUMNS: Final = (
    "file.id, file.file_id, file.peer, contact.name, file.name, file.content_type, file.size, file.root, file.key,"  # noqa: S608  # our own text
    " file.header, file.stored_as, file.state, file.reason, file.parts,"
    f" (SELECT max(seq) {_SHOWN_ATTACHMENT}),"
    " (SELECT count(*) FROM file_receipt WHERE file_receipt.file = file.id),"
    " (SELECT max(confirmed_count) FROM file_recipient WHERE file_recipient.file = file.id),"
    " (SELECT max(put_count) FROM file_container WHERE file_container.file = file.id),"
    " CASE WHEN file.peer IS NULL THEN (SELECT count(DISTINCT member.peer) FROM attachment"
    " JOIN message ON message.seq = attachment.message JOIN member ON member.conversation = message.conversation"
    " WHERE attachment.file = file.id AND member.peer <> (SELECT peer FROM account)) ELSE 0 END,"
    " file.width, file.height, file.duration, file.levels, file.metadata_removed, file.may_hold_metadata,"
    " EXISTS (SELECT 1 FROM file_preview WHERE file_preview.file = file.id)"
)
_TABLES: Final = "file LEFT JOIN contact ON contact.peer = file.peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row of `file` with what belongs to it. `message` is the newest that has it, by its place in the order."""

    number: int
    file_id: bytes
    peer: int | None
    author: str | None
    name: str
    content_type: str
    size: int
    root: bytes | None
    key: bytes | None
    header: bytes | None
    stored_as: str | None
    state: FileState
    reason: str | None
    parts: bytes
    message: int | None
    received_by: int
    confirmed_parts: int
    put_parts: int
    recipients: int
    width: int | None
    height: int | None
    voice: Voice | None
    metadata_removed: tuple[str, ...]
    may_hold_metadata: bool
    has_preview: bool

    def __repr__(self) -> str:
        return f"FileRow({self.number})"

    @property
    def ours(self) -> bool:
        """Whether we offer it."""
        return self.peer is None

    @property
    def shape(self) -> Shape:
        """How it is cut."""
        return Shape(self.size)

    @property
    def bitmap(self) -> Bitmap:
        """Which parts are here, while not all of them are."""
        return Bitmap(self.shape.parts, self.parts or None)

    @property
    def there(self) -> int:
        """How many octets of ours somebody who has not got all of it has confirmed; all where everybody has."""
        if self.recipients and self.received_by >= self.recipients:
            return self.size
        return min(self.size, self.confirmed_parts * self.shape.part_size)

    @property
    def at_relays(self) -> int:
        """How many octets of ours lie at relays for somebody now, where most does."""
        return min(self.size, self.put_parts * self.shape.part_size)

    @property
    def here(self) -> int:
        """How many octets of it are here, as people count them."""
        if self.state is FileState.COMPLETE:
            return self.size
        return min(self.size, self.bitmap.count * self.shape.part_size)


def where(tx: ReadTransaction, condition: str, *parameters: SqlValue) -> list[FileRow]:
    """Return the files that meet an SQL condition of ours."""
    found = tx.query(f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [
        FileRow(
            number=cast("int", row[0]),
            file_id=cast("bytes", row[1]),
            peer=cast("int | None", row[2]),
            author=cast("str | None", row[3]),
            name=cast("str", row[4]),
            content_type=cast("str", row[5]),
            size=cast("int", row[6]),
            root=cast("bytes | None", row[7]),
            key=cast("bytes | None", row[8]),
            header=cast("bytes | None", row[9]),
            stored_as=cast("str | None", row[10]),
            state=FileState(cast("str", row[11])),
            reason=cast("str | None", row[12]),
            parts=cast("bytes", row[13]),
            message=cast("int | None", row[14]),
            received_by=cast("int", row[15]),
            confirmed_parts=cast("int | None", row[16]) or 0,
            put_parts=cast("int | None", row[17]) or 0,
            recipients=cast("int", row[18]),
            width=cast("int | None", row[19]),
            height=cast("int | None", row[20]),
            voice=(
                None if row[21] is None else Voice(duration=cast("int", row[21]), levels=cast("bytes", row[22] or b""))
            ),
            metadata_removed=tuple(filter(None, cast("str", row[23]).split(","))),
            may_hold_metadata=bool(row[24]),
            has_preview=bool(row[25]),
        )
        for row in found
    ]


def by_number(tx: ReadTransaction, number: int) -> FileRow | None:
    """Return the file with a number, if it is there."""
    found = where(tx, "file.id = ?", number)
    return found[0] if found else None


def find(tx: ReadTransaction, which: str) -> FileRow:
    """Return the file that an id, or the beginning of one that is unique, means. Raise NoSuchFile."""
    digits = which.strip().lower()
    padded = digits.ljust(_ID_DIGITS, "0"), digits.ljust(_ID_DIGITS, "f")
    try:
        lowest, highest = (bytes.fromhex(each) for each in padded)
    except ValueError:
        raise NoSuchFile(name=which) from None
    if not _SHORTEST_ID <= len(digits) <= _ID_DIGITS:
        raise NoSuchFile(name=which)
    found = [row for row in where(tx, "file.file_id BETWEEN ? AND ? LIMIT 2", lowest, highest) if _is_shown(tx, row)]
    if len(found) != 1:
        raise NoSuchFile(name=which)
    return found[0]


def views(tx: ReadTransaction, found: Sequence[FileRow]) -> list[FileView]:
    """Show files."""
    messages = _messages(tx, [row.message for row in found if row.message is not None])
    return [_view(row, messages.get(row.message)) for row in found]


def view(tx: ReadTransaction, row: FileRow) -> FileView:
    """Show a file."""
    return views(tx, [row])[0]


def of_messages(tx: ReadTransaction, seqs: Sequence[int]) -> dict[int, tuple[FileView, ...]]:
    """Return the files of messages, by the place of each in the order."""
    attached = tx.query(
        "SELECT message, file FROM attachment"  # noqa: S608  # numbers
        f" WHERE message IN ({','.join(map(str, seqs))}) ORDER BY message, position"
    )
    if not attached:
        return {}
    numbers = sorted({cast("int", file) for _, file in attached})
    rows = where(tx, f"file.id IN ({','.join(map(str, numbers))})")
    shown = dict(zip((row.number for row in rows), views(tx, rows), strict=True))
    found: dict[int, tuple[FileView, ...]] = {}
    for message, file in attached:
        key = cast("int", message)
        found[key] = (*found.get(key, ()), shown[cast("int", file)])
    return found


def _is_shown(tx: ReadTransaction, row: FileRow) -> bool:
    """Return whether a file is in a message that is shown, or in none yet."""
    return row.message is not None or not tx.query("SELECT 1 FROM attachment WHERE file = ?", (row.number,))


def _messages(tx: ReadTransaction, seqs: Sequence[int]) -> dict[int | None, tuple[str, str]]:
    found = tx.query(
        "SELECT seq, message.id, conversation_id FROM message"  # noqa: S608  # numbers
        " JOIN conversation ON conversation.id = message.conversation"
        f" WHERE seq IN ({','.join(map(str, seqs))})"
    )
    return {
        cast("int", seq): (cast("bytes", message).hex(), cast("bytes", conversation).hex())
        for seq, message, conversation in found
    }


def _view(row: FileRow, of: tuple[str, str] | None) -> FileView:
    message, conversation = of or (None, None)
    return FileView(
        id=row.file_id.hex(),
        message=message,
        conversation=conversation,
        author=row.author,
        ours=row.ours,
        name=row.name,
        content_type=row.content_type,
        size=row.size,
        state=row.state,
        here=row.here,
        received_by=row.received_by,
        there=row.there if row.ours else 0,
        at_relays=row.at_relays,
        recipients=row.recipients,
        reason=row.reason,
        preview=row.has_preview,
        width=row.width,
        height=row.height,
        voice=None if row.voice is None else VoiceView(duration=row.voice.duration, levels=tuple(row.voice.levels)),
        metadata_removed=row.metadata_removed,
        may_hold_metadata=row.may_hold_metadata,
    )
