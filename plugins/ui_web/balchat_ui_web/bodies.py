"""Bodies of requests: their size is known and bounded before they are read, and they come in time."""

import asyncio
from typing import Final

import msgspec
from aiohttp import hdrs, web

from balchat_host.api.errors import BadInput
from balchat_ui_web.errors import NotForPages, TooLarge, TooSlow

MAX_JSON: Final = 32 * 1024
SECONDS: Final = 20
"""Seconds in which a body has to come."""


async def read_body(request: web.Request, limit: int) -> bytes:
    """Return the body. Raise TooLarge, TooSlow, NotForPages where its size is not known beforehand."""
    size = request.content_length
    if size is None or hdrs.CONTENT_ENCODING in request.headers or hdrs.TRANSFER_ENCODING in request.headers:
        raise NotForPages(problem="a body needs a Content-Length, and comes as it is")
    if size > limit:
        raise TooLarge(limit=limit)
    try:
        async with asyncio.timeout(SECONDS):
            return await request.content.readexactly(size)
    except TimeoutError:
        raise TooSlow(seconds=SECONDS) from None
    except asyncio.IncompleteReadError:
        raise ConnectionResetError from None


async def read_json(request: web.Request, decoder: msgspec.json.Decoder[msgspec.Struct]) -> msgspec.Struct:
    """Return what the body says. Raise what `read_body` raises, NotForPages, BadInput."""
    # A form of another page cannot send this type without asking first.
    if request.content_type != "application/json":
        raise NotForPages(problem="its body is not application/json")
    try:
        return decoder.decode(await read_body(request, MAX_JSON))
    except msgspec.DecodeError:
        raise BadInput(what="The body", problem="it is not what is expected here") from None
