"""The one thread that changes the database: units of many callers, one commit.

While one commit waits for the disk, units gather; the next commit takes them together. A unit is a savepoint inside of
it, so that one that raises undoes only itself; the first needs none, as there is nothing before it. Nobody is told of
success before the commit is on the disk.
"""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final

from balchat_host.api.errors import BalchatError, StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.sql import AreaRows
from balchat_host.api.storage import SqlValue, Transaction
from balchat_storage_sqlcipher.driver import Connection, Driver
from balchat_storage_sqlcipher.faults import fault
from balchat_storage_sqlcipher.jobs import Job, wake
from balchat_storage_sqlcipher.transaction import Unit

MAX_UNITS: Final = 256
MAX_SECONDS: Final = 0.05
"""A commit takes no further unit once it has this many, or has gathered for this long.

Each commit waits for the disk once; what people do at once shares one, and nobody notices when the first waits so long.
"""

IDLE_SECONDS: Final = 2.0
"""After so long without a unit the log is emptied: until then it holds what pages said before they were changed."""

_BUSY_TIMEOUT: Final = 5000
"""Milliseconds that a statement waits for a lock, as the driver sets it."""

WriteJob = Job[Transaction, Any]


class Writer:
    """Runs units in the order in which they are submitted. Owns the connection."""

    def __init__(
        self, driver: Driver, connection: Connection, condition: Callable[[], str | None] = lambda: None
    ) -> None:
        """`condition` says what is wrong with the disk as a whole, where that can be seen."""
        self._condition = condition
        self._driver = driver
        self._connection = connection
        self._cursor = connection.cursor()
        self._queue: SimpleQueue[WriteJob | None] = SimpleQueue()
        self._area_rows = AreaRows()
        self._refusal: BalchatError | None = None
        self._log_holds_pages = True
        # Daemonic: a program that forgets to lock its vault must still be able to end.
        self._thread = Thread(target=self._run, name="vault writer", daemon=True)
        self._thread.start()

    def submit(self, job: WriteJob) -> None:
        """Have a unit run. Its caller waits for `job.outcome()`."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish what was submitted, close the connection, and wait for the thread's end. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            batch = [job]
            self._commit(batch)
            wake(batch)
        self._connection.close()

    def _next(self) -> WriteJob | None:
        """Wait for the next unit, and empty the log while none comes."""
        while self._log_holds_pages:
            try:
                return self._queue.get(timeout=IDLE_SECONDS)
            except Empty:
                self._empty_log()
        return self._queue.get()

    def _empty_log(self) -> None:
        """Move what is in the log into the database, unless somebody is reading: then it is tried again.

        A disk that fails here fails the next unit, which has a caller to tell.
        """
        try:
            self._cursor.execute("PRAGMA busy_timeout = 0").fetchall()  # a unit must not wait for a reader
            busy = self._cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
            self._cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}").fetchall()
        except self._driver.errors:
            busy = 0
        self._log_holds_pages = bool(busy)

    def _commit(self, batch: list[WriteJob]) -> None:
        """Run the batch, and what is submitted meanwhile, as one transaction of the database."""
        try:
            self._begin()
            self._run_units(batch)
            self._area_rows.write(self._own)
            self._own("COMMIT")
            self._log_holds_pages = True
        except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the callers; this thread goes on
            self._undo(batch, error)
        finally:
            self._area_rows = AreaRows()  # they hold ratchets

    def _begin(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        self._own("BEGIN IMMEDIATE")
        self._area_rows = AreaRows()

    def _run_units(self, batch: list[WriteJob]) -> None:
        deadline = monotonic() + MAX_SECONDS
        self._run_first(batch[0])
        while len(batch) < MAX_UNITS and monotonic() < deadline:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return
            if job is None:
                self._queue.put(None)
                return
            batch.append(job)
            self._run_next(job)

    def _run_first(self, job: WriteJob) -> None:
        """Run the first unit of a transaction. Raise only what undoes the whole of it."""
        self._run_unit(job)
        if job.error is not None:
            self._own("ROLLBACK")
            self._begin()

    def _run_next(self, job: WriteJob) -> None:
        """Run one more unit, in a savepoint. Raise only what undoes the whole transaction."""
        self._own("SAVEPOINT unit")
        before = self._area_rows.copy()
        self._run_unit(job)
        if job.error is not None:
            self._own("ROLLBACK TO unit")
            self._area_rows.restore(before)
        self._own("RELEASE unit")

    def _run_unit(self, job: WriteJob) -> None:
        unit = Unit(self._driver, self._cursor, self._area_rows)
        try:
            job.result = job.function(unit)
        except BaseException as error:  # noqa: BLE001  # it belongs to the caller
            job.error = error
        unit.end()
        broken = unit.fault
        if broken is not None:
            job.error = broken  # even where the unit swallowed it
            if not (isinstance(broken, StorageFull) and self._connection.in_transaction):
                raise broken

    def _undo(self, batch: list[WriteJob], error: BaseException) -> None:
        """Undo the transaction, and tell every unit in it that did not fail by itself."""
        if isinstance(error, StorageFailed) and (reason := self._condition()) is not None:
            # SQLite says only that reading or writing has failed.
            error = StorageFailed(problem=reason)
        if isinstance(error, StorageFailed | VaultDamaged):
            self._refusal = error
        if self._connection.in_transaction:
            try:
                self._cursor.execute("ROLLBACK")
            except self._driver.errors as failure:
                self._refusal = StorageFailed(problem=str(failure))
        for job in batch:
            if job.error is None:
                # Each caller gets an exception of its own: several tasks would garble the traceback of one.
                job.error = type(error)(**error.fields) if isinstance(error, BalchatError) else error

    def _own(self, sql: str, parameters: Sequence[SqlValue] = ()) -> None:
        try:
            self._cursor.execute(sql, parameters)
        except self._driver.errors as error:
            raise fault(error) from error
