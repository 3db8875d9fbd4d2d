"""The log that a killed process left: lost frames are noticed, and what only looks like a loss is not."""

from __future__ import annotations

import struct
import sys
from itertools import islice
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_storage_sqlcipher.files import VaultFiles
from balchat_storage_sqlcipher.log_check import require_whole_log

from balchat_host.api.errors import VaultDamaged
from balchat_host.testing.file_storage_kit import open_once, orders
from balchat_host.testing.storage_child import TABLE, Task, child
from balchat_host.testing.storage_kit import new_vault

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_storage_sqlcipher.storage import SqlcipherStorage

FRAME = 24 + 4096


@pytest.fixture
def files(storage: SqlcipherStorage, directory: Path) -> VaultFiles:
    """What a killed process left."""

    async def make() -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(lambda tx: tx.script(TABLE))

    anyio.run(make)
    with child(orders(Task.WRITE, storage, directory)) as process:
        assert len(list(islice(process, 100))) == 100
    return VaultFiles(directory)


def test_a_whole_log_passes(files: VaultFiles) -> None:
    require_whole_log(files)
    assert files.log.stat().st_size > 10 * FRAME


def test_a_missing_log_is_noticed(files: VaultFiles) -> None:
    files.log.unlink()
    with pytest.raises(VaultDamaged, match="lost changes that were already saved"):
        require_whole_log(files)


@pytest.mark.parametrize("size", [0, 31, 32, 32 + FRAME - 1, 32 + FRAME])
def test_a_log_that_was_cut_short_is_noticed(files: VaultFiles, size: int) -> None:
    files.log.write_bytes(files.log.read_bytes()[:size])
    with pytest.raises(VaultDamaged):
        require_whole_log(files)


@pytest.mark.parametrize("place", [0, 3, 8, 16, 20, 24, 31, 32, 36, 40, 48, 55, 56, 4000, 32 + FRAME, 33 + FRAME])
def test_a_flipped_octet_is_noticed(files: VaultFiles, place: int) -> None:
    octets = bytearray(files.log.read_bytes())
    octets[place] ^= 1
    files.log.write_bytes(octets)
    with pytest.raises(VaultDamaged):
        require_whole_log(files)


def test_frames_that_the_index_does_not_name_are_not_asked_for(files: VaultFiles) -> None:
    with files.log.open("ab") as log:
        log.write(bytes(3 * FRAME))
    require_whole_log(files)


@pytest.mark.parametrize("copy", [0, 48])
def test_one_damaged_copy_of_the_index_leaves_the_other(files: VaultFiles, copy: int) -> None:
    octets = bytearray(files.log_index.read_bytes())
    octets[copy + 16] ^= 1
    files.log_index.write_bytes(octets)
    files.log.unlink()
    with pytest.raises(VaultDamaged):
        require_whole_log(files)


@pytest.mark.parametrize("octets", [b"", bytes(99), bytes(100), bytes(32768)])
def test_an_index_that_says_nothing_asks_for_nothing(files: VaultFiles, octets: bytes) -> None:
    files.log_index.write_bytes(octets)
    files.log.unlink()
    require_whole_log(files)


def test_frames_that_are_in_the_database_are_not_asked_for(files: VaultFiles) -> None:
    octets = bytearray(files.log_index.read_bytes())
    octets[96:100] = octets[16:20]
    files.log_index.write_bytes(octets)
    files.log.unlink()
    require_whole_log(files)


def test_an_index_of_an_earlier_log_asks_for_nothing(files: VaultFiles, storage: SqlcipherStorage) -> None:
    """As after a power failure: the index had not reached the disk since a new log was begun."""
    early = files.log_index.read_bytes()
    open_once(storage, files.directory)
    with child(orders(Task.WRITE, storage, files.directory)) as process:
        assert len(list(islice(process, 5))) == 5
    files.log_index.write_bytes(early)
    require_whole_log(files)
    open_once(storage, files.directory)


def test_a_log_of_the_other_byte_order_is_read(tmp_path: Path) -> None:
    """A vault may come from a machine of the other byte order; its index then says nothing."""
    files = VaultFiles(tmp_path)
    files.folder.mkdir()
    other = "<" if sys.byteorder == "big" else ">"
    salts, page = b"saltsalt", bytes(range(256)) * 2

    def summed(total: tuple[int, int], octets: bytes) -> tuple[int, int]:
        first, second = total
        words = struct.unpack(f"{other}{len(octets) // 4}I", octets)
        for even, odd in zip(words[::2], words[1::2], strict=True):
            first = (first + even + second) % 2**32
            second = (second + odd + first) % 2**32
        return first, second

    magic = 0x377F0683 if other == ">" else 0x377F0682
    log = struct.pack(">IIII", magic, 3007000, len(page), 0) + salts
    total = summed((0, 0), log)
    log += struct.pack(">II", *total)
    frame = struct.pack(">II", 1, 1)
    total = summed(total, frame + page)
    log += frame + salts + struct.pack(">II", *total) + page
    files.log.write_bytes(log)
    index = struct.pack("=12x4xI12x8s", 1, salts)
    native = "<" if other == ">" else ">"
    first = second = 0
    words = struct.unpack(f"{native}{len(index) // 4}I", index)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) % 2**32
        second = (second + odd + first) % 2**32
    files.log_index.write_bytes((index + struct.pack("=II", first, second)) * 2 + bytes(40))
    require_whole_log(files)
    files.log.write_bytes(log[:-1])
    with pytest.raises(VaultDamaged):
        require_whole_log(files)
