"""What is read beside the writer: views of the last commit, on threads with connections of their own."""

import sqlite3
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, TypeAlias

from balchat_relay_proto.replies import Fetched, QueueStatus, Stored
from balchat_relay_proto.sizes import MAX_FETCHED, MAX_FETCHED_OCTETS

from balchat_relay.storage import rules
from balchat_relay.storage.contract import StoreLimits
from balchat_relay.storage.sqlite.units import quota
from balchat_relay.storage.sqlite.writer import StoreBroken

READERS: Final = 2

_TOGETHER: Final = 64
_OCTETS_TOGETHER: Final = MAX_FETCHED_OCTETS
"""A reader takes no more views at once, and gives back what it has once the envelopes are this large."""

View: TypeAlias = Callable[[sqlite3.Cursor], Any]
Give: TypeAlias = Callable[[Any, Future[Any]], None]


class Page(NamedTuple):
    """What one fetch read: the page itself, its octets, and the day on which the queue's owner was last seen."""

    fetched: Fetched
    octets: int
    seen: int


def fetch(
    sql: sqlite3.Cursor, limits: StoreLimits, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int
) -> Page:
    """QueueStore.fetch."""
    found = sql.execute("SELECT row, receive, seen FROM queues WHERE id = ?", (queue,)).fetchone()
    rules.admit(there=found is not None, stored=found[1] if found else None, presented=receive)
    row, _, seen = found
    given: list[Stored] = []
    size, more = 0, False
    for sequence, body in sql.execute(
        "SELECT sequence, body FROM envelopes WHERE queue = ? AND sequence > ? AND arrived > ? ORDER BY sequence",
        (row, after, now - limits.max_age),
    ):
        size += len(body)
        if given and (size > octets or len(given) == MAX_FETCHED):
            more = True
            break
        given.append(Stored(sequence=sequence, envelope=body))
    return Page(Fetched(stored=tuple(given), more=more), size, seen)


def status(sql: sqlite3.Cursor, limits: StoreLimits, queue: bytes, *, receive: bytes | None) -> QueueStatus:
    """QueueStore.status."""
    found = sql.execute("SELECT row, receive, envelopes, octets, cards FROM queues WHERE id = ?", (queue,)).fetchone()
    rules.admit(there=found is not None, stored=found[1] if found else None, presented=receive)
    row, kept_receive, envelopes, octets, cards = found
    last_resort = sql.execute("SELECT 1 FROM cards WHERE queue = ? AND last_resort", (row,)).fetchone()
    max_envelopes, max_octets = quota(limits, inbox=kept_receive is None)
    return QueueStatus(
        envelopes=envelopes,
        octets=octets,
        max_envelopes=max_envelopes,
        max_octets=max_octets,
        cards=cards,
        last_resort=last_resort is not None,
    )


def blob_put(
    sql: sqlite3.Cursor, queue: bytes, *, receive: bytes | None, blob: bytes, deletion: bytes, now: int
) -> tuple[bool, int]:
    """Return whether a blob is there already, and the octets of the queue's blobs. Raise Refused."""
    found = sql.execute("SELECT row, receive, blob_octets, blobs_until FROM queues WHERE id = ?", (queue,)).fetchone()
    rules.admit(there=found is not None, stored=found[1] if found else None, presented=receive)
    _, _, octets, until = found
    there = sql.execute(
        "SELECT deletion, blobs_until FROM blobs JOIN queues ON queues.row = blobs.queue WHERE blobs.id = ?", (blob,)
    ).fetchone()
    if there is None or there[1] <= now:
        return False, 0 if until <= now else octets
    rules.admit_blob(stored=there[0], presented=deletion)
    return True, octets


def blob(sql: sqlite3.Cursor, blob: bytes, *, now: int) -> tuple[str, int]:
    """Return what a blob's file is called, and its size. Raise Refused (NO_BLOB)."""
    found = sql.execute(
        "SELECT file, size, blobs_until FROM blobs JOIN queues ON queues.row = blobs.queue WHERE blobs.id = ?", (blob,)
    ).fetchone()
    if found is None or found[2] <= now:
        raise rules.no_blob()
    return found[0], found[1]


