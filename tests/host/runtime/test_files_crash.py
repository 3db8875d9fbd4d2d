"""A death at every step of writing, fetching and removing a file: the next start goes on, ends right, leaves nothing.

A step is a write into the folder or a commit of the vault; the process dies before it or after it, and what it had in
memory is gone.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from balchat_host.core.files import rows
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.service import FileService
from balchat_host.testing.app_kit.files import picture_with_metadata
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.memory_files import AtOnce, MemoryFolder, decode_here

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

pytestmark = pytest.mark.anyio

OCTETS = Random(1).randbytes(150_000)
PARTS = Shape(len(OCTETS)).parts


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Died(BaseException):
    """The process is gone."""


class Fate:
    """Dies at a step, counted from 0."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Died


class MortalFolder(MemoryFolder):
    """A folder whose process may die before or after each change of it."""

    def __init__(self, files: dict[str, bytearray], fate: Fate) -> None:
        super().__init__()
        self.files = files
        self._fate = fate

    def write(self, name: str, offset: int, octets: bytes) -> None:
        self._fate.step()
        super().write(name, offset, octets)
        self._fate.step()

    def append(self, name: str, octets: bytes) -> None:
        self._fate.step()
        super().append(name, octets)
        self._fate.step()

    def delete(self, names: Iterable[str]) -> None:
        self._fate.step()
        super().delete(names)
        self._fate.step()


class MortalRunner:
    """Runs units on the vault of an account, whose process may die before or after each commit."""

    def __init__(self, runner: UnitOfWorkRunner, fate: Fate) -> None:
        self._runner = runner
        self._fate = fate
        self.read = runner.read

    async def change(self, fn: Callable[[Any], Any]) -> Any:
        self._fate.step()
        result = await self._runner.change(fn)
        self._fate.step()
        return result


class Account(MemoryAccount):
    """An account that starts again and again."""

    def start(self, fate: Fate) -> FileService:
        runner: Any = MortalRunner(self._new_runner(self.follow), fate)
        folder = MortalFolder(self.folder.files, fate)
        return FileService(
            runner, folder, AtOnce(), self.live_status.presence, self.live_status.changed, decode=decode_here
        )


async def die_everywhere(
    begin: Callable[[Account], Awaitable[Any]],
    work: Callable[[FileService, Account, Any], Awaitable[None]],
    check: Callable[[Account, FileService, Any], Awaitable[None]],
) -> None:
    """Do `work` with a death at each step of it, and again after the next start; `check` what there is then."""
    for at in count():
        account = Account()
        given = await begin(account)
        survived = False
        try:
            service = account.start(Fate(at))
            await service.open()
            await work(service, account, given)
            survived = True
        except Died:
            pass
        service = account.start(Fate(10**9))
        await service.open()
        await work(service, account, given)
        await service.collect()
        await check(account, service, given)
        if survived:
            assert at > 5, "there were steps to die at"
            return


async def offered(account: Account) -> tuple[str, dict[bytes, tuple[bytes, bytes]]]:
    bob = account.befriend("Bob")
    file = bob.offer("notes.bin", OCTETS).id
    await account.app.files.fetch(file)
    return file, bob._sealed


async def fetch(service: FileService, account: Account, given: tuple[str, dict[bytes, tuple[bytes, bytes]]]) -> None:
    """Do what the puller does: take the manifest, and each part that is not here."""
    ((manifest, sealed),) = given[1].values()
    (peer,) = await service.parts.wanted_from() or [None]
    for file in [] if peer is None else await service.parts.wanted(peer, 9):
        await service.parts.store_manifest(file.number, manifest)
        size = Shape(file.size).part_size
        for run in await service.parts.missing(file.number):
            for index in run:
                await service.parts.store(file.number, index, sealed[index * size :][:size])


async def test_fetching_goes_on_wherever_it_died() -> None:
    async def check(account: Account, service: FileService, given: tuple[str, object]) -> None:
        view = await account.app.files.get(given[0])
        assert (view.state, view.here) == ("complete", len(OCTETS))
        assert [len(octets) for octets in account.folder.files.values()] == [Shape(len(OCTETS)).sealed_size]
        assert b"".join([piece async for piece in service.read(given[0], 0, None)]) == OCTETS

    await die_everywhere(offered, fetch, check)


async def test_no_part_that_is_noted_is_fetched_again() -> None:
    for parts in range(PARTS):
        account = Account()
        given = await offered(account)
        service = account.start(Fate(10**9))
        ((manifest, sealed),) = given[1].values()
        (peer,) = await service.parts.wanted_from()
        (file,) = await service.parts.wanted(peer, 9)
        await service.parts.store_manifest(file.number, manifest)
        for index in range(parts):
            assert await service.parts.store(file.number, index, sealed[index * 65_536 :][:65_536])
        again = account.start(Fate(10**9))
        await again.open()
        assert [index for run in await again.parts.missing(file.number) for index in run] == list(range(parts, PARTS))


async def test_what_was_half_written_is_gone_and_can_be_written_again() -> None:
    async def nothing(account: Account) -> None:
        del account

    async def write(service: FileService, account: Account, given: None) -> None:
        file = await service.attach("notes.bin", len(OCTETS), None)
        for offset in range(0, len(OCTETS), 50_000):
            await service.write(file.id, offset, OCTETS[offset : offset + 50_000])
        await account.app.messages.send("me", "", files=[file.id])

    async def check(account: Account, service: FileService, given: None) -> None:
        found = await account.app.files.list("me")
        everything = account.read(lambda tx: rows.where(tx, "1"))
        assert {row.state for row in everything} == {"complete"}
        assert set(account.folder.files) == {row.stored_as for row in everything}
        for file in found:
            assert b"".join([piece async for piece in service.read(file.id, 0, None)]) == OCTETS

    await die_everywhere(nothing, write, check)


async def test_what_is_removed_is_gone_wherever_it_died() -> None:
    async def begin(account: Account) -> str:
        given = await offered(account)
        await fetch(account.start(Fate(10**9)), account, given)
        return given[0]

    async def remove(service: FileService, account: Account, file: str) -> None:
        await service.remove(file)

    async def check(account: Account, service: FileService, file: str) -> None:
        assert (await account.app.files.get(file)).state == "offered"
        assert account.folder.files == {}
        assert account.read(lambda tx: tx.query("SELECT * FROM discarded_file UNION SELECT file FROM manifest")) == []

    await die_everywhere(begin, remove, check)


async def test_of_a_picture_only_the_copy_without_metadata_is_left_wherever_it_died() -> None:
    picture = picture_with_metadata()

    async def nothing(account: Account) -> None:
        del account

    async def write(service: FileService, account: Account, given: None) -> None:
        file = await service.attach("harbour.jpg", len(picture), "image/jpeg")
        await service.write(file.id, 0, picture)
        await account.app.messages.send("me", "", files=[file.id])

    async def check(account: Account, service: FileService, given: None) -> None:
        everything = account.read(lambda tx: rows.where(tx, "1"))
        assert {row.state for row in everything} == {"complete"}
        assert set(account.folder.files) == {row.stored_as for row in everything}
        for file in await account.app.files.list("me"):
            octets = b"".join([piece async for piece in service.read(file.id, 0, None)])
            assert octets[:3] == b"\xff\xd8\xff"
            assert b"Exif" not in octets

    await die_everywhere(nothing, write, check)
