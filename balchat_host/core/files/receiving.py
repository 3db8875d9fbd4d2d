"""Files of others: offered in messages, wanted or not, fetched part by part.

Nothing comes before it is wanted. It is wanted when our owner says so, or by itself where the conversation allows that
up to a size; where it says nothing, pictures up to a size of the configuration, so many in an hour and in a day.
"""

from collections.abc import Sequence
from typing import Final, cast

from balchat_host.api.errors import BadInput, PartRefused
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import ConversationView, FileState, FileView
from balchat_host.core import contacts, conversations, rate_limits
from balchat_host.core.files import previews, receipts, rows, sources
from balchat_host.core.files.changes import changed
from balchat_host.core.files.names import harmless
from balchat_host.core.files.offer import FileOffer, offers
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import HASH_SIZE, MAX_SIZE
from balchat_host.core.messages.said import Said
from balchat_host.core.rate_limits import Counted
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork
from balchat_host.core.views import conversation_view

NO_ROOM: Final = "no-room"
LOST: Final = "lost"
NOT_OFFERED: Final = "not-offered"
_PICTURES_PER_HOUR: Final = 120
_PICTURES_PER_DAY: Final = 500


def receive(unit: UnitOfWork, message: int, said: Said, *, over: bool = False) -> None:
    """Note the files that a message of somebody else's offers; of one that is over already nothing is fetched."""
    for position, offer in enumerate(offers(said.mimi.part)):
        wanted = not over and _is_automatic(unit, said, offer)
        number = unit.insert(
            "INSERT INTO file (file_id, peer, name, content_type, size, root, key, header, stored_as, state, wanted_at,"
            " made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                unit.entropy(rows.ID_SIZE),
                said.author,
                harmless(offer.name),
                offer.content_type,
                offer.size,
                offer.root,
                offer.key,
                offer.header,
                unit.entropy(16).hex() if wanted else None,
                FileState.FETCHING if wanted else FileState.OFFERED,
                unit.now if wanted else None,
                unit.now,
            ),
        )
        previews.keep(unit, number, offer.preview, safe=False)
        unit.tx.execute(
            "INSERT INTO attachment (message, position, file) VALUES (?, ?, ?)", (message, position, number)
        )


def set_automatic(unit: UnitOfWork, which: str, up_to: int | None) -> ConversationView:
    """Set up to how many octets files are fetched by themselves. Raise NoSuchConversation, BadInput."""
    if up_to is not None and not 0 <= up_to <= MAX_SIZE:
        raise BadInput(what="The size", problem=f"it must be 0 to {MAX_SIZE} octets")
    conversation = conversations.find(unit.tx, which)
    before = conversation_view(unit.tx, conversation, now=unit.now)
    unit.tx.execute("UPDATE conversation SET fetch_up_to = ? WHERE id = ?", (up_to, conversation.id))
    return conversations.changed(unit, conversation, before)


# -- what our owner wants


def fetch(unit: UnitOfWork, which: str) -> FileView:
    """Want a file, or go on with one that was paused. Raise NoSuchFile, BadInput."""
    row = _theirs(unit.tx, which)
    if row.state in (FileState.FETCHING, FileState.COMPLETE):
        return rows.view(unit.tx, row)
    if row.peer is not None and (contact := contacts.by_number(unit.tx, row.peer)):
        contacts.require_unblocked(contact)
    unit.tx.execute(
        "UPDATE file SET state = ?, reason = NULL, wanted_at = ?, stored_as = coalesce(stored_as, ?) WHERE id = ?",
        (FileState.FETCHING, unit.now, unit.entropy(16).hex(), row.number),
    )
    receipts.take_back(unit, row)
    sources.wanted_again(unit, row)
    return changed(unit, row.number)


def pause(unit: UnitOfWork, which: str) -> FileView:
    """Stop fetching a file, and keep what is here of it. Raise NoSuchFile, BadInput."""
    row = _theirs(unit.tx, which)
    if row.state is FileState.PAUSED:
        return rows.view(unit.tx, row)
    if row.state is not FileState.FETCHING:
        raise BadInput(what=row.name, problem=f"it is not being fetched; it is {row.state}")
    unit.tx.execute("UPDATE file SET state = ? WHERE id = ?", (FileState.PAUSED, row.number))
    sources.not_wanted(unit, row)
    return changed(unit, row.number)


def remove(unit: UnitOfWork, which: str) -> FileView | None:
    """Delete what is here of a file; one of others may be fetched again. None where nothing is left of it.

    Raise NoSuchFile.
    """
    row = rows.find(unit.tx, which)
    if row.ours and row.message is None:
        unit.tx.execute("DELETE FROM file WHERE id = ?", (row.number,))
        unit.effect(ANNOUNCE)
        return None
    if row.state in (FileState.OFFERED, FileState.GONE):
        return rows.view(unit.tx, row)
    give_up(unit, row, FileState.GONE if row.ours else FileState.OFFERED, None)
    return rows.view(unit.tx, rows.find(unit.tx, which))


def give_up(unit: UnitOfWork, row: FileRow, state: FileState, reason: str | None) -> None:
    """Delete what is here of a file, which is in a state from now on."""
    if not row.ours and row.state is FileState.FETCHING:
        sources.not_wanted(unit, row)
    unit.tx.execute("DELETE FROM manifest WHERE file = ?", (row.number,))
    unit.tx.execute(
        "UPDATE file SET state = ?, reason = ?, stored_as = NULL, parts = x'', wanted_at = NULL WHERE id = ?",
        (state, reason, row.number),
    )
    changed(unit, row.number)


