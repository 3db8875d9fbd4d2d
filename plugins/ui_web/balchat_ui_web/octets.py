"""Files by HTTP: pieces that a page uploads, pictures and voice as the account made them again, downloads by a ticket.

What others sent is never served as it came: a picture is decoded and encoded again by the account's limited process,
and a download is only ever kept.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import quote

from aiohttp import web

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, NoSuchFile
from balchat_host.api.frontend import MAX_OCTETS, Files
from balchat_host.api.pictures import MAX_QR_PICTURE, read_qr
from balchat_host.api.turns import FairTurns
from balchat_ui_web.account import CurrentAccount
from balchat_ui_web.bodies import read_body
from balchat_ui_web.headers import DOWNLOAD
from balchat_ui_web.one_time import OneTime

MAX_SIDE: Final = 4096
_PICTURE: Final = "image/webp"
_VOICE: Final = "audio/wav"
_DECODING: Final = 4
"""Pictures and recordings that are decoded for pages at the same time; more wait. Those of one never have all turns."""
_MOST_WAITING: Final = 512
_MAX_NUMBER: Final = 2**53


class Octets:
    """Serves them for the account of the moment. `written` is rung when a piece of a file was written."""

    def __init__(self, account: CurrentAccount, tickets: OneTime[str], written: Bell) -> None:
        self._account = account
        self._tickets = tickets
        what = "pictures and recordings that wait to be shown"
        self._turns = FairTurns(at_once=_DECODING, most_of_one=_MOST_WAITING, most=2 * _MOST_WAITING, what=what)
        self._written = written

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Write a piece of a file of ours."""
        offset = _number(request, "offset", 0, _MAX_NUMBER)
        piece = await read_body(request, MAX_OCTETS)
        written = await self._account.require().files.write(request.match_info["file"], offset, piece)
        self._written.ring()
        return web.json_response({"written": written})

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """Answer with a picture, made again."""
        side = _number(request, "side", 1, MAX_SIDE, default=1024)
        return await self._made_again(request, lambda files, file: files.picture(file, side), _PICTURE)

    async def preview(self, request: web.Request) -> web.StreamResponse:
        """Answer with the small picture of a file."""
        return await self._made_again(request, lambda files, file: files.preview(file), _PICTURE)

    async def voice(self, request: web.Request) -> web.StreamResponse:
        """Answer with a recording, made again."""
        return await self._made_again(request, lambda files, file: files.play(file), _VOICE)

    async def _made_again(
        self, request: web.Request, make: Callable[[Files, str], AsyncIterator[bytes]], content_type: str
    ) -> web.StreamResponse:
        """Answer with what the account makes of a file, when it is its author's turn."""
        files = self._account.require().files
        view = await files.get(request.match_info["file"])
        async with self._turns.turn(view.author):
            return await _send(request, make(files, view.id), content_type)

    async def qr(self, request: web.Request) -> web.StreamResponse:
        """Answer with the text of the QR code in a picture."""
        text = await read_qr(await read_body(request, MAX_QR_PICTURE))
        return web.json_response({"text": text})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file, to whoever has a ticket for it."""
        file = self._tickets.use(request.match_info["ticket"])
        if file is None:
            raise NoSuchFile(name="of this link")
        files = self._account.require().files
        view = await files.get(file)
        response = web.StreamResponse(
            headers={**DOWNLOAD, "Content-Disposition": disposition(view.name), "Content-Length": str(view.size)}
        )
        return await _stream(request, files.read(file), response)


def disposition(name: str) -> str:
    """Return a header that has a file kept under its name, and never shown (RFC 6266, RFC 8187)."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " .-_()") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


async def _send(request: web.Request, pieces: AsyncIterator[bytes], content_type: str) -> web.StreamResponse:
    return await _stream(request, pieces, web.StreamResponse(headers={"Content-Type": content_type}))


async def _stream(
    request: web.Request, pieces: AsyncIterator[bytes], response: web.StreamResponse
) -> web.StreamResponse:
    """Send what comes, at the pace at which it is taken. Raise what the first piece raises; later, cut the answer."""
    try:
        first = await anext(pieces, b"")
        await response.prepare(request)
        await response.write(first)
        try:
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        except Exception:
            # Half an answer must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
            raise
    finally:
        if close := getattr(pieces, "aclose", None):
            await close()
    return response


def _number(request: web.Request, name: str, least: int, most: int, default: int | None = None) -> int:
    text = request.query.get(name)
    if text is None and default is not None:
        return default
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        raise BadInput(what=name, problem="a whole number is needed")
    if not least <= int(text) <= most:
        raise BadInput(what=name, problem=f"it is {least} to {most}")
    return int(text)
