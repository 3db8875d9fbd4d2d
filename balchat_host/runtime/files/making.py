"""What is made of a file before it is sent: a picture without metadata, a small picture, a voice message of sound.

Which it is follows from the octets that it begins with, whatever its name and type say.
"""

from collections.abc import AsyncIterable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from balchat_host.api.decoder import Decoded, Job
from balchat_host.api.errors import PicturesMissing, PictureUnreadable, VoiceUnreadable
from balchat_host.core.files.preview import (
    MAX_DURATION,
    MAX_SIDE,
    Preview,
    SmallPicture,
    Voice,
)
from balchat_host.decoding.answer import METADATA
from balchat_host.decoding.limits import MAX_LEVELS, MAX_PREVIEW

VOICE_TYPE: Final = "audio/ogg;codecs=opus"
VOICE_NAME: Final = "voice.ogg"
BEGINNING: Final = 16
"""Octets that tell what a file is."""
_BROKEN: Final = "what reads it broke down"
_PLAIN: Final = ("text/plain", "text/csv", "text/markdown")
"""Types of files that say nothing but what they show."""


class Decode(Protocol):
    """`balchat_host.api.decoder.decode`, or what stands in for it in a test."""

    async def __call__(
        self, job: Job, octets: AsyncIterable[bytes], *numbers: int, name: str, of: Hashable = None
    ) -> Decoded: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What is to be sent. `octets` are None where the file is sent as it is."""

    octets: bytes | None
    content_type: str
    preview: Preview | None = None
    metadata_removed: Sequence[str] = ()
    may_hold_metadata: bool = False

    def __repr__(self) -> str:
        return "Made(…)"


class Maker:
    """Makes it."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    async def of_sound(self, name: str, rate: int, sound: AsyncIterable[bytes]) -> Made:
        """Make a voice message of PCM. Raise VoiceMissing, VoiceUnreadable, TooMany."""
        answer = await self._decode("encode_voice", sound, rate, name=name)
        voice = _voice(answer.said)
        if voice is None:
            raise VoiceUnreadable(name=name, problem=_BROKEN)
        return Made(octets=answer.results[0], content_type=VOICE_TYPE, preview=voice)

    async def of_file(
        self, name: str, content_type: str, beginning: bytes, contents: AsyncIterable[bytes], *, as_is: bool
    ) -> Made:
        """Make of a file what is sent. Raise PicturesMissing, PictureUnreadable, TooMany where it is a picture."""
        picture = _picture_type(beginning)
        if picture is None:
            may_hold = bool(beginning) and not content_type.startswith(_PLAIN)
            return Made(octets=None, content_type=content_type, may_hold_metadata=may_hold)
        if as_is or picture == "image/gif":
            small = await self._preview_if_any(name, contents)
            return Made(octets=None, content_type=picture, preview=small, may_hold_metadata=True)
        answer = await self._decode("clean", contents, name=name)
        small, cleaned = answer.results
        removed = answer.said.get("removed")
        if not isinstance(removed, list) or not {*map(str, cast("list[object]", removed))} <= {*METADATA}:
            raise PictureUnreadable(name=name, problem=_BROKEN)
        return Made(
            octets=cleaned,
            content_type=picture,
            preview=_small_picture(small, answer.said),
            metadata_removed=[str(each) for each in cast("list[object]", removed)],
        )

    async def _preview_if_any(self, name: str, contents: AsyncIterable[bytes]) -> Preview | None:
        """Return a preview of what is sent as it is: whether one can be made of it or not."""
        try:
            answer = await self._decode("preview", contents, name=name)
        except (PicturesMissing, PictureUnreadable):
            return None
        return _small_picture(answer.results[0], answer.said)


def _small_picture(octets: bytes, said: Mapping[str, Any]) -> Preview | None:
    width, height = _number(said, "width", most=MAX_SIDE), _number(said, "height", most=MAX_SIDE)
    if width is None or height is None or not 0 < len(octets) <= MAX_PREVIEW:
        return None
    return SmallPicture(octets=octets, width=width, height=height)


def _voice(said: Mapping[str, Any]) -> Voice | None:
    duration, levels = _number(said, "duration", most=MAX_DURATION), said.get("levels")
    if duration is None or not isinstance(levels, list) or len(cast("list[object]", levels)) > MAX_LEVELS:
        return None
    try:
        return Voice(duration=duration, levels=bytes(cast("list[int]", levels)))
    except (TypeError, ValueError):
        return None


def _number(said: Mapping[str, Any], key: str, *, most: int) -> int | None:
    """Return a number that was said; None where it is none, or out of bounds. What says it may have been taken over."""
    found = said.get(key)
    return found if type(found) is int and 0 < found <= most else None


def _picture_type(beginning: bytes) -> str | None:
    if beginning.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if beginning.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if beginning.startswith(b"RIFF") and beginning[8:12] == b"WEBP":
        return "image/webp"
    if beginning.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return None