# -- what comes


def wanted_from(tx: ReadTransaction) -> list[PeerId]:
    """Return of whom something is to be fetched."""
    found = tx.query(
        "SELECT account_key FROM (SELECT DISTINCT peer FROM file WHERE state = 'fetching') AS file"
        " JOIN peer ON peer.id = file.peer JOIN contact ON contact.peer = file.peer WHERE NOT blocked"
    )
    return [PeerId(cast("bytes", key)) for (key,) in found]


def wanted(tx: ReadTransaction, peer: PeerId, limit: int) -> list[tuple[FileRow, bool]]:
    """Return what is to be fetched from a contact, the oldest wish first, and whether its manifest is here."""
    found = rows.where(
        tx,
        "file.state = 'fetching' AND file.peer = (SELECT id FROM peer WHERE account_key = ?)"
        " AND EXISTS (SELECT 1 FROM attachment JOIN message ON seq = attachment.message"
        " WHERE attachment.file = file.id AND removal IS NULL) AND NOT contact.blocked"
        " ORDER BY file.wanted_at, file.id LIMIT ?",
        peer.octets,
        limit,
    )
    return [(row, bool(tx.query("SELECT 1 FROM manifest WHERE file = ?", (row.number,)))) for row in found]


def is_wanted(tx: ReadTransaction, number: int) -> FileRow | None:
    """Return the file with a number, where it is wanted."""
    row = rows.by_number(tx, number)
    return row if row is not None and row.state is FileState.FETCHING else None


def missing(tx: ReadTransaction, number: int) -> Sequence[range]:
    """Return which parts of a wanted file are not here."""
    row = is_wanted(tx, number)
    return [] if row is None else list(row.bitmap.missing())


def store_manifest(unit: UnitOfWork, number: int, manifest: bytes) -> None:
    """Keep the manifest of a wanted file. Raise PartRefused where it is another's."""
    row = is_wanted(unit.tx, number)
    if row is None or row.root is None:
        return
    row.shape.check_manifest(row.root, manifest)
    unit.tx.execute("INSERT INTO manifest (file, octets) VALUES (?, ?) ON CONFLICT DO NOTHING", (number, manifest))


def expected(tx: ReadTransaction, number: int, index: int) -> tuple[FileRow, bytes] | None:
    """Return a wanted file and the hash of one of its parts; None where the file is not wanted, or the part is here.

    Raise PartRefused where there is no part with that number, or the manifest is not here.
    """
    row = is_wanted(tx, number)
    if row is None:
        return None
    row.shape.length(index)
    found = tx.query(
        "SELECT substr(octets, ?, ?) FROM manifest WHERE file = ?", (1 + HASH_SIZE * index, HASH_SIZE, number)
    )
    if not found:
        raise PartRefused(problem="its manifest has not come")
    return None if index in row.bitmap else (row, cast("bytes", found[0][0]))


def stored(unit: UnitOfWork, number: int, index: int, stored_as: str) -> FileRow | None:
    """Note that a part is durable in the folder; return the file, or None where it was removed from there meanwhile.

    It may have been paused meanwhile: what is here of it stays. With the last part it is complete, and whoever offered
    it is to be told.
    """
    row = rows.by_number(unit.tx, number)
    if row is None or row.stored_as != stored_as:
        return None
    if row.state is FileState.COMPLETE:
        return row
    bitmap = row.bitmap
    bitmap.add(index)
    if bitmap.count < row.shape.parts:
        unit.tx.execute("UPDATE file SET parts = ? WHERE id = ?", (bitmap.encode(), number))
    else:
        unit.tx.execute(
            "UPDATE file SET parts = x'', state = ?, reason = NULL, wanted_at = NULL WHERE id = ?",
            (FileState.COMPLETE, number),
        )
        changed(unit, number)
        receipts.note(unit, row)
    return rows.by_number(unit.tx, number)


def lost_parts(unit: UnitOfWork, number: int, indexes: Sequence[int]) -> None:
    """Note that parts of a wanted file do not lie in the folder after all."""
    row = is_wanted(unit.tx, number)
    if row is not None:
        bitmap = row.bitmap
        for index in indexes:
            bitmap.remove(index)
        unit.tx.execute("UPDATE file SET parts = ? WHERE id = ?", (bitmap.encode(), number))
        unit.effect(ANNOUNCE)


def _is_automatic(unit: UnitOfWork, said: Said, offer: FileOffer) -> bool:
    """Return whether a file is fetched although nobody asked for it: of a contact who was accepted, and not blocked."""
    contact = conversations.contact_of(unit.tx, said.conversation)
    if contact is None or not contact.may_talk or contact.blocked:
        return False
    ((chosen,),) = unit.tx.query("SELECT fetch_up_to FROM conversation WHERE id = ?", (said.conversation.id,))
    if chosen is not None:
        return offer.size <= cast("int", chosen) > 0
    return (
        offer.content_type.lower().startswith("image/")
        and offer.size <= unit.policy.fetch_pictures_up_to > 0
        and rate_limits.may(unit, contact.peer, Counted.PICTURES_OF_A_DAY, per_day=_PICTURES_PER_DAY)
        and rate_limits.may(unit, contact.peer, Counted.PICTURES_FETCHED, per_hour=_PICTURES_PER_HOUR)
    )


def _theirs(tx: ReadTransaction, which: str) -> FileRow:
    row = rows.find(tx, which)
    if row.ours:
        raise BadInput(what=row.name, problem="it is yours; only who receives it fetches it")
    return row
