"""The threads that read beside the writer, each with a connection of its own."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from balchat_host.api.errors import WorldError
from balchat_host.api.storage import ReadTransaction
from balchat_storage_sqlcipher.driver import Connection, Driver
from balchat_storage_sqlcipher.jobs import Job, wake
from balchat_storage_sqlcipher.transaction import View

READERS: Final = 2
"""One long search leaves room for short reads."""

ReadJob = Job[ReadTransaction, Any]


class Readers:
    """Runs views. SQLite takes a view's snapshot at its first statement, so after the call for it."""

    def __init__(self, driver: Driver, connect: Callable[[], Connection]) -> None:
        self._driver = driver
        self._connect = connect
        self._queue: SimpleQueue[ReadJob | None] = SimpleQueue()
        self._threads = [Thread(target=self._run, name="vault reader", daemon=True) for _ in range(READERS)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: ReadJob) -> None:
        """Have a view run. Its caller waits for `job.outcome()`."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish what was submitted, and wait for the threads' end. Blocks."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection: Connection | None = None
        while (job := self._queue.get()) is not None:
            try:
                connection = connection or self._connected()
                self._view(connection, job)
            except BaseException as error:  # noqa: BLE001  # it belongs to the caller; this thread goes on
                job.error = error
                if connection is not None and isinstance(error, WorldError):
                    connection.close()  # after a fault SQLCipher may refuse pages that are whole, too
                    connection = None
            wake([job])
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        with self._driver.faults():
            return self._connect()

    def _view(self, connection: Connection, job: ReadJob) -> None:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        view = View(self._driver, cursor)
        try:
            job.result = job.function(view)
        finally:
            view.end()
            if connection.in_transaction:
                cursor.execute("ROLLBACK")
