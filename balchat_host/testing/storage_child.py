"""A process that uses a vault until it is killed. `file_storage_kit` starts it.

It reads `Orders` from standard input and writes one line to standard output for each thing that it has done.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    """Make a vault with the first pair of rows, write `0`, and end; or die before, `at` its files."""

    DIE_RESTORING = "die restoring"
    """Restore the directory from `source`, write `0`, and end; or die before, `at` its files."""

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
    at: int = 0
    """Where to die (`death.die_touching`)."""
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
    anyio.run(_work, pickle.load(sys.stdin.buffer))  # noqa: S301  # it comes from the test that started this process


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
        die_touching(orders.directory, orders.at)
        await (await orders.storage.create(orders.directory, slots, partial(fill, 0))).aclose()
        _report(0)
    else:
        for number in count():
            await (await orders.storage.create(orders.directory / str(number), slots, partial(fill, number))).aclose()
            _report(number)


async def _restore(orders: Orders) -> None:
    assert orders.source is not None, "there is nothing to restore from"
    die_touching(orders.directory, orders.at)
    await orders.storage.restore(orders.directory, orders.source, SlotKind.PASSPHRASE, orders.passphrase, _as_it_is)
    _report(0)


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
