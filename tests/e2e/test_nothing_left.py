"""What is deleted is not on the disk any more: every page of the vault and its log is decrypted and looked through."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread
import pytest
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher import writer
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage
from balchat_storage_sqlcipher.writer import Writer

from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.core import account, contacts, schema
from balchat_host.core.eras import keeping, retention
from balchat_host.core.files import sending
from balchat_host.core.files.preview import SmallPicture
from balchat_host.core.first_contact import answering
from balchat_host.core.messages import changing, expiry
from balchat_host.core.messages.compose import compose
from balchat_host.core.search import index
from balchat_host.core.unit_of_work import Policy
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.dict_area import DictArea
from balchat_host.testing.waiting import PATIENCE
from tests.support.sqlcipher_pages import decrypted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from balchat_host.core.rows import Era
    from balchat_host.core.unit_of_work import UnitOfWork

T = TypeVar("T")

pytestmark = pytest.mark.anyio

PASSPHRASE = Secret.from_text("correct horse battery staple")
START = 1_800_000_000_000
WORD = "zephyrquartz"
PIECE = 24
"""Octets: so few do not come twice by chance."""
TEXT = f"Nobody but us shall read {WORD}. "


class Disk:
    """A vault in a folder, with what a thief of the disk who has the key reads of it."""

    def __init__(self, folder: Path, runner: UnitOfWorkRunner, keys: list[bytes]) -> None:
        self.folder = folder
        self.runner = runner
        self._keys = keys
        self.now = START

    async def change(self, fn: Callable[[UnitOfWork], T]) -> T:
        return await self.runner.change(fn)

    async def says(self, word: str) -> bool:
        """Return whether some page, of the database or of its log, has a word in it."""
        return await self.holds(word.encode())

    async def holds(self, *secrets: bytes) -> bool:
        """Return whether some page, of the database or of its log, has any of some octets in it."""
        pages = decrypted(self.folder, self._keys[-1])
        return any(each in pages for each in secrets)

    async def engine_rows(self, prefix: bytes) -> list[bytes]:
        """Return short pieces of the engine's rows whose keys begin so: each lies on one page, or on two."""
        rows = await self.change(lambda unit: [row for _, row in unit.keys.scan(prefix)])
        return [row[at : at + PIECE] for row in rows for at in range(0, len(row) - PIECE, 2 * PIECE)]

    async def index(self) -> None:
        while await self.runner.change(index.advance):
            pass


@pytest.fixture
async def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Disk]:
    async with opened(tmp_path / "vault", monkeypatch) as disk:
        yield disk


@asynccontextmanager
async def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Disk]:
    keys: list[bytes] = []
    generate = DataKey.generate

    def noted() -> DataKey:
        key = generate()
        with key.specification() as specification:
            keys.append(bytes.fromhex(specification[2:-1].decode()))
        return key

    monkeypatch.setattr(DataKey, "generate", noted)
    storage = SqlcipherStorage(weak_kdf=Kdf(memory_kib=8, passes=1, lanes=1))
    vault = await storage.create(folder, {SlotKind.PASSPHRASE: PASSPHRASE}, schema.migrate)
    disk: Disk

    def clock() -> int:
        disk.now += 1
        return disk.now

    try:
        runner = UnitOfWorkRunner(vault, MlsEngine(), policy=Policy(), clock=clock, entropy=secrets.token_bytes)
        disk = Disk(folder, runner, keys)
        await runner.change(lambda unit: account.create(unit, "Alice"))
        await runner.change(lambda unit: answering.add_contact(unit, nobody().onion, name="Bob", introduction=""))
        yield disk
    finally:
        await vault.aclose()


async def write(disk: Disk, which: str = "Bob", text: str = TEXT) -> str:
    """Write a message and have it indexed; the disk then says it."""
    message = await disk.change(lambda unit: compose(unit, which, text, reply_to=None))
    await disk.index()
    assert await disk.says(WORD)
    return message.id


async def left(disk: Disk) -> bool:
    """Return whether anything is left once the vault is closed, which moves the log into the database."""
    await disk.runner.vault.aclose()
    return await disk.says(WORD)


async def test_what_is_not_deleted_is_found(disk: Disk) -> None:
    await write(disk)
    assert await left(disk)


async def test_a_message_that_is_deleted(disk: Disk) -> None:
    message = await write(disk)
    await disk.change(lambda unit: changing.delete(unit, message, for_me=False))
    assert not await left(disk)


async def test_a_file_of_a_message_that_is_deleted(disk: Disk) -> None:
    """Its name, its key, the hashes of its parts and its preview; what is in the folder, another test looks at."""
    key, header, manifest, picture = (secrets.token_bytes(size) for size in (74, 200, 32, 4000))

    def send(unit: UnitOfWork) -> str:
        file = sending.begin(unit, name=f"{WORD}.jpg", size=100, content_type="image/jpeg")
        written = sending.Written(
            size=100,
            stored_as="0" * 32,
            content_type="image/jpeg",
            key=key,
            header=header,
            manifest=manifest,
            preview=SmallPicture(octets=picture, width=4, height=3),
        )
        sending.sealed(unit, file.number, written)
        return compose(unit, "me", "", files=[file.file_id.hex()]).id

    message = await disk.change(send)
    pieces = [key[:PIECE], header[:PIECE], manifest[:PIECE], picture[:PIECE], picture[1000:][:PIECE], WORD.encode()]
    assert all([await disk.holds(each) for each in pieces])
    await disk.change(lambda unit: changing.delete(unit, message, for_me=False))
    await disk.runner.vault.aclose()
    assert not await disk.holds(*pieces)