class Job:
    """A view, the future of whoever waits, and how it `gives` that its result. Made in the event loop."""

    __slots__ = ("error", "future", "give", "result", "view")

    def __init__(self, view: View, future: Future[Any], give: Give) -> None:
        self.view = view
        self.future = future
        self.give = give
        self.result: Any = None
        self.error: BaseException | None = None


class Readers:
    """Runs views. SQLite takes a snapshot at its first statement, so after the calls for all views that share it.

    Waking a thread costs more than most views. So what is asked for in one turn of the event loop, or while every
    reader is busy, goes to a reader together and comes back together.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._waiting: deque[Job] = deque()
        self._giving = False
        connections = [connect() for _ in range(READERS)]
        self._queues: list[_Queue] = [SimpleQueue() for _ in connections]
        self._free = list(self._queues)
        self._threads = [
            Thread(target=self._run, args=each, name="store reader", daemon=True)
            for each in zip(connections, self._queues, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def read(self, view: View, give: Give | None = None) -> Future[Any]:
        """Run a view; return its result, or what `give` makes of it in the event loop, or raise its error."""
        loop = get_running_loop()
        job = Job(view, loop.create_future(), give or _as_it_is)
        self._waiting.append(job)
        if self._free and not self._giving:
            self._giving = True
            loop.call_soon(self._give, loop)
        return job.future

    def stop(self) -> None:
        """Finish what was asked for, and take nothing more. In the event loop."""
        self._queues[0].put((list(self._waiting), get_running_loop()))
        self._waiting.clear()
        self._free.clear()
        for queue in self._queues:
            queue.put(None)

    def join(self) -> None:
        """Wait for the threads' end. Blocks."""
        for thread in self._threads:
            thread.join()

    def _give(self, loop: AbstractEventLoop) -> None:
        self._giving = False
        while self._free and self._waiting:
            count = min(len(self._waiting), _TOGETHER)
            self._free.pop().put(([self._waiting.popleft() for _ in range(count)], loop))

    def _take_back(self, jobs: list[Job], queue: "_Queue", loop: AbstractEventLoop) -> None:
        self._free.append(queue)
        self._give(loop)
        _settle(jobs)

    def _run(self, connection: sqlite3.Connection, queue: "_Queue") -> None:
        while (given := queue.get()) is not None:
            jobs, loop = given
            done: list[Job] = []
            octets = 0
            for job in jobs:
                _look(connection, job)
                done.append(job)
                octets += job.result.octets if isinstance(job.result, Page) else 0
                if octets > _OCTETS_TOGETHER:
                    _soon(loop, _settle, done)
                    done, octets = [], 0
            if connection.in_transaction:
                connection.rollback()
            _soon(loop, self._take_back, done, queue, loop)
            del given, jobs, loop, done  # no envelope stays alive while we wait
        connection.close()


_Queue: TypeAlias = "SimpleQueue[tuple[list[Job], AbstractEventLoop] | None]"


def _look(connection: sqlite3.Connection, job: Job) -> None:
    """Run a view in the transaction of those before it; some errors end that."""
    cursor = connection.cursor()
    try:
        if not connection.in_transaction:
            cursor.execute("BEGIN")
        job.result = job.view(cursor)
    except sqlite3.Error as problem:
        job.error = StoreBroken(str(problem))
    except BaseException as problem:  # noqa: BLE001  # it belongs to the caller; this thread goes on
        job.error = problem.with_traceback(None)  # its frames would keep an envelope alive
    finally:
        cursor.close()


def _soon(loop: AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    with suppress(RuntimeError):  # the loop has ended: nobody is left who could be told
        loop.call_soon_threadsafe(function, *arguments)


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.done():  # whoever waited was cancelled
            continue
        if job.error is None:
            job.give(job.result, job.future)
        else:
            job.future.set_exception(job.error)


def _as_it_is(result: Any, future: Future[Any]) -> None:
    future.set_result(result)
