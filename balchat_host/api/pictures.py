"""Pictures for front ends: decoded and made again in a process of its own that can do nothing else."""

from collections.abc import AsyncGenerator
from typing import Final

from balchat_host.api.decoder import decode

_NAME: Final = "The picture"


async def reencode(octets: bytes, longest_side: int) -> bytes:
    """Return a picture (JPEG, PNG, WebP, GIF) as WebP, no side longer than so many pixels.

    Raise PicturesMissing, PictureUnreadable, TooMany.
    """
    answer = await decode("reencode", _once(octets), longest_side, name=_NAME)
    return answer.results[0]


async def read_qr(octets: bytes) -> str | None:
    """Return the text of the first QR code in a picture, None where there is none.

    Raise PicturesMissing, PictureUnreadable, TooMany.
    """
    answer = await decode("read_qr", _once(octets), name=_NAME)
    return answer.results[0].decode(errors="replace") if answer.results else None


async def _once(octets: bytes) -> AsyncGenerator[bytes]:
    yield octets
