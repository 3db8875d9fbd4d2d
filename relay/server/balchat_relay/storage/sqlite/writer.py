"""The one thread that changes the database: units of many requests, one commit.

While one commit waits for the disk, units gather; the next commit takes them together. A unit is a savepoint inside of
it, so that one that raises undoes only itself. Nobody is told of success before the commit is on the disk; only the
observer hears of an envelope a little earlier (docs/spec/relay.md, Push).
"""

import logging
import os
import sqlite3
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final

from balchat_relay_proto.errors import Refused

from balchat_relay.storage import rules
from balchat_relay.storage.contract import Observer, Place, StoreLimits, Totals
from balchat_relay.storage.sqlite.trouble import LOW, disk_takes_nothing, in_words
from balchat_relay.storage.sqlite.units import Unit

_log: Final = logging.getLogger(__name__)

MAX_UNITS: Final = 512
RESERVE: Final = 32 * 2**20
"""Octets of the disk that nothing new may take, whatever the operator allows: without room nothing can be deleted."""
MAX_SECONDS: Final = 0.02
"""A commit takes no further unit once it has this many, or has gathered for this long."""

_TOTALS: Final = ("queues", "envelopes", "octets", "cards")


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


class Writer:
    """Runs units in the order in which they are submitted. Owns the connection; `min_free` is in octets of the disk."""

    def __init__(self, connection: sqlite3.Connection, *, folder: Path, limits: StoreLimits, min_free: int) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._folder = folder
        self._limits = limits
        self._min_free = max(min_free, RESERVE)
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        row = self._cursor.execute("SELECT queues, envelopes, octets, cards FROM totals").fetchone()
        self._totals: dict[str, int] = dict(zip(_TOTALS, row, strict=True))
        self.totals = Totals(**self._totals)
        self.observer: Observer | None = None
        self.trouble: str | None = None
        """Why nothing new is taken, in words, or None (QueueStore.trouble)."""
        self._met: str | None = None  # what kept a unit of the transaction that is under way from writing
        self._looked = False  # whether one of the same looked if there is room for more
        self._places: list[Place] = []  # of the transaction that is under way
        self._announced: dict[bytes, bool] = {}  # of the same: whether news of a queue is told before it is committed
        # Daemonic: a program that fails shall still be able to end.
        self._thread = Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have a unit run."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish what was submitted, close the connection, and wait for the thread's end. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            batch = [job]
            self._commit(batch, gather=True)
            wake(batch)
        self._connection.close()

    def _commit(self, batch: list[Job], *, gather: bool) -> None:
        """Run the batch, and where `gather` what is submitted meanwhile, as one transaction of the database."""
        before = dict(self._totals)
        self._met, self._looked = None, False
        self._places = []
        self._announced = {}
        deleted: list[bytes] = []
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            room = self._room_on_disk()
            self._run_unit(batch[0], deleted, room=room)
            if gather:
                self._gather(batch, deleted, room=room)
            if self._totals != before:
                self._cursor.execute("UPDATE totals SET queues = ?, envelopes = ?, octets = ?, cards = ?", tuple(
                    self._totals[name] for name in _TOTALS
                ))  # fmt: skip
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
        self._tell(deleted)

    def _gather(self, batch: list[Job], deleted: list[bytes], *, room: bool) -> None:
        deadline = monotonic() + MAX_SECONDS
        while len(batch) < MAX_UNITS and monotonic() < deadline:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return
            if job is None:
                self._queue.put(None)
                return
            batch.append(job)
            self._run_unit(job, deleted, room=room)

    def _run_unit(self, job: Job, deleted: list[bytes], *, room: bool) -> None:
        """Run one unit in a savepoint. Raises only what undoes the whole transaction."""
        if not job.checks_first:
            self._cursor.execute("SAVEPOINT unit")
        before = len(self._places)
        unit = Unit(self._cursor, self._limits, dict(self._totals), room, self._arriving)
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
            self._not_arrived(before)
        else:
            self._totals = unit.totals
            self._looked = self._looked or unit.looked
            deleted += unit.deleted
        if not job.checks_first:
            self._cursor.execute("RELEASE unit")

    def _arriving(self, place: Place, envelope: bytes) -> None:
        self._places.append(place)
        if self.observer is None:
            return
        if place.queue not in self._announced:
            self._announced[place.queue] = self.observer.wants(place.queue)
        if self._announced[place.queue]:
            self.observer.arrived(place, envelope)

    def _not_arrived(self, first: int) -> None:
        """Take back what arrived in this transaction, from the `first` on."""
        places = self._places[first:]
        del self._places[first:]
        if self.observer is not None and places:
            _tell(self.observer.undone, places)

    def _undo(self, batch: list[Job], error: BaseException) -> None:
        """Undo the transaction. Where the disk was full, try each unit alone: those that delete may well succeed."""
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._cursor.execute("ROLLBACK")
        self._not_arrived(0)
        self.trouble = in_words(error)
        full = disk_takes_nothing(error)
        if full and len(batch) > 1:
            for job in batch:
                job.error = job.result = None
                self._commit([job], gather=False)
            return
        for job in batch:
            if job.error is None:
                # Each caller gets an exception of its own: several tasks would garble the traceback of one.
                job.error = rules.relay_full() if full else StoreBroken(str(error))

    def _tell(self, deleted: list[bytes]) -> None:
        if self.observer is None:
            return
        _tell(self._tell_committed, self.observer)
        for queue in deleted:
            _tell(self.observer.deleted, queue)

    def _tell_committed(self, observer: Observer) -> None:
        if wanted := [place for place in self._places if observer.wants(place.queue)]:
            observer.committed(wanted)

    def _room_on_disk(self) -> bool:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize >= self._min_free


class StoreBroken(Exception):
    """The database failed; the message is SQLite's."""


def _tell(tell: Callable[[Any], None], what: object) -> None:
    """Tell the observer something. Whatever goes wrong there is done in the database all the same."""
    try:
        tell(what)
    except Exception as error:  # noqa: BLE001  # this thread must go on, or nothing is stored any more
        _log.error("telling of what was stored failed: %s", type(error).__name__)


def wake(jobs: list[Job]) -> None:
    """Tell everybody who waits for one of these jobs; one call into the event loop."""
    with suppress(RuntimeError):  # the loop has ended: nobody is left who could be told
        jobs[0].loop.call_soon_threadsafe(_settle, jobs)


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.done():  # whoever waited was cancelled
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(_fresh(job.error))


def _fresh(error: BaseException) -> BaseException:
    # A thread's traceback would keep its frames, and so an envelope, alive.
    return error.with_traceback(None) if isinstance(error, Refused) else error
