"""A process that uses a vault until it is killed. `file_storage_kit` starts it.

It reads `Orders` from standard input and writes one line to standard output for each thing that it has done.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import anyio

from balchat_host.api.storage import SlotKind, Storage, Transaction, Vault
from balchat_host.api.types import Secret
from balchat_host.testing.death import die, die_touching

WRITERS: Final = 16
FIRST_NUMBER: Final = 1_000_000
TABLE: Final = "CREATE TABLE half (number INTEGER NOT NULL, text TEXT NOT NULL) STRICT;"


class Task(StrEnum):
    """What a child does. A line of its output is what it has done, and was told is done."""

    HOLD = "hold"
    """Unlock the vault; write `0` once it is open, and keep it open."""

    WRITE = "write"
    """Unlock the vault and write numbered pairs of rows into `half` without end."""

    CREATE = "create"
    """Make the vaults `0`, `1`, `2` … in the directory without end, each with a pair of rows of its number."""

    DIE_FILLING = "die filling"
    """Begin to make a vault, and die at the end of its first unit."""

    DIE_TOUCHING = "die touching"
    """Make the vaults `1`, `2` … in the directory, each with the first pair of rows.

    Die making each, one file later than the last one. Write each number, and end with the first vault that is made.
    """

    DIE_RESTORING = "die restoring"
    """Restore `1`, `2` … in the directory from `source`, and die meanwhile in the same way."""

    BACK_UP = "back up"
    """Unlock the vault in `source` and copy it to `0`, `1`, `2` … in the directory without end."""

    DIE_AMENDING = "die amending"
    """Unlock the vault in `source`, begin to copy it to the directory, and die at the end of what amends the copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a child is to do. The storage must be one that `pickle` can carry."""

    task: Task
    storage: Storage
    directory: Path
    passphrase: Secret
    source: Path | None = None
    """What to restore from, or to copy."""


class Child:
    """A running child. Iterating gives the numbers that it writes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self._process = process
        self._numbers = map(int, process.stdout)

    def __iter__(self) -> Iterator[int]:
        return self._numbers

    def kill(self) -> set[int]:
        """Kill it (SIGKILL); return the numbers that it wrote and that nobody has taken yet."""
        self._process.kill()
        return set(self._numbers)


@contextmanager
def child(orders: Orders) -> Generator[Child]:
    """Run a child until the block ends, then kill it."""
    # Not `-m`: this module must be the same one for the process and for what `pickle` brings.
    command = [sys.executable, "-c", "from balchat_host.testing.storage_child import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(orders))
        process.stdin.close()
        try:
            yield Child(process)
        finally:
            process.kill()


def main() -> None:
    """Be the child."""
    orders: Orders = pickle.load(sys.stdin.buffer)  # noqa: S301  # it comes from the test that started this process
    if orders.task in {Task.DIE_TOUCHING, Task.DIE_RESTORING}:
        _die_everywhere(orders)
    else:
        anyio.run(_work, orders)


def _die_everywhere(orders: Orders) -> None:
    """Carry out the orders in one process after the other, of which each dies later, until one survives."""
    for number in count(1):
        # A fork, since a new process would import everything again; no thread has been started yet.
        process = os.fork()
        if not process:
            die_touching(orders.directory / str(number), number)
            anyio.run(_work, replace(orders, directory=orders.directory / str(number)))
            return
        _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status):
            sys.exit("it failed, before it was to die")
        _report(number)
        if not os.WIFSIGNALED(status):
            return


def pair(number: int) -> tuple[str, str]:
    """Return the two texts that a unit writes."""
    return f"first half of {number}", f"second half of {number}"


def write_pair(number: int, tx: Transaction) -> None:
    """The unit that a child writes."""
    for text in pair(number):
        tx.execute("INSERT INTO half VALUES (?, ?)", (number, text))


def fill(number: int, tx: Transaction) -> None:
    """The first unit of a vault that a child makes."""
    tx.script(TABLE)
    write_pair(number, tx)


def _as_it_is(tx: Transaction) -> None:
    del tx


def _amend_and_die(tx: Transaction) -> None:
    del tx
    die()


def _fill_and_die(tx: Transaction) -> None:
    fill(0, tx)
    die()


async def _create(orders: Orders) -> None:
    slots = {SlotKind.PASSPHRASE: orders.passphrase}
    if orders.task is Task.DIE_FILLING:
        await orders.storage.create(orders.directory, slots, _fill_and_die)
    elif orders.task is Task.DIE_TOUCHING:
        await (await orders.storage.create(orders.directory, slots, partial(fill, 0))).aclose()
    else:
        for number in count():
            await (await orders.storage.create(orders.directory / str(number), slots, partial(fill, number))).aclose()
            _report(number)


async def _restore(orders: Orders) -> None:
    assert orders.source is not None, "there is nothing to restore from"
    await orders.storage.restore(orders.directory, orders.source, SlotKind.PASSPHRASE, orders.passphrase, _as_it_is)


async def _back_up(orders: Orders) -> None:
    assert orders.source is not None, "there is nothing to copy"
    vault = await orders.storage.unlock(orders.source, SlotKind.PASSPHRASE, orders.passphrase)
    if orders.task is Task.DIE_AMENDING:
        await vault.backup(orders.directory, _amend_and_die)
    else:
        for number in count():
            await vault.backup(orders.directory / str(number), _as_it_is)
            _report(number)


async def _work(orders: Orders) -> None:
    if orders.task is Task.DIE_RESTORING:
        await _restore(orders)
        return
    if orders.task in {Task.CREATE, Task.DIE_FILLING, Task.DIE_TOUCHING}:
        await _create(orders)
        return
    if orders.task in {Task.BACK_UP, Task.DIE_AMENDING}:
        await _back_up(orders)
        return
    vault = await orders.storage.unlock(orders.directory, SlotKind.PASSPHRASE, orders.passphrase)
    if orders.task is Task.WRITE:
        numbers = count(FIRST_NUMBER)
        async with anyio.create_task_group() as tasks:
            for _ in range(WRITERS):
                tasks.start_soon(_write, vault, numbers)
    _report(0)
    await anyio.sleep_forever()


async def _write(vault: Vault, numbers: "count[int]") -> None:
    for number in numbers:
        await vault.transact(partial(write_pair, number))
        _report(number)


def _report(number: int) -> None:
    os.write(sys.stdout.fileno(), b"%d\n" % number)
