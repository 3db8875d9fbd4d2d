"""What a contact can say of files: messages full of them, and notices of where their parts lie; the worst of each kind.

`prepare` has the contact offer the same files again and again. Then each candidate meets the same state.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from balchat_common import cbor

from balchat_host.api.frontend.limits import MAX_FILES
from balchat_host.core import contacts, content
from balchat_host.core.content import Disposition, MultiPart, Semantics, SinglePart
from balchat_host.core.files.offer import MAX_HEADER, FileOffer
from balchat_host.core.files.part_notices import MAX_ABSENT, MAX_CONTAINERS, MAX_NAMED, ProgressNotice
from balchat_host.core.files.preview import SmallPicture
from balchat_host.core.files.shape import MAX_SIZE, Shape
from balchat_host.core.messages.receive import receive_content
from balchat_host.decoding.limits import MAX_PREVIEW
from bench.hostile_changes import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from balchat_host.api.types import DeviceIdentity
    from balchat_host.core.unit_of_work import UnitOfWork

_ROOTS: Final = tuple(hashlib.sha256(bytes([number])).digest() for number in range(MAX_NAMED))
_AGAIN: Final = 40
"""How often each of them was offered before."""
_NAMES: Final = (
    ("letters", "a"),
    ("unassigned characters", "\u0378"),
    ("joiners", "\u0628\u200c"),
    ("marks", "a\u0301\u0323"),
    ("marks without a letter", "\u0301\u0323"),
    ("flags", "\U0001f3f4" + "\U000e0061" * 6),
    ("what cannot be seen", "\u202e"),
    ("dots and spaces", " ."),
)
"""Of what the longest names consist."""
_HEADER: Final = b"x" * (MAX_HEADER - 7) + b"\n--- x\n"


def prepare(unit: UnitOfWork, device: DeviceIdentity) -> None:
    """Have a contact offer the largest files there are, each of them many times."""
    contact = contacts.by_peer(unit.tx, device.peer)
    assert contact is not None
    for _ in range(_AGAIN):
        offered = _message(*(_offer(root, "x", MAX_SIZE) for root in _ROOTS))
        receive_content(unit, contact, offered, device_id=device.device_id)


def notices() -> Iterator[tuple[str, bytes]]:
    """Yield content about files, and what it is."""
    for what, letters in _NAMES:
        name = (letters * 4096).encode()[:4096].decode(errors="ignore")
        for size in (1, MAX_SIZE):
            files = [_offer(root, name, size) for root in _ROOTS]
            yield f"{MAX_FILES} pictures of {size:,} octets with names of {what}", _message(*files)
    picture = SmallPicture(octets=bytes(MAX_PREVIEW), width=1, height=1)
    files = [_offer(root, "x", MAX_SIZE, picture) for root in _ROOTS]
    yield f"{MAX_FILES} files with previews", _message(*files)
    bitmap = b"\xff" * (Shape(MAX_SIZE).parts // 8)
    for count in (1, MAX_NAMED):
        for put in (b"\x01", bitmap):
            lie = [[f"transport_{number}", bytes(256), 2**53, put] for number in range(MAX_CONTAINERS)]
            body = cbor.encode([[root, lie] for root in _ROOTS[:count]])
            yield f"where {count} files lie that were offered often", _told(content.FILE_PARTS, body)
    progress = ProgressNotice(root=_ROOTS[0], here=bitmap, absent=tuple(range(MAX_ABSENT)), wanted=True)
    yield "how far a file of their own is", _told(content.FILE_PROGRESS, progress.encode())
    yield "which files of their own they have", _told(content.FILES_RECEIVED, cbor.encode(list(_ROOTS)))


def _offer(root: bytes, name: str, size: int, preview: SmallPicture | None = None) -> FileOffer:
    key = b"AGE-SECRET-KEY-1".ljust(74, b"Q")
    return FileOffer(
        name=name, content_type="image/" + "x" * 249, size=size, root=root, key=key, header=_HEADER, preview=preview
    )


def _message(*files: FileOffer) -> bytes:
    return said(part=MultiPart(semantics=Semantics.PROCESS_ALL, parts=tuple(each.part() for each in files)))


def _told(content_type: str, body: bytes) -> bytes:
    return said(part=SinglePart(content_type=content_type, content=body, disposition=Disposition.UNSPECIFIED))
