"""What happens to a file while one of its parts is being written, and how much of the disk files leave free."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.errors import StorageFull
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.service import RESERVE, FileService
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.memory_files import AtOnce

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from balchat_host.runtime.files.part_store import WantedFile

pytestmark = pytest.mark.anyio

OCTETS = Random(1).randbytes(150_000)
PART = Shape(len(OCTETS)).part_size


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Slow(AtOnce):
    """Does the work at once, and has something else happen before whoever waits for it goes on."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None
        self.before: Callable[[Callable[..., Any]], Awaitable[Any]] | None = None

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self.before is not None:
            await self.before(function)
        result = await super().run(function, *arguments)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return result


class Account(MemoryAccount):
    """An account of which a contact has offered files."""

    def __init__(self) -> None:
        super().__init__()
        self.bob = self.befriend("Bob")
        self.slow = Slow()
        status = self.live_status
        self.service = FileService(
            self._new_runner(self.follow), self.folder, self.slow, status.presence, status.changed
        )

    async def wanted(self) -> list[tuple[WantedFile, bytes]]:
        """Return what is wanted, and the sealed octets of each, once their manifests are here."""
        (peer,) = await self.service.parts.wanted_from()
        found = await self.service.parts.wanted(peer, 9)
        for file in found:
            await self.service.parts.store_manifest(file.number, self.bob._sealed[file.root][0])
        return [(file, self.bob._sealed[file.root][1]) for file in found]

    async def store(self, file: WantedFile, sealed: bytes, index: int) -> bool:
        return await self.service.parts.store(file.number, index, sealed[index * PART :][:PART])


@pytest.mark.parametrize("index", [1, Shape(len(OCTETS)).parts - 1])
async def test_what_is_paused_while_a_part_is_written_goes_on_and_is_the_file(index: int) -> None:
    account = Account()
    offered = account.bob.offer("notes.bin", OCTETS).id
    await account.app.files.fetch(offered)
    ((file, sealed),) = await account.wanted()
    for each in range(index):
        await account.store(file, sealed, each)
    account.slow.meanwhile = lambda: account.app.files.pause(offered)
    await account.store(file, sealed, index)
    await account.app.files.fetch(offered)
    for run in await account.service.parts.missing(file.number):
        for each in run:
            await account.store(file, sealed, each)
    assert (await account.app.files.get(offered)).state == "complete"
    assert b"".join([piece async for piece in account.service.read(offered, 0, None)]) == OCTETS


async def test_what_is_removed_while_a_part_is_written_leaves_nothing() -> None:
    account = Account()
    offered = account.bob.offer("notes.bin", OCTETS).id
    await account.app.files.fetch(offered)
    ((file, sealed),) = await account.wanted()
    account.slow.meanwhile = lambda: account.service.remove(offered)
    assert not await account.store(file, sealed, 0)
    assert account.folder.files == {}


async def test_what_is_removed_while_a_part_is_written_leaves_nothing_though_its_stream_ends() -> None:
    account = Account()
    offered = account.bob.offer("notes.bin", OCTETS).id
    await account.app.files.fetch(offered)
    ((file, sealed),) = await account.wanted()
    ((stored_as,),) = account.read(lambda tx: tx.query("SELECT stored_as FROM file WHERE stored_as IS NOT NULL"))
    with anyio.CancelScope() as scope:

        async def remove() -> None:
            await account.service.remove(offered)
            account.folder.write(stored_as, 0, b"what the thread writes now")
            scope.cancel()

        account.slow.meanwhile = remove
        await account.store(file, sealed, 0)
    assert account.folder.files == {}


async def test_what_is_removed_while_it_is_written_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    written = await account.service.attach("notes.bin", len(OCTETS), None)
    (feed,) = (writing.feed for writing in account.service._writing.values())
    ((stored_as,),) = account.read(lambda tx: tx.query("SELECT stored_as FROM file"))

    async def collect(function: Callable[..., Any]) -> None:
        if function == feed.abort:
            await account.service.collect()

    # The thread that seals writes what it has, and then ends.
    monkeypatch.setattr(feed, "abort", lambda: account.folder.append(stored_as, b"the last piece"))
    account.slow.before = collect
    await account.service.remove(written.id)
    assert account.folder.files == {}


async def test_files_that_come_at_once_leave_the_reserve_free() -> None:
    account = Account()
    for name in ("one.bin", "other.bin"):
        await account.app.files.fetch(account.bob.offer(name, name.encode() + OCTETS).id)
    room = RESERVE + Shape(len(OCTETS)).sealed_size + PART
    account.folder.room = lambda: room - sum(map(len, account.folder.files.values()))

    async def fetch_all() -> None:
        for file, sealed in await account.wanted():
            for index in range(Shape(file.size).parts):
                await account.store(file, sealed, index)

    with pytest.raises(StorageFull):
        await fetch_all()
    assert account.folder.room() >= RESERVE
