"""Files as front ends show them: small pictures, pictures, voice messages. All of it is made again here.

What others have sent is read by a process that can do nothing else (`balchat_host.api.decoder`), and what that gives
is what front ends get.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from balchat_host.api.decoder import PictureRefused
from balchat_host.api.errors import BadInput, NoPreview, PictureUnreadable
from balchat_host.api.frontend import MAX_OCTETS
from balchat_host.api.views import FileState
from balchat_host.core.files import previews, rows
from balchat_host.core.files.rows import FileRow
from balchat_host.decoding.limits import MAX_PREVIEW
from balchat_host.runtime.files.making import Decode
from balchat_host.runtime.files.reader import FileReader, sealed_file
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_SIDES: Final = (16, 4096)


class FilesShown:
    """Shows them."""

    def __init__(self, runner: UnitOfWorkRunner, reader: FileReader, decode: Decode) -> None:
        self._runner = runner
        self._reader = reader
        self._decode = decode

    async def preview(self, file: str) -> AsyncIterator[bytes]:
        """Yield a small picture of a file. Raise NoSuchFile, NoPreview, PicturesMissing, PictureUnreadable, TooMany."""
        row = await self._runner.read(lambda tx: rows.find(tx, file))
        found = await self._runner.read(lambda tx: previews.picture(tx, row.number))
        if found is None:
            raise NoPreview(name=row.name)
        octets, safe = found
        if not safe:
            octets = await self._made_again(row, octets)
        yield octets

    async def _made_again(self, row: FileRow, octets: bytes) -> bytes:
        try:
            answer = await self._decode("preview_again", _once(octets), name=row.name, of=row.peer)
        except PictureRefused:
            await self._runner.change(lambda unit: previews.forget(unit, row.number))
            raise
        (made,) = answer.results
        if len(made) > MAX_PREVIEW:
            raise PictureUnreadable(name=row.name, problem="what becomes of it is too large")
        await self._runner.change(lambda unit: previews.made_again(unit, row.number, made))
        return made

    async def picture(self, file: str, longest_side: int) -> AsyncIterator[bytes]:
        """Yield a picture as WebP. Raise NoSuchFile, BadInput, PicturesMissing, PictureUnreadable, TooMany."""
        if not _SIDES[0] <= longest_side <= _SIDES[1]:
            raise BadInput(what="The longest side", problem=f"it must be {_SIDES[0]} to {_SIDES[1]} pixels")
        row = await self._complete(file)
        contents = self._reader.contents(sealed_file(row))
        answer = await self._decode("reencode", contents, longest_side, name=row.name, of=row.peer)
        for piece in _pieces(answer.results[0]):
            yield piece

    async def play(self, file: str) -> AsyncIterator[bytes]:
        """Yield a voice message as a WAV file. Raise NoSuchFile, BadInput, VoiceMissing, VoiceUnreadable, TooMany."""
        row = await self._complete(file)
        if row.voice is None:
            raise BadInput(what=row.name, problem="it is no voice message")
        contents = self._reader.contents(sealed_file(row))
        answer = await self._decode("decode_voice", contents, name=row.name, of=row.peer)
        for piece in _pieces(answer.results[0]):
            yield piece

    async def _complete(self, file: str) -> FileRow:
        row = await self._runner.read(lambda tx: rows.find(tx, file))
        if row.state is not FileState.COMPLETE:
            raise BadInput(what=row.name, problem=f"not all of it is here; it is {row.state}")
        return row


async def _once(octets: bytes) -> AsyncGenerator[bytes]:
    yield octets


def _pieces(octets: bytes) -> list[bytes]:
    return [octets[begin : begin + MAX_OCTETS] for begin in range(0, len(octets), MAX_OCTETS)]
