"""The files of a vault, and what is done to them from outside."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from stat import S_IMODE
from time import monotonic
from typing import Final

import anyio
import pytest

from balchat_host.api.storage import ReadTransaction, SlotKind, SqlRow, Storage
from balchat_host.testing.spellings import stands_in
from balchat_host.testing.storage_child import TABLE, Orders, Task, child, pair, write_pair
from balchat_host.testing.storage_kit import (
    PASSPHRASE,
    StorageKit,
    as_it_is,
    new_vault,
    unlocked,
)
from balchat_host.testing.waiting import PATIENCE

NEEDLE: Final = "a needle that nobody must find"
FEW: Final = 200
"""Units that are written before something happens."""

DAMAGES: Final = 24
"""How many places of each file are damaged."""

Contents = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a process left: a vault, and the numbers of the units in it that were acknowledged."""

    vault: Path
    acknowledged: frozenset[int]

    def require_kept(self, found: list[SqlRow]) -> None:
        """Assert that every acknowledged unit is there, and every unit that is there is whole."""
        numbers = sorted({number for number, _ in found if isinstance(number, int)})
        assert self.acknowledged <= set(numbers), "an acknowledged unit is gone"
        assert found == [(number, text) for number in numbers for text in pair(number)], "a unit is there in part"


def contents(directory: Path) -> Contents:
    """Read every file below a directory, by its relative path."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def places(size: int) -> list[int]:
    """Choose offsets all over a file: the first and the last octets, and what lies between them."""
    return sorted({0, size - 1, *(size * step // DAMAGES for step in range(DAMAGES))}) if size else []


def flip(octets: bytes, place: int) -> bytes:
    """Turn one bit over."""
    return octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :]


def truncate(octets: bytes, place: int) -> bytes:
    """Cut off what follows."""
    return octets[:place]


def halves(tx: ReadTransaction) -> list[SqlRow]:
    """Return all that a child wrote."""
    return tx.query("SELECT number, text FROM half ORDER BY number, text")


def orders(task: Task, storage: Storage, directory: Path, *, source: Path | None = None) -> Orders:
    """Orders for a child."""
    return Orders(task=task, storage=storage, directory=directory, passphrase=PASSPHRASE, source=source)


def open_once(storage: Storage, directory: Path, opened: Callable[[], None] = lambda: None) -> list[SqlRow]:
    """Unlock the vault, call `opened`, read all that children wrote, and lock it."""

    async def look() -> list[SqlRow]:
        async with unlocked(storage, directory) as vault:
            opened()
            return await vault.read(halves)

    return anyio.run(look)


async def unlock_once(storage: Storage, directory: Path) -> None:
    """Unlock a vault and lock it."""
    async with unlocked(storage, directory):
        pass


async def create_once(storage: Storage, directory: Path) -> None:
    """Make a vault and lock it."""
    async with new_vault(storage, directory):
        pass


async def restore_once(storage: Storage, directory: Path, source: Path) -> None:
    """Restore a vault as it is."""
    await storage.restore(directory, source, SlotKind.PASSPHRASE, PASSPHRASE, as_it_is)


def require_whole_or_none(storage: Storage, directory: Path, number: int) -> None:
    """Assert that a child's creation was finished with all of its first unit, or can be done again."""
    if storage.exists(directory):
        assert open_once(storage, directory) == [(number, text) for text in pair(number)]
    else:
        anyio.run(create_once, storage, directory)


def await_paths(folder: Path, number: int, *, beside: Collection[str]) -> None:
    """Wait until so many files and folders lie in a folder, not counting what has these names and lies below it."""
    deadline = monotonic() + PATIENCE
    while (found := _paths(folder, beside)) < number:
        assert monotonic() < deadline, f"{found} of {number} files and folders have come"


def _paths(folder: Path, beside: Collection[str]) -> int:
    found = 0
    for place, folders, files in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [name for name in folders if name not in beside]
        found += len(folders) + len(files)
    return found


def require_private(directory: Path) -> None:
    """Assert that folders have the mode 0700 and files 0600."""
    for path in (directory, *directory.rglob("*")):
        mode, expected = S_IMODE(path.stat().st_mode), 0o700 if path.is_dir() else 0o600
        assert mode == expected, f"{path.name} has the mode {mode:o} instead of {expected:o}"


def require_all_private(folder: Path) -> None:
    """Assert the same of everything in a folder, but not of the folder itself."""
    for path in folder.iterdir():
        require_private(path)


def require_unreadable(directory: Path, needles: Iterable[bytes]) -> None:
    """Assert that no needle occurs in a file or in a name, in any of the usual spellings."""
    for name, octets in contents(directory).items():
        for needle in needles:
            assert not stands_in(needle, octets, name.encode()), f"found in {name}"


def locked_vault(storage: Storage, directory: Path, units: int = FEW) -> Left:
    """Make a vault, write some units, and lock it as it should be."""
    numbers = range(units)

    async def write() -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(lambda tx: tx.script(TABLE))
            for number in numbers:
                await vault.transact(partial(write_pair, number))

    anyio.run(write)
    return Left(vault=directory, acknowledged=frozenset(numbers))


def killed_vault(storage: Storage, locked: Left, units: int = FEW) -> Left:
    """Have a process open a vault, write some more units, and be killed while it writes."""
    with child(orders(Task.WRITE, storage, locked.vault)) as process:
        numbers = set(islice(process, units)) | process.kill()
    return Left(vault=locked.vault, acknowledged=locked.acknowledged | numbers)


class FileStorageKitBase(StorageKit):
    """What each part of the kit needs."""

    scratch: frozenset[str] = frozenset()
    """Files, relative to the vault's directory, whose octets may change though the vault was not opened."""

    @pytest.fixture
    def locked(self, storage: Storage, directory: Path) -> Left:
        """A vault that was locked as it should be."""
        return locked_vault(storage, directory)

    @pytest.fixture
    def killed(self, storage: Storage, locked: Left) -> Left:
        """A vault whose process was killed while it wrote."""
        return killed_vault(storage, locked)

    @pytest.fixture(params=["locked", "killed"])
    def left(self, request: pytest.FixtureRequest) -> Left:
        """A vault that was locked, and one whose process was killed."""
        return request.getfixturevalue(request.param)

    def lasting(self, directory: Path) -> Contents:
        """Read every file but the scratch files."""
        return {name: octets for name, octets in contents(directory).items() if name not in self.scratch}
