"""What contacts tell of files inside MLS, for our balchat and not for its owner."""

from collections.abc import Callable, Mapping
from typing import Final

from balchat_host.core import content
from balchat_host.core.files import receipts, relay_recipients, sources
from balchat_host.core.files.part_notices import ProgressNotice, decode_parts
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork


def check(content_type: str, body: bytes) -> None:
    """See that `act` will take this. Raise MalformedContent."""
    _DECODERS[content_type](body)


def act(unit: UnitOfWork, contact: ContactRow, content_type: str, body: bytes) -> None:
    """Act on what a contact tells. Raise MalformedContent."""
    match content_type:
        case content.FILE_PARTS:
            for each in decode_parts(body):
                sources.on_parts(unit, contact, each)
        case content.FILE_PROGRESS:
            relay_recipients.on_progress(unit, contact, ProgressNotice.decode(body))
        case _:
            receipts.received(unit, contact, receipts.decode(body))


_DECODERS: Final[Mapping[str, Callable[[bytes], object]]] = {
    content.FILES_RECEIVED: receipts.decode,
    content.FILE_PARTS: decode_parts,
    content.FILE_PROGRESS: ProgressNotice.decode,
}
