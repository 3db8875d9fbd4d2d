"""A file as a part of a message: docs/spec/files.md, In a message."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from balchat_host.api.frontend.limits import MAX_FILES
from balchat_host.core.content.parts import Disposition, ExternalPart, MultiPart, NestedPart, Semantics
from balchat_host.core.files.preview import Preview, is_preview, preview_part, read_preview
from balchat_host.core.files.shape import MAX_SIZE, ROOT_SIZE

MAX_HEADER: Final = 1024
"""Octets of the longest age header. What encrypts to one X25519 recipient makes fewer than 400."""
MAX_NAME: Final = 4096
"""Octets of the longest name that is read; what is shown of it is shorter (`names.harmless`)."""

_AGE: Final = 0xBA1C
"""Our number for the age format, from the private-use range of the draft's encryption algorithms."""
_SCHEME: Final = "balchat-file:"
_IDENTITY: Final = b"AGE-SECRET-KEY-1"
_IDENTITY_SIZE: Final = 74
_LAST_LINE: Final = b"--- "
"""How the last line of a header begins (C2SP age, Header MAC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOffer:
    """What a message says of a file: enough to fetch and to open it.

    `size` is in octets. `key` is an age identity as text (C2SP age, X25519), `header` the age header. Neither is shown.
    """

    name: str
    content_type: str
    size: int
    root: bytes
    key: bytes
    header: bytes
    preview: Preview | None = None

    def __repr__(self) -> str:
        return "FileOffer(…)"

    def part(self) -> NestedPart:
        """Return it as a part of a message: in a unit with its preview where it has one."""
        file = self._file()
        if self.preview is None:
            return file
        return MultiPart(
            semantics=Semantics.SINGLE_UNIT,
            parts=(preview_part(self.preview), file),
            disposition=Disposition.ATTACHMENT,
        )

    def _file(self) -> ExternalPart:
        return ExternalPart(
            disposition=Disposition.ATTACHMENT,
            content_type=self.content_type,
            url=_SCHEME + base64.b32encode(self.root).decode().rstrip("=").lower(),
            expires=0,
            size=self.size,
            encryption=_AGE,
            key=self.key,
            nonce=b"",
            additional_data=self.header,
            hash_algorithm=0,
            content_hash=b"",
            description="",
            filename=self.name,
        )


def offers(part: NestedPart) -> list[FileOffer]:
    """Return the files of a message, in their order, MAX_FILES at most; what else is in it is shown by its type."""
    found: list[FileOffer] = []
    for offer in _walk(part):
        if len(found) == MAX_FILES:
            break
        found.append(offer)
    return found


def _walk(part: NestedPart) -> Iterator[FileOffer]:
    match part:
        case MultiPart(semantics=Semantics.SINGLE_UNIT, parts=(first, ExternalPart() as file)) if is_preview(first):
            offer = _read(file)
            if offer is not None:
                yield replace(offer, preview=read_preview(first))
        case MultiPart():
            for each in part.parts:
                yield from _walk(each)
        case ExternalPart():
            offer = _read(part)
            if offer is not None:
                yield offer
        case _:
            pass


def _read(part: ExternalPart) -> FileOffer | None:
    """Return the file that a part offers, None where it is not of this format."""
    root = _root(part.url)
    if (
        root is None
        or part.encryption != _AGE
        or part.size > MAX_SIZE
        or not _is_header(part.additional_data)
        or len(part.key) != _IDENTITY_SIZE
        or not part.key.startswith(_IDENTITY)
        or len(part.filename.encode()) > MAX_NAME
    ):
        return None
    return FileOffer(
        name=part.filename,
        content_type=part.content_type,
        size=part.size,
        root=root,
        key=part.key,
        header=part.additional_data,
    )


def _is_header(octets: bytes) -> bool:
    """Return whether octets may be an age header, and all of one.

    What opens it would look for the rest in the file, however large, and takes longer the more it has seen.
    """
    return len(octets) <= MAX_HEADER and octets.endswith(b"\n") and octets.split(b"\n")[-2].startswith(_LAST_LINE)


def _root(url: str) -> bytes | None:
    text = url.removeprefix(_SCHEME)
    if text == url or len(text) != 52 or text != text.lower():  # noqa: PLR2004  # 32 octets in base32
        return None
    try:
        root = base64.b32decode(f"{text.upper()}====")
    except ValueError:
        return None
    return root if len(root) == ROOT_SIZE and base64.b32encode(root).decode().rstrip("=").lower() == text else None
