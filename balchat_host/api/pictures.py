"""Pictures that are no file of a message, for front ends: read by a process of its own that can do nothing else."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from anyio import to_thread

from balchat_host.api.decoder import decode
from balchat_host.api.errors import BadInput, PictureUnreadable
from balchat_host.api.local_files import open_source
from balchat_host.api.text import visible

MAX_QR_PICTURE: Final = 8 * 2**20
"""Octets of the largest picture in which a QR code is looked for."""
_NAME: Final = "The picture"


async def reencode(octets: bytes, longest_side: int) -> bytes:
    """Return a picture (JPEG, PNG, WebP, GIF) as WebP, no side longer than so many pixels.

    Raise PicturesMissing, PictureUnreadable, TooMany.
    """
    answer = await decode("reencode", _once(octets), longest_side, name=_NAME)
    return answer.results[0]


async def read_qr(octets: bytes, name: str = _NAME) -> str | None:
    """Return the text of the first QR code in a picture, None where there is none. `name` is what errors call it.

    Raise PicturesMissing, TooMany, and BadInput where it is no picture that can be read, or too large.
    """
    if len(octets) > MAX_QR_PICTURE:
        raise BadInput(what=name, problem=f"it has more than {MAX_QR_PICTURE // 2**20} MiB")
    try:
        answer = await decode("read_qr", _once(octets), name=name)
    except PictureUnreadable as error:
        # What that one advises is for a picture that is to be sent.
        raise BadInput(what=name, problem=f"it cannot be read as a picture: {error.fields['problem']}") from error
    return answer.results[0].decode(errors="replace") if answer.results else None


async def read_qr_file(path: Path) -> str | None:
    """Return the text of the first QR code in a picture of this machine, None where there is none.

    Raise PicturesMissing, TooMany, and BadInput where it is no picture that can be read, or too large.
    """
    return await read_qr(await to_thread.run_sync(_beginning, path), visible(path.name))


def _beginning(path: Path) -> bytes:
    """Return a file's octets, one more than may be read of a larger one."""
    with open_source(path) as source:
        try:
            return source.read(MAX_QR_PICTURE + 1)
        except OSError as error:
            raise BadInput(what=str(path), problem=f"it cannot be read ({error.strerror})") from error


async def _once(octets: bytes) -> AsyncGenerator[bytes]:
    yield octets
