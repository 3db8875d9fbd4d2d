"""The MLS groups of two that carry a conversation.

Almost always there is one. Two arise when both sides add each other at the same time, or when one side lost or removed
the other and asks again. Three rules make that harmless, whatever is lost or late:

1. We receive in every group that we have with a contact.
2. We send in the group of the highest rank among those in which we have heard from the contact, and, as long
   as we have heard in none, in the one of the highest rank. Having heard in a group proves that they hold it.
3. A newer group ranks higher, but of two that crossed, the one that the lower peer id made does, on both sides.
"""

import hashlib
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.core import rows
from balchat_host.core.unit_of_work import UnitOfWork

_SERIES_SIZE: Final = 8
_MAX_OTHERS: Final = 4
"""How many groups of a contact are kept besides the newest."""


def sending_group(tx: ReadTransaction, contact: rows.ContactRow) -> bytes | None:
    """Give the group that we send in (rule 2), or None where there is none yet."""
    found = tx.query(
        "SELECT group_id FROM contact_group WHERE contact = ? ORDER BY heard DESC, rank DESC LIMIT 1",
        (contact.id,),
    )
    return cast("bytes", found[0][0]) if found else None


def series(group_id: bytes | None) -> bytes:
    """Name the series in which our messages are numbered while we send in a group; with a new one, one begins."""
    return b"" if group_id is None else hashlib.sha256(b"balchat-series-v1\0" + group_id).digest()[:_SERIES_SIZE]


def encrypt(unit: UnitOfWork, contact: rows.ContactRow, group_id: bytes | None, content: bytes) -> bytes | None:
    """Encrypt in the group that we send in, or give None where we cannot yet: no group, or not approved."""
    if group_id is None or not contact.may_talk:
        return None
    return unit.engine.encrypt(unit.keys, group_id, content)


def waits_for_answer(tx: ReadTransaction, contact: rows.ContactRow) -> bool:
    """Say whether the newest group with a contact is one in which nothing was heard yet."""
    newest = tx.query("SELECT heard FROM contact_group WHERE contact = ? ORDER BY rank DESC LIMIT 1", (contact.id,))
    return newest == [(0,)]


def remember(unit: UnitOfWork, contact: rows.ContactRow, group_id: bytes, *, below_newest: bool = False) -> None:
    """Take a group into use for a contact, ranked above the others, or above all but the newest of them (rule 3).

    Of too many others, those go that we would be the last to send in.
    """
    rank = rows.number(unit.tx, "SELECT max(rank) + 1 FROM contact_group WHERE contact = ?", (contact.id,))
    if below_newest:
        unit.tx.execute(
            "UPDATE contact_group SET rank = ? WHERE contact = ? AND rank = ? - 1", (rank, contact.id, rank)
        )
        rank -= 1
    unit.tx.execute(
        "INSERT INTO contact_group (group_id, contact, rank, created_at) VALUES (?, ?, ?, ?)",
        (group_id, contact.id, rank, unit.now),
    )
    others = unit.tx.query(
        "SELECT group_id FROM contact_group WHERE contact = ? AND group_id <> ?"
        " ORDER BY heard DESC, rank DESC LIMIT -1 OFFSET ?",
        (contact.id, group_id, _MAX_OTHERS),
    )
    for (other,) in others:
        forget(unit, cast("bytes", other))


def mark_heard(unit: UnitOfWork, group_id: bytes) -> None:
    """Note that the contact holds this group."""
    unit.tx.execute("UPDATE contact_group SET heard = 1 WHERE group_id = ?", (group_id,))


def find(tx: ReadTransaction, group_id: bytes) -> tuple[rows.ContactRow, bool] | None:
    """Give the contact whose conversation a group carries, and whether we have heard in it before."""
    found = tx.query(
        f"SELECT {rows.CONTACT_COLUMNS}, heard"  # noqa: S608  # our own text
        " FROM contact_group JOIN contact ON contact.id = contact_group.contact WHERE group_id = ?",
        (group_id,),
    )
    return (rows.contact(found[0]), bool(found[0][-1])) if found else None


def forget_all(unit: UnitOfWork, contact: rows.ContactRow) -> None:
    """Delete all groups with a contact, keys and all."""
    for (group_id,) in unit.tx.query("SELECT group_id FROM contact_group WHERE contact = ?", (contact.id,)):
        forget(unit, cast("bytes", group_id))


def prune(unit: UnitOfWork, *, older_than: int) -> None:
    """Delete the groups that lost: those made before `older_than` that we do not send in while another was heard in.

    The newest stays, however long nothing is heard in it: who asked with it may hold no other.
    """
    losers = unit.tx.query(
        "SELECT group_id FROM contact_group AS loser WHERE created_at < ?"
        " AND EXISTS (SELECT 1 FROM contact_group AS winner WHERE winner.contact = loser.contact AND winner.heard = 1"
        " AND (winner.heard, winner.rank) > (loser.heard, loser.rank))"
        " AND rank < (SELECT max(rank) FROM contact_group AS newest WHERE newest.contact = loser.contact)",
        (older_than,),
    )
    for (group_id,) in losers:
        forget(unit, cast("bytes", group_id))


def forget(unit: UnitOfWork, group_id: bytes) -> None:
    """Delete a group, keys and all."""
    unit.engine.delete_group(unit.keys, group_id)
    unit.tx.execute("DELETE FROM contact_group WHERE group_id = ?", (group_id,))
