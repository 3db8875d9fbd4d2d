"""The SQLite store: one database, one writer thread with group commit, two readers; blobs lie in files beside it."""

from asyncio import Future
from collections import Counter
from collections.abc import AsyncIterable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from anyio import CancelScope, to_thread
from balchat_relay_proto.replies import Claimed, Fetched, QueueStatus
from balchat_relay_proto.sizes import MAX_FETCHED_OCTETS

from balchat_relay.storage import rules
from balchat_relay.storage.contract import DAY, OpenBlob, QueueStore, StoreLimits, Subscriber, Totals
from balchat_relay.storage.sqlite import schema, units, views
from balchat_relay.storage.sqlite.blob_files import BlobFiles
from balchat_relay.storage.sqlite.units import Unit
from balchat_relay.storage.sqlite.views import Readers
from balchat_relay.storage.sqlite.writer import RESERVE, Job, Writer
from balchat_relay.storage.subscribers import Subscribers

_WRITER_CACHE: Final = 32 * 1024
_READER_CACHE: Final = 8 * 1024
"""KiB."""

_PAGE: Final = 4096
_BLOBS: Final = "blobs"
_LOST_AT_ONCE: Final = 256


class SqliteStore(QueueStore):
    """Everything in one database. Make it with `open_store`."""

    def __init__(self, path: Path, limits: StoreLimits, *, min_free: int, max_file: int | None, new: bool) -> None:
        self._limits = limits
        self._subscribers = Subscribers()
        self._blobs = BlobFiles(path.with_name(_BLOBS), min_free=max(min_free, RESERVE))
        self._arriving: Counter[bytes] = Counter()
        """Octets of blobs that are being written, by queue: each counts before it is there."""
        connection = schema.connect(path, cache_kib=_WRITER_CACHE)
        try:
            schema.prepare(connection, new=new)
            self._draining = schema.is_draining(connection)
            if max_file is not None:
                connection.execute(f"PRAGMA max_page_count={max_file // _PAGE}").close()
            lost = self._blobs.compare(schema.blob_files(connection))
            self._writer = Writer(
                connection,
                folder=path.parent,
                limits=limits,
                min_free=min_free,
                subscribers=self._subscribers,
                blobs=self._blobs,
            )
        except BaseException:
            connection.close()
            raise
        self._readers = Readers(partial(schema.connect, path, cache_kib=_READER_CACHE))
        self._closed = False
        self._lost = lost

    @property
    def limits(self) -> StoreLimits:
        return self._limits

    @property
    def totals(self) -> Totals:
        return self._writer.totals

    @property
    def trouble(self) -> str | None:
        return self._writer.trouble

    @property
    def draining(self) -> bool:
        return self._draining

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._readers.stop()
            await to_thread.run_sync(self._close)

    async def create(
        self, queue: bytes, *, send: bytes | None, receive: bytes | None, invitation: bytes | None = None, now: int
    ) -> None:
        await self._write(
            partial(units.create, queue=queue, send=send, receive=receive, invitation=invitation, now=now)
        )

    async def delete(self, queue: bytes, *, receive: bytes | None) -> None:
        await self._write(partial(units.delete, queue=queue, receive=receive))

    async def status(self, queue: bytes, *, receive: bytes | None) -> QueueStatus:
        return await self._readers.read(partial(views.status, limits=self._limits, queue=queue, receive=receive))

    def put(self, queue: bytes, *, send: bytes | None, envelope_id: bytes, envelope: bytes, now: int) -> Future[None]:
        return self._write(
            partial(units.put, queue=queue, send=send, envelope_id=envelope_id, envelope=envelope, now=now),
            checks_first=True,
        )

    def fetch(
        self, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int = MAX_FETCHED_OCTETS
    ) -> Future[Fetched]:
        view = partial(
            views.fetch, limits=self._limits, queue=queue, receive=receive, after=after, now=now, octets=octets
        )
        return self._readers.read(view, partial(self._give, queue, now))

    def acknowledge(
        self, queue: bytes, *, receive: bytes | None, envelope_ids: Sequence[bytes], now: int
    ) -> Future[None]:
        return self._write(
            partial(units.acknowledge, queue=queue, receive=receive, envelope_ids=envelope_ids, now=now),
            checks_first=True,
        )

    async def subscribe(self, queue: bytes, subscriber: Subscriber, *, receive: bytes | None) -> None:
        await self.status(queue, receive=receive)
        self._subscribers.add(queue, subscriber)

    def unsubscribe(self, queue: bytes, subscriber: Subscriber) -> None:
        self._subscribers.remove(queue, subscriber)

    async def publish(
        self,
        queue: bytes,
        *,
        receive: bytes | None,
        cards: Sequence[bytes],
        last_resort: bytes | None,
        tokens: Sequence[bytes],
        now: int,
    ) -> int:
        unit = partial(
            units.publish, queue=queue, receive=receive, cards=cards, last_resort=last_resort, tokens=tokens, now=now
        )
        return await self._write(unit)

    async def claim(self, queue: bytes, *, send: bytes | None, token: bytes | None, now: int) -> Claimed:
        return await self._write(partial(units.claim, queue=queue, send=send, token=token, now=now))

    async def put_blob(
        self,
        queue: bytes,
        *,
        receive: bytes | None,
        blob: bytes,
        delete: bytes,
        size: int,
        octets: AsyncIterable[bytes],
        now: int,
    ) -> int:
        looked = partial(views.blob_put, queue=queue, receive=receive, blob=blob, deletion=delete, now=now)
        there, kept = await self._readers.read(looked)
        if there:
            return await self.renew_blobs(queue, receive=receive, now=now)
        if kept + self._arriving[queue] + size > self._limits.queue_blob_octets:
            raise rules.blobs_full()
        if self.totals.blob_octets + self._arriving.total() + size > self._limits.blob_octets:
            raise rules.relay_full()
        self._arriving[queue] += size
        try:
            file = await self._blobs.write(size, octets)
            note = partial(
                units.keep_blob, queue=queue, receive=receive, blob=blob, deletion=delete, size=size, file=file, now=now
            )
            await self._note(note, file)
        finally:
            self._arriving[queue] -= size
            self._arriving += Counter()  # without those that have none
        return self._limits.blob_age

    async def _note(self, unit: Callable[[Unit], Any], file: str) -> None:
        """Run a unit that notes a file. Where it does not, the file is deleted, whatever becomes of the caller."""
        kept = False
        with CancelScope(shield=True):  # it may be committed although nobody waits any more
            try:
                kept = await self._write(unit)
            finally:
                if not kept:
                    await to_thread.run_sync(self._blobs.delete, [file])

    async def open_blob(self, blob: bytes, *, now: int) -> OpenBlob:
        file, size = await self._readers.read(partial(views.blob, blob=blob, now=now))
        return await self._blobs.open(file, size)

    async def delete_blobs(self, blobs: Sequence[tuple[bytes, bytes]]) -> None:
        await self._write(partial(units.delete_blobs, blobs=blobs))

    async def renew_blobs(self, queue: bytes, *, receive: bytes | None, now: int) -> int:
        await self._write(partial(units.renew_blobs, queue=queue, receive=receive, now=now))
        return self._limits.blob_age

    async def invite(self, invitation: bytes, *, queues: int) -> None:
        await self._write(partial(units.invite, invitation=invitation, queues=queues))

    async def set_draining(self, *, draining: bool) -> None:
        await self._write(partial(units.set_draining, draining=draining))
        self._draining = draining

    async def sweep(self, *, now: int) -> bool:
        while lost := self._lost[:_LOST_AT_ONCE]:
            await self._write(partial(units.lose_blobs, files=lost))
            del self._lost[: len(lost)]
        return await self._write(partial(units.sweep, now=now))

    def _write(self, unit: Callable[[Unit], Any], *, checks_first: bool = False) -> Future[Any]:
        job = Job(unit, checks_first=checks_first)
        self._writer.submit(job)
        return job.future

    def _give(self, queue: bytes, now: int, page: views.Page, future: Future[Fetched]) -> None:
        """Set a page as the result once it is noted that the queue's owner was here today."""
        if page.seen == now // DAY:
            future.set_result(page.fetched)
            return

        def noted(done: Future[None]) -> None:
            done.exception()  # the disk takes nothing; what can be read is given, and the next fetch tries again
            if not future.done():  # whoever waited was cancelled
                future.set_result(page.fetched)

        self._write(partial(units.touch, queue=queue, now=now)).add_done_callback(noted)

    def _close(self) -> None:
        self._readers.join()
        self._writer.close()


async def open_store(
    path: Path, limits: StoreLimits, *, min_free: int = 0, max_file: int | None = None, new: bool = True
) -> SqliteStore:
    """Open the database at `path`; where it may be `new`, make it if it is not there.

    `min_free` octets of the disk stay free. The file has at most `max_file` octets.
    Raise StoreMissing, StoreUnusable or sqlite3.Error.
    """
    return await to_thread.run_sync(partial(SqliteStore, path, limits, min_free=min_free, max_file=max_file, new=new))
