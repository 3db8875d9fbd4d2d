"""Sealed files on a real disk, with real threads: sizes, modes, ranges, full disks, files that vanish."""

from __future__ import annotations

import errno
import os
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from balchat_host.api.errors import BadInput, FileUnreadable, StorageFailed, StorageFull
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.folder import DiskFolder
from balchat_host.runtime.files.offload import Ended, Threads
from balchat_host.runtime.files.sealing import open_sealed, seal
from balchat_host.runtime.files.service import FileService
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.waiting import closing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_host.runtime.files.sealing import Sealed

pytestmark = pytest.mark.anyio
STEP = 256 * 1024


class Account(MemoryAccount):
    """An account whose files lie on a disk."""

    def __init__(self, folder: DiskFolder) -> None:
        super().__init__()
        self.runner = self._new_runner(self.follow)
        self.disk = folder
        self.service = self.start()

    def start(self) -> FileService:
        """Return what has the files after a start."""
        status = self.live_status
        return FileService(self.runner, self.disk, Threads(), status.presence, status.changed)


@pytest.fixture
def folder(tmp_path: Path) -> DiskFolder:
    return DiskFolder(tmp_path / "files")


@pytest.fixture
def account(folder: DiskFolder) -> Account:
    return Account(folder)


async def write(account: Account, octets: bytes) -> str:
    file = await account.service.attach("notes.bin", len(octets), None)
    for offset in range(0, len(octets), STEP):
        await account.service.write(file.id, offset, octets[offset : offset + STEP])
    return file.id


