"""The one thread that changes the database: units of many requests, one commit.

While one commit waits for the disk, units gather; the next commit takes them together. A unit is a savepoint inside of
it, so that one that raises undoes only itself. Nobody is told of anything before the commit is on the disk.
"""

import os
import sqlite3
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final

from balchat_relay_proto.errors import Refused

from balchat_relay.storage import rules
from balchat_relay.storage.contract import StoreLimits, Totals
from balchat_relay.storage.sqlite.blob_files import BlobFiles
from balchat_relay.storage.sqlite.trouble import LOW, disk_takes_nothing, in_words
from balchat_relay.storage.sqlite.units import Unit
from balchat_relay.storage.subscribers import Stored, Subscribers

MAX_UNITS: Final = 512
RESERVE: Final = 32 * 2**20
"""Octets of the disk that nothing new may take, whatever the operator allows: without room nothing can be deleted."""
MAX_SECONDS: Final = 0.02
"""A commit takes no further unit once it has this many, or has gathered for this long."""

_TOTALS: Final = ("queues", "envelopes", "octets", "cards", "blobs", "blob_octets")
_READ_TOTALS: Final = f"SELECT {', '.join(_TOTALS)} FROM totals"  # noqa: S608  # our own names
_WRITE_TOTALS: Final = f"UPDATE totals SET {', '.join(f'{name} = ?' for name in _TOTALS)}"  # noqa: S608  # our own names


class Job:
    """One unit, and the future of whoever waits for it. Made in the event loop.

    A unit that `checks_first` refuses before it changes anything, and so needs no savepoint of its own.
    """

    __slots__ = ("checks_first", "error", "future", "loop", "result", "run")

    def __init__(self, run: Callable[[Unit], Any], *, checks_first: bool) -> None:
        self.run = run
        self.checks_first = checks_first
        self.loop: AbstractEventLoop = get_running_loop()
        self.future: Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class Batch:
    """The units of one commit, and what follows once it is on the disk: who hears of what."""

    __slots__ = ("deleted", "jobs", "stored")

    def __init__(self, *jobs: Job) -> None:
        self.jobs = list(jobs)
        self.stored: list[Stored] = []
        self.deleted: list[bytes] = []


@dataclass(slots=True)
class _Done:
    """What the units of a transaction that is under way have done."""

    stored: list[Stored] = field(default_factory=list[Stored])
    deleted: list[bytes] = field(default_factory=list[bytes])
    files: list[str] = field(default_factory=list[str])


class Writer:
    """Runs units in the order in which they are submitted. Owns the connection; `min_free` is in octets of the disk."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        folder: Path,
        limits: StoreLimits,
        min_free: int,
        subscribers: Subscribers,
        blobs: BlobFiles,
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._folder = folder
        self._limits = limits
        self._min_free = max(min_free, RESERVE)
        self._subscribers = subscribers
        self._blobs = blobs
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        row = self._cursor.execute(_READ_TOTALS).fetchone()
        self._totals: dict[str, int] = dict(zip(_TOTALS, row, strict=True))
        self.totals = Totals(**self._totals)
        self.trouble: str | None = None
        """Why nothing new is taken, in words, or None (QueueStore.trouble)."""
        self._met: str | None = None  # what kept a unit of the transaction that is under way from writing
        self._looked = False  # whether one of the same looked if there is room for more
        # A daemon: a program that fails must still be able to end.
        self._thread = Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Run a unit, after those before it."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish what was submitted, close the connection, and wait for the thread's end. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            batch = Batch(job)
            self._commit(batch, gather=True)
            with suppress(RuntimeError):  # the loop has ended: nobody is left who could be told
                job.loop.call_soon_threadsafe(self._tell, batch)
            del job, batch  # no envelope stays alive while we wait
        self._connection.close()

    def _commit(self, batch: Batch, *, gather: bool) -> None:
        """Run the batch, and where `gather` what is submitted meanwhile, as one transaction of the database."""
        before = dict(self._totals)
        self._met, self._looked = None, False
        done = _Done()
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            room = self._room_on_disk()
            self._run_unit(batch.jobs[0], done, room=room)
            if gather:
                self._gather(batch.jobs, done, room=room)
            if self._totals != before:
                self._cursor.execute(_WRITE_TOTALS, tuple(self._totals[name] for name in _TOTALS))
            self._cursor.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the callers; this thread goes on
            self._totals = before
            self._undo(batch, error)
            return
        grown = self._totals["octets"] > before["octets"] or self._totals["queues"] > before["queues"]
        if not room:
            self.trouble = LOW
        elif self._met is not None or grown or self._looked:
            self.trouble = self._met
        self.totals = Totals(**self._totals)
        # Asked after the commit: whoever subscribes later fetches later, and finds it.
        batch.stored += [each for each in done.stored if each.queue in self._subscribers]
        batch.deleted += done.deleted
        # What is left where this dies, or the disk fails, is deleted when the store is opened next.
        self._blobs.delete(done.files)

    def _gather(self, jobs: list[Job], done: _Done, *, room: bool) -> None:
        deadline = monotonic() + MAX_SECONDS
        while len(jobs) < MAX_UNITS and monotonic() < deadline:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return
            if job is None:
                self._queue.put(None)
                return
            jobs.append(job)
            self._run_unit(job, done, room=room)

    def _run_unit(self, job: Job, done: _Done, *, room: bool) -> None:
        """Run one unit in a savepoint. Raise only what undoes the whole transaction."""
        if not job.checks_first:
            self._cursor.execute("SAVEPOINT unit")
        unit = Unit(self._cursor, self._limits, dict(self._totals), room)
        try:
            job.result = job.run(unit)
        except sqlite3.Error as error:
            if job.checks_first or not (disk_takes_nothing(error) and self._connection.in_transaction):
                raise
            self._met = in_words(error)
            job.error = rules.relay_full()
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            job.error = error
        if job.error is not None:
            if not job.checks_first:
                self._cursor.execute("ROLLBACK TO unit")
        else:
            self._totals = unit.totals
            self._looked = self._looked or unit.looked
            done.stored += unit.stored
            done.deleted += unit.deleted
            done.files += unit.files
        if not job.checks_first:
            self._cursor.execute("RELEASE unit")

    def _undo(self, batch: Batch, error: BaseException) -> None:
        """Undo the transaction. Where the disk was full, try each unit alone: those that delete may well succeed."""
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._cursor.execute("ROLLBACK")
        self.trouble = in_words(error)
        full = disk_takes_nothing(error)
        if full and len(batch.jobs) > 1:
            for job in batch.jobs:
                job.error = job.result = None
                alone = Batch(job)
                self._commit(alone, gather=False)
                batch.stored += alone.stored
                batch.deleted += alone.deleted
            return
        for job in batch.jobs:
            if job.error is None:
                # Each caller gets an exception of its own: several tasks would garble the traceback of one.
                job.error = rules.relay_full() if full else StoreBroken(str(error))

    def _tell(self, batch: Batch) -> None:
        """Tell everybody who waits or has subscribed how it came out. In the event loop."""
        for job in batch.jobs:
            if job.future.done():  # whoever waited was cancelled
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(_fresh(job.error))
        self._subscribers.tell(batch.stored)
        self._subscribers.deleted(batch.deleted)

    def _room_on_disk(self) -> bool:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize >= self._min_free


class StoreBroken(Exception):
    """The database failed; the message is SQLite's."""


def _fresh(error: BaseException) -> BaseException:
    # A thread's traceback would keep its frames, and so an envelope, alive.
    return error.with_traceback(None) if isinstance(error, Refused) else error
