"""Tells front ends that a file is not as it was."""

from typing import cast

from balchat_host.api.events import FileChanged
from balchat_host.api.views import FileView
from balchat_host.core import event_log
from balchat_host.core.files import rows
from balchat_host.core.unit_of_work import UnitOfWork


def changed(unit: UnitOfWork, number: int) -> FileView:
    """Tell front ends that a file is not as it was; return it as it is."""
    row = rows.by_number(unit.tx, number)
    assert row is not None, "it was just changed"
    conversation = unit.tx.query("SELECT conversation FROM message WHERE seq = ?", (row.message,))
    event_log.append(
        unit,
        FileChanged,
        conversation=cast("int", conversation[0][0]) if conversation else None,
        body={"file": number},
    )
    return rows.view(unit.tx, row)
