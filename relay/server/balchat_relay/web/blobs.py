"""Putting and getting blobs: their octets pass from the client to the store and back in pieces.

A blob takes a fixed share of the memory for bodies, however large it is. What the store refuses is read all the same
and thrown away: a client that is still sending would not read why.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from time import time
from typing import Final

from aiohttp import hdrs, web
from balchat_relay_proto.blob_bodies import PUT_HEAD_SIZE, found_head, read_put_head
from balchat_relay_proto.blobs import blob_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import BlobsKept
from balchat_relay_proto.requests import GetBlob
from balchat_relay_proto.sizes import BLOB_SIZES

from balchat_relay.storage import rules
from balchat_relay.storage.contract import PIECE, OpenBlob, QueueStore
from balchat_relay.web.answers import Answer, Streamed, reply
from balchat_relay.web.limiting import Memory

SHARE: Final = 8 * PIECE
"""Octets of the memory for bodies that each blob takes on its way."""
_SLOW_RETRY: Final = 30


class Blobs:
    """Handlers. `refuse_while_draining` raises where nothing new is taken; `timeout` is for all of a blob to come."""

    def __init__(
        self, store: QueueStore, *, memory: Memory, timeout: float, refuse_while_draining: Callable[[], None]
    ) -> None:
        self._store = store
        self._memory = memory
        self._timeout = timeout
        self._refuse_while_draining = refuse_while_draining

    async def put(self, request: web.Request) -> Answer:
        """Answer PutBlob."""
        size = _checked_length(request)
        with self._memory.account() as account:
            account.take(SHARE)
            try:
                async with asyncio.timeout(self._timeout):
                    return reply(BlobsKept(seconds=await self._put(request, size)))
            except TimeoutError:
                raise Refused(Code.TOO_SLOW, "The blob did not come in time.", retry_after=_SLOW_RETRY) from None

    async def _put(self, request: web.Request, size: int) -> int:
        with suppress(asyncio.IncompleteReadError):
            head, said = read_put_head(await request.content.readexactly(PUT_HEAD_SIZE))
            try:
                _check_size(said, size)
                self._refuse_while_draining()
                return await self._store.put_blob(
                    head.queue,
                    receive=head.holder.capability.verifier,
                    blob=blob_id(head.read_verifier),
                    delete=head.delete_verifier,
                    size=size,
                    octets=_pieces(request),
                    now=int(time()),
                )
            except Refused:
                async for _ in _pieces(request):
                    pass
                raise
        raise ConnectionResetError  # it ended in the middle, and nobody is left to tell

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer GetBlob."""
        asked = GetBlob.from_octets(await request.read())
        with self._memory.account() as account:
            account.take(SHARE)
            blob = await self._store.open_blob(blob_id(asked.read.verifier), now=int(time()))
            try:
                return await _give(request, blob)
            finally:
                await blob.aclose()


async def _give(request: web.Request, blob: OpenBlob) -> web.StreamResponse:
    head = found_head(blob.size)
    answer = Streamed(len(head) + blob.size)
    await answer.prepare(request)
    await answer.write(head)
    left = blob.size
    while left and (piece := await blob.read()):
        left -= len(piece)
        await answer.write(piece)
    if left:  # the disk fails; what is cut off must not look whole
        answer.force_close()
        raise ConnectionResetError
    await answer.write_eof()
    return answer


async def _pieces(request: web.Request) -> AsyncGenerator[bytes]:
    while piece := await request.content.readany():
        yield piece


def _check_size(said: int, size: int) -> None:
    if said != size:
        raise rules.wrong_size()


def _checked_length(request: web.Request) -> int:
    """Return the blob's size, by the body's. Raise Refused."""
    headers = request.headers
    if hdrs.CONTENT_ENCODING in headers or hdrs.TRANSFER_ENCODING in headers or request.content_length is None:
        raise Refused(Code.MALFORMED, "A plain body with a Content-Length is needed.")
    size = request.content_length - PUT_HEAD_SIZE
    if size > BLOB_SIZES[-1]:
        raise Refused(Code.TOO_LARGE, f"A blob has at most {BLOB_SIZES[-1]} octets.")
    if size not in BLOB_SIZES:
        raise Refused(Code.MALFORMED, "A blob has another size.")
    return size
