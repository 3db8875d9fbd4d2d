"""Pictures for front ends: decoded and made again in a process of its own that can do nothing else."""

from balchat_host.api.errors import PicturesMissing


async def reencode(octets: bytes, longest_side: int) -> bytes:  # noqa: ARG001  # not there yet
    """Return a picture as WebP, no side longer than so many pixels. Raise PicturesMissing, PictureUnreadable."""
    raise PicturesMissing


async def read_qr(octets: bytes) -> str | None:  # noqa: ARG001  # not there yet
    """Return the text of the first QR code in a picture, None where there is none.

    Raise PicturesMissing, PictureUnreadable.
    """
    raise PicturesMissing
