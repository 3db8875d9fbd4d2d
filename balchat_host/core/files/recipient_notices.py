"""Recipients of our files are told where parts of them lie at relays, of as many files at a time as there are."""

from collections.abc import Sequence
from typing import Final

from balchat_host.core import content
from balchat_host.core.delivery import queue
from balchat_host.core.files import containers, relay_recipients, rows
from balchat_host.core.files.containers import Container
from balchat_host.core.files.part_bitmaps import union
from balchat_host.core.files.part_notices import FileParts, OfferedContainer, encode_parts
from balchat_host.core.files.relay_recipients import Recipient
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork

_RETOLD_EVERY: Final = 24 * 3600 * 1000
"""Milliseconds that containers are kept for longer, for that alone to be told; less where they are kept shortly."""


def tell(unit: UnitOfWork, contact: ContactRow) -> None:
    """Tell a recipient where parts lie, as far as they do not know."""
    used: dict[int, list[Container]] = {}
    for each in containers.of_peer(unit.tx, contact.peer):
        if each.file is not None and each.is_used:
            used.setdefault(each.file, []).append(each)
    if not used:
        return
    recipients = [each for each in relay_recipients.with_containers(unit, contact.peer) if each.file in used]
    untold = (_untold(unit, each, used[each.file]) for each in recipients)
    for body in encode_parts([each for each in untold if each is not None]):
        queue.queue_control(unit, contact, content.FILE_PARTS, body)


def _untold(unit: UnitOfWork, recipient: Recipient, used: Sequence[Container]) -> FileParts | None:
    """Return where parts of a file lie, and note that it is told; None where its recipient knows."""
    lies = bytes(recipient.shape.parts // 8 + 1)
    for each in used:
        lies = union(lies, each.put)
    until, kept = min(each.until for each in used), min(each.kept for each in used)
    is_longer = until - recipient.told_until >= min(_RETOLD_EVERY, kept // 4)
    if union(recipient.told, lies) == recipient.told and not is_longer:
        return None
    row = rows.by_number(unit.tx, recipient.file)
    assert row is not None, "it is offered"
    assert row.root is not None, "it is offered"
    unit.tx.execute("UPDATE file_recipient SET told = ?, told_until = ? WHERE id = ?", (lies, until, recipient.number))
    return FileParts(
        root=row.root,
        containers=tuple(
            OfferedContainer(transport=each.transport, offer=each.offer, until=each.until, put=each.put)
            for each in used
        ),
    )