@pytest.mark.parametrize("for_me", [True, False])
async def test_a_note_to_self_that_is_deleted(disk: Disk, for_me: bool) -> None:
    message = await write(disk, "me")
    await disk.change(lambda unit: changing.delete(unit, message, for_me=for_me))
    assert not await left(disk)


async def test_what_is_deleted_here_and_still_leaves_stays_until_it_has_left(disk: Disk) -> None:
    message = await write(disk)
    await disk.change(lambda unit: changing.delete(unit, message, for_me=True))
    assert await left(disk)


async def test_every_version_of_a_message_that_is_deleted(disk: Disk) -> None:
    message = await write(disk, text="nothing " + TEXT)
    await disk.change(lambda unit: changing.edit(unit, message, "Something else."))
    await disk.change(lambda unit: changing.delete(unit, message, for_me=False))
    assert not await left(disk)


async def test_a_long_message_that_is_deleted(disk: Disk) -> None:
    message = await write(disk, text=TEXT * 500)
    await disk.change(lambda unit: changing.delete(unit, message, for_me=False))
    assert not await left(disk)


async def test_a_conversation_with_its_contact(disk: Disk) -> None:
    for number in range(50):
        await write(disk, text=f"{number} {TEXT}")
    await disk.change(lambda unit: contacts.remove(unit, "Bob"))
    assert not await left(disk)


async def test_a_message_that_is_deleted_while_the_account_is_up(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await write(disk)
    await disk.change(lambda unit: changing.delete(unit, message, for_me=False))
    emptied = Event()
    empty_log = Writer._empty_log  # pyright: ignore[reportPrivateUsage]  # nothing else tells that it has happened

    def told(self: Writer) -> None:
        empty_log(self)
        emptied.set()

    monkeypatch.setattr(Writer, "_empty_log", told)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.01)
    await disk.change(lambda unit: None)
    assert await anyio.to_thread.run_sync(emptied.wait, PATIENCE)
    assert not await disk.says(WORD)


async def test_a_message_that_has_expired(disk: Disk) -> None:
    expires = expiry.chosen(after=None, at=START + 3_600_000)
    await disk.change(lambda unit: compose(unit, "me", TEXT, reply_to=None, expires=expires))
    await disk.index()
    assert await disk.says(WORD)
    disk.now += 2 * 3_600_000
    for _ in range(100):
        if not await disk.change(lambda unit: expiry.check(unit, up=3_600_000)):
            break
    await disk.change(lambda unit: expiry.check(unit, up=2 * 3_600_000))
    assert not await left(disk)


# -- eras


async def found_era(disk: Disk) -> Era:
    """Found an era of the conversation with Bob, and hear him in it."""
    them = DictArea()

    def found(unit: UnitOfWork) -> Era:
        peer = unit.engine.create_identity(them, bytes(16), now=unit.seconds)
        package = unit.engine.key_package(them, lifetime=24 * 3600, now=unit.seconds)
        contact = contacts.find(unit.tx, "Bob")
        knows = keeping.known(unit.tx, contact.conversation)
        group_id = unit.entropy(16)
        made = unit.engine.found(unit.keys, group_id, [(peer, package)], knows=knows, now=unit.seconds)
        era = keeping.keep(unit, group_id, made.era_id, founder=contact.us, names=knows, requested=False)
        keeping.use(unit, contact, era)
        keeping.confirm(unit, contact, era, device_id=bytes(16))
        return era

    return await disk.change(found)


async def test_an_era_that_has_gone(disk: Disk) -> None:
    """Seventy-two hours after Bob was heard in the next one."""
    await disk.change(retention.expire)
    first = await found_era(disk)
    secrets = await disk.engine_rows(b"g")
    assert len(secrets) > 15
    assert all([await disk.holds(each) for each in secrets[::10]])
    await found_era(disk)
    for _ in range(74):
        disk.now += 3_600_000
        await disk.change(retention.expire)
    assert await disk.change(lambda unit: keeping.by_number(unit.tx, first.id)) is None
    # What is public of us stands in the rows that are left, too.
    kept = await disk.change(lambda unit: b"|".join(row for _, row in unit.keys.scan()))
    gone = [each for each in secrets if each not in kept]
    assert len(gone) > 15
    await disk.runner.vault.aclose()
    assert not await disk.holds(*gone)


@pytest.mark.parametrize("how", ["used", "forgotten"])
async def test_the_private_half_of_a_key_package_that_was(disk: Disk, how: str) -> None:
    them = DictArea()

    def make(unit: UnitOfWork) -> bytes:
        return unit.engine.key_package(unit.keys, lifetime=24 * 3600, now=unit.seconds)

    def use(unit: UnitOfWork) -> None:
        us = account.load(unit.tx).peer
        unit.engine.create_identity(them, bytes(16), now=unit.seconds)
        made = unit.engine.found(them, b"group", [(us, key_package)], knows=(), now=unit.seconds)
        unit.engine.join(unit.keys, made.welcomes[0], max_members=2)

    key_package = await disk.change(make)
    (row,) = await disk.change(lambda unit: [row for _, row in unit.keys.scan(b"k")])
    private = [row[at : at + PIECE] for at in range(8 + 32, 8 + 32 + 96 - PIECE, PIECE)]
    assert await disk.holds(*private)
    if how == "used":
        await disk.change(use)
    else:
        await disk.change(lambda unit: unit.engine.forget_key_package(unit.keys, key_package))
    await disk.runner.vault.aclose()
    assert not await disk.holds(*private)
