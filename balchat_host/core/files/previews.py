"""The previews of files, in the vault."""

from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core.files.preview import Preview, SmallPicture, Voice
from balchat_host.core.files.rows import FileRow
from balchat_host.core.unit_of_work import UnitOfWork


def keep(unit: UnitOfWork, number: int, preview: Preview | None, *, safe: bool) -> None:
    """Keep what a message says of a file. `safe`: whether it was made here."""
    match preview:
        case SmallPicture():
            unit.tx.execute(
                "UPDATE file SET width = ?, height = ? WHERE id = ?", (preview.width, preview.height, number)
            )
            unit.tx.execute(
                "INSERT INTO file_preview (file, octets, safe) VALUES (?, ?, ?)", (number, preview.octets, safe)
            )
        case Voice():
            unit.tx.execute(
                "UPDATE file SET duration = ?, levels = ? WHERE id = ?", (preview.duration, preview.levels, number)
            )
        case None:
            pass


def of(tx: ReadTransaction, row: FileRow) -> Preview | None:
    """Return what a message of ours says of a file."""
    if row.voice is not None:
        return row.voice
    found = picture(tx, row.number)
    return None if found is None else SmallPicture(octets=found[0], width=row.width, height=row.height)


def picture(tx: ReadTransaction, number: int) -> tuple[bytes, bool] | None:
    """Return the small picture of a file, and whether it was made here; None where there is none."""
    found = tx.query("SELECT octets, safe FROM file_preview WHERE file = ?", (number,))
    return (cast("bytes", found[0][0]), bool(found[0][1])) if found else None


def made_again(unit: UnitOfWork, number: int, octets: bytes) -> None:
    """Keep a small picture as it was made again here."""
    unit.tx.execute("UPDATE file_preview SET octets = ?, safe = 1 WHERE file = ?", (octets, number))


def forget(unit: UnitOfWork, number: int) -> None:
    """Forget a small picture that cannot be read."""
    unit.tx.execute("DELETE FROM file_preview WHERE file = ?", (number,))