async def read(account: Account, file: str, offset: int = 0, size: int | None = None) -> bytes:
    return b"".join([piece async for piece in account.service.read(file, offset, size)])


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 2**20, 2**20 + 1, 5_000_000])
async def test_what_is_written_is_read_again_and_lies_there_sealed(account: Account, tmp_path: Path, size: int) -> None:
    octets = Random(size).randbytes(size)
    file = await write(account, octets)
    assert await read(account, file) == octets
    assert await read(account, file, size // 2, 10) == octets[size // 2 : size // 2 + 10]
    (path,) = (tmp_path / "files").iterdir()
    assert path.stat().st_size == Shape(size).sealed_size
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
    assert len(octets) < 16 or octets[:16] not in path.read_bytes()
    assert b"age" not in path.read_bytes()[:100]


async def test_who_stops_reading_ends_the_work(account: Account) -> None:
    file = await write(account, bytes(3_000_000))
    for _ in range(3):
        async with closing(account.service.read(file, 100, None)) as pieces:
            assert await anext(pieces)


async def test_a_writer_that_is_gone_ends_with_the_account(account: Account, tmp_path: Path) -> None:
    file = await account.service.attach("notes.bin", 10**6, None)
    await account.service.write(file.id, 0, bytes(100_000))
    await account.service.close()
    with pytest.raises(BadInput):
        await account.service.write(file.id, 100_000, b"more")
    account.service = account.start()
    await account.service.open()
    assert await account.app.files.list() == []
    assert list((tmp_path / "files").glob("*")) == []


class FullDisk(DiskFolder):
    """A disk that is full from some write on."""

    writes = 3

    def append(self, name: str, octets: bytes) -> None:
        self._use()
        super().append(name, octets)

    def sync(self, name: str) -> None:
        self._use()
        super().sync(name)

    def _use(self) -> None:
        self.writes -= 1
        if self.writes < 0:
            raise StorageFull


@pytest.mark.parametrize("writes", [0, 1, 2, 5])
async def test_a_disk_that_gets_full_leaves_nothing(tmp_path: Path, writes: int) -> None:
    folder = FullDisk(tmp_path / "files")
    account = Account(folder)
    folder.writes = writes
    with pytest.raises(StorageFull):
        await write(account, bytes(5 * 65_536 - 32))
    await account.service.collect()
    assert list((tmp_path / "files").glob("*")) == []
    assert await account.service._runner.read(lambda tx: tx.query("SELECT * FROM file")) == []
    folder.writes = 10**6
    assert await read(account, await write(account, b"room again")) == b"room again"


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EIO, StorageFailed)])
async def test_errors_of_the_disk_are_told_apart(
    folder: DiskFolder, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(error):
        await anyio.to_thread.run_sync(folder.write, "a", 0, b"x")


@pytest.mark.parametrize("harm", ["vanish", "truncate"])
async def test_what_is_lost_on_the_disk_is_said_to_be(account: Account, tmp_path: Path, harm: str) -> None:
    bob = account.befriend("Bob")
    ours = await write(account, bytes(200_000))
    await account.app.messages.send("Bob", "here", files=[ours])
    for path in (tmp_path / "files").iterdir():
        path.unlink() if harm == "vanish" else os.truncate(path, 70_000)
    with pytest.raises((StorageFailed, FileUnreadable)):
        await read(account, ours)
    again = account.start()
    await again.open()
    view = await account.app.files.get(ours)
    assert (view.state, view.reason, view.here) == ("gone", "lost", 0)
    assert list((tmp_path / "files").iterdir()) == []
    del bob


async def test_what_nobody_knows_of_is_deleted_at_the_start(account: Account, tmp_path: Path) -> None:
    file = await write(account, b"kept")
    (tmp_path / "files" / ("0" * 32)).write_bytes(b"left over")
    await account.start().open()
    assert len(list((tmp_path / "files").iterdir())) == 1
    assert await read(account, file) == b"kept"


async def test_folders_of_others_are_left_alone_and_keep_no_account_from_opening(
    account: Account, tmp_path: Path
) -> None:
    file = await write(account, b"kept")
    (tmp_path / "files" / ".thumbnails").mkdir()
    await account.start().open()
    assert (tmp_path / "files" / ".thumbnails").is_dir()
    assert await read(account, file) == b"kept"


async def test_a_file_that_vanishes_while_the_folder_is_read_loses_no_other(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await write(account, b"kept")
    kept = {path.name for path in (tmp_path / "files").iterdir()}
    (tmp_path / "files" / ("0" * 32)).write_bytes(b"left over")

    class Entries(list[os.DirEntry[str]]):
        __enter__: Any = lambda self: self
        __exit__: Any = lambda *_: None

    def scan(folder: Path, *, scandir: Any = os.scandir) -> Entries:
        with scandir(folder) as entries:
            found = Entries(entries)
        for each in folder.iterdir():
            if each.name not in kept:
                each.unlink()
        return found

    monkeypatch.setattr("balchat_host.runtime.files.folder.os.scandir", scan)
    await account.start().open()
    assert await read(account, file) == b"kept"


async def test_what_is_removed_is_not_in_the_folder(account: Account, tmp_path: Path) -> None:
    account.befriend("Bob")

    async def send(conversation: str, text: str) -> str:
        return (await account.app.messages.send(conversation, text, files=[await write(account, text.encode())])).id

    async def lying() -> int:
        await account.service.collect()
        return len(list((tmp_path / "files").glob("*")))

    deleted, here_only, removed = [await send("Bob", text) for text in ("one", "two", "three")]
    note = await send("me", "four")
    assert await lying() == 4
    await account.app.messages.delete(deleted)
    assert await lying() == 3
    await account.app.messages.delete(here_only, for_me=True)
    assert await lying() == 2
    await account.app.contacts.remove("Bob")
    assert await lying() == 1
    await account.app.messages.delete(note)
    assert await lying() == 0
    del removed


async def test_two_messages_may_have_one_file(account: Account, tmp_path: Path) -> None:
    file = await write(account, b"octets")
    first = await account.app.messages.send("me", "", files=[file])
    await account.app.messages.send("me", "", files=[file])
    await account.app.messages.delete(first.id)
    await account.service.collect()
    assert await read(account, file) == b"octets"


async def test_what_its_sender_sealed_wrongly_does_not_open() -> None:
    octets = bytes(200_000)
    pieces: list[bytes] = []
    made = seal(Shape(len(octets)), _reader(octets), pieces.append)
    whole = bytearray(b"".join(pieces))
    for harm in (
        lambda: whole.__setitem__(-1, whole[-1] ^ 1),
        lambda: whole.__delitem__(slice(-100, None)),
        whole.clear,
    ):
        harm()
        with pytest.raises(FileUnreadable):
            _open(made, bytes(whole))
    with pytest.raises(FileUnreadable):
        open_sealed(b"AGE-SECRET-KEY-1" + b"Q" * 58, made.header, _reader(b"".join(pieces)), lambda _: None)
    assert _open(made, b"".join(pieces)) == octets


def _reader(octets: bytes) -> Callable[[int], bytes]:
    left = bytearray(octets)

    def read(size: int) -> bytes:
        taken = bytes(left[:size])
        del left[: len(taken)]
        return taken

    return read


def _open(made: Sealed, octets: bytes) -> bytes:
    plain: list[bytes] = []
    open_sealed(made.key, made.header, _reader(octets), plain.append)
    return b"".join(plain)


async def test_jobs_pass_on_what_fails_and_end_when_they_are_told() -> None:
    offload = Threads()

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    feed = offload.feed(fail)
    with pytest.raises(ZeroDivisionError):
        await offload.run(feed.finish)
    drain = offload.drain(fail)
    with pytest.raises(ZeroDivisionError):
        await offload.run(drain.get)
    waiting = offload.feed(lambda read: read(1))
    await offload.run(waiting.abort)
    with pytest.raises(Ended):
        await offload.run(waiting.put, b"x")
