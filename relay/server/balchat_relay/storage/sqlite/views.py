"""What is read beside the writer: views of the last commit, on threads with connections of their own."""

import sqlite3
from asyncio import Future, get_running_loop
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from balchat_relay_proto.replies import Fetched, QueueStatus, Stored
from balchat_relay_proto.sizes import MAX_FETCHED

from balchat_relay.storage import rules
from balchat_relay.storage.contract import StoreLimits
from balchat_relay.storage.sqlite.units import quota
from balchat_relay.storage.sqlite.writer import StoreBroken

READERS: Final = 2

View = Callable[[sqlite3.Cursor], Any]
_Job = tuple[View, Callable[[Any, BaseException | None], None]]


def fetch(
    sql: sqlite3.Cursor, limits: StoreLimits, queue: bytes, *, receive: bytes | None, after: int, now: int, octets: int
) -> tuple[Fetched, int]:
    """QueueStore.fetch; also the day on which the owner was last seen."""
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
    return Fetched(stored=tuple(given), more=more), seen


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


class Readers:
    """Runs views. SQLite takes a view's snapshot at its first statement, hence after the call for it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        connections = [connect() for _ in range(READERS)]
        self._threads = [Thread(target=self._run, args=(one,), name="store reader", daemon=True) for one in connections]
        for thread in self._threads:
            thread.start()

    async def read(self, view: View) -> Any:
        """Run a view; give its result or raise its error."""
        loop = get_running_loop()
        future: Future[Any] = loop.create_future()
        self._queue.put((view, partial(_hand_over, future)))
        return await future

    def close(self) -> None:
        """Finish what was submitted, and wait for the threads' end. Blocks."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, connection: sqlite3.Connection) -> None:
        cursor = connection.cursor()
        while (job := self._queue.get()) is not None:
            view, hand_over = job
            result: Any = None
            error: BaseException | None = None
            try:
                cursor.execute("BEGIN")
                result = view(cursor)
            except sqlite3.Error as problem:
                error = StoreBroken(str(problem))
            except BaseException as problem:  # noqa: BLE001  # it belongs to the caller; this thread goes on
                error = problem
            finally:
                cursor.close()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                cursor = connection.cursor()
            hand_over(result, error)
            del job, view, hand_over, result, error  # no envelope stays alive while we wait
        connection.close()


def _hand_over(future: Future[Any], result: Any, error: BaseException | None) -> None:
    try:
        future.get_loop().call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:  # the loop has ended: nobody is left who could be told
        return


def _settle(future: Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error.with_traceback(None))
