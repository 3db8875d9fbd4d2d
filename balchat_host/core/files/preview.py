"""What a message says of a file beside it, so that something is shown before the file is here: docs/spec/files.md.

Of a picture that is a small one, of a voice message how long and how loud it is. It is a part of its own, with the
disposition "preview", in a unit with the file. Nothing of it is trusted: a small picture is made again before it is
shown (`FileService.preview`).
"""

import re
from dataclasses import dataclass
from typing import Final

from balchat_common import cbor

from balchat_host.core.content.parts import Disposition, NestedPart, SinglePart
from balchat_host.decoding.limits import MAX_LEVELS, MAX_PREVIEW

MAX_SIDE: Final = 2**16 - 1
"""Pixels of the longest side that a picture is said to have."""
MAX_DURATION: Final = 24 * 3600 * 1000
"""Milliseconds of the longest voice message that is shown as one."""
_VOICE: Final = "application/vnd.balchat.voice"
_WEBP: Final = re.compile(r"image/webp(?:;width=([1-9][0-9]{0,4});height=([1-9][0-9]{0,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallPicture:
    """A WebP picture, and the size in pixels of the one that it stands for, None where that is not said."""

    octets: bytes
    width: int | None
    height: int | None

    def __repr__(self) -> str:
        return "SmallPicture(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice message's duration in milliseconds, and how loud it is: an octet for each stretch, MAX_LEVELS at most."""

    duration: int
    levels: bytes

    def __repr__(self) -> str:
        return "Voice(…)"


Preview = SmallPicture | Voice


def preview_part(preview: Preview) -> SinglePart:
    """Return a preview as a part of a message."""
    match preview:
        case SmallPicture():
            size = "" if preview.width is None else f";width={preview.width};height={preview.height}"
            content_type, octets = f"image/webp{size}", preview.octets
        case Voice():
            content_type, octets = _VOICE, cbor.encode([preview.duration, preview.levels])
    return SinglePart(content_type=content_type, content=octets, disposition=Disposition.PREVIEW)


def is_preview(part: NestedPart) -> bool:
    """Return whether a part stands for another one, whatever it is."""
    return isinstance(part, SinglePart) and part.disposition == Disposition.PREVIEW


def read_preview(part: NestedPart) -> Preview | None:
    """Return the preview that a part is, None where it is none that is known or allowed."""
    if not isinstance(part, SinglePart) or not is_preview(part):
        return None
    if part.content_type == _VOICE:
        return _voice(part.content)
    found = _WEBP.fullmatch(part.content_type)
    if found is None or not 0 < len(part.content) <= MAX_PREVIEW:
        return None
    width, height = (None if side is None else int(side) for side in found.groups())
    if max(width or 0, height or 0) > MAX_SIDE:
        return None
    return SmallPicture(octets=part.content, width=width, height=height)


def _voice(body: bytes) -> Voice | None:
    try:
        said = cbor.decode(body, max_items=3, max_depth=1)
    except ValueError:
        return None
    match said:
        case [int(duration), bytes(levels)] if (
            not isinstance(duration, bool) and 0 < duration <= MAX_DURATION and len(levels) <= MAX_LEVELS
        ):
            return Voice(duration=duration, levels=levels)
        case _:
            return None
