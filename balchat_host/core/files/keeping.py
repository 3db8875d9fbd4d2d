"""What lies in the folder of files, and what is not to lie there any more."""

from collections.abc import Mapping, Sequence
from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import FileState
from balchat_host.core.files import receiving, rows, sending
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork


def compare(unit: UnitOfWork, lying: Mapping[str, int]) -> list[str]:
    """Bring the vault and the folder together when the account is opened, when nothing is being written.

    `lying` has what lies in the folder, by name, and how many octets it has. Return what is to be deleted there.
    """
    unit.tx.execute("DELETE FROM file WHERE state = ?", (FileState.WRITING,))
    known = {row.stored_as: row for row in rows.where(unit.tx, "file.stored_as IS NOT NULL")}
    for stored_as, row in known.items():
        assert stored_as is not None, "it was asked for"
        size = lying.get(stored_as)
        if row.state is FileState.COMPLETE and size != row.shape.sealed_size:
            receiving.give_up(unit, row, FileState.GONE if row.ours else FileState.OFFERED, receiving.LOST)
        elif row.state is not FileState.COMPLETE and size is None and row.parts:
            unit.tx.execute("UPDATE file SET parts = x'' WHERE id = ?", (row.number,))
    kept = {row.stored_as for row in rows.where(unit.tx, "file.stored_as IS NOT NULL")}
    unit.tx.execute("DELETE FROM discarded_file")
    return [name for name in lying if name not in kept]


def discarded(tx: ReadTransaction) -> Sequence[str]:
    """Return what is to be deleted in the folder."""
    return [cast("str", name) for (name,) in tx.query("SELECT stored_as FROM discarded_file LIMIT 1000")]


def deleted(unit: UnitOfWork, names: Sequence[str]) -> None:
    """Note what is deleted there."""
    for name in names:
        unit.tx.execute("DELETE FROM discarded_file WHERE stored_as = ?", (name,))


def expire(unit: UnitOfWork) -> None:
    """Delete what was written and never sent."""
    old = unit.tx.execute(
        "DELETE FROM file WHERE peer IS NULL AND state <> ? AND made_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM attachment WHERE file = file.id)",
        (FileState.WRITING, unit.now - sending.UNSENT_KEPT),
    )
    if old:
        unit.effect(ANNOUNCE)
