"""What is deleted or has expired stands in no page of the database or its log, decrypted."""

from __future__ import annotations

from secrets import token_bytes
from typing import TYPE_CHECKING, Final, TypeVar

import pytest
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.core import account, schema
from balchat_host.core.content import Expiration
from balchat_host.core.messages import changing, expiry
from balchat_host.core.messages.compose import compose
from balchat_host.core.search import index
from balchat_host.core.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from balchat_host.api.storage import Vault

T = TypeVar("T")

pytestmark = pytest.mark.anyio

KEY: Final = bytes(range(32))
PAGE, RESERVE, IV, SALT = 4096, 80, 16, 16
"""SQLCipher 4: a page ends with its initialization vector and its HMAC; the first one begins with the salt."""
LOG_HEADER, FRAME_HEADER = 32, 24
"""SQLite's write-ahead log (sqlite.org/fileformat2.html, section 4)."""
TEXT: Final = "the goose flies at midnight "
WORDS: Final = (b"goose", b"midnight")


def pages(directory: Path) -> Iterator[bytes]:
    """Yield every page of a vault's database and of its log, decrypted."""
    octets = (directory / "vault" / "database").read_bytes()
    for start in range(0, len(octets), PAGE):
        yield decrypted(octets[start : start + PAGE], first=start == 0)
    log = directory / "vault" / "database-wal"
    octets = log.read_bytes() if log.exists() else b""
    for start in range(LOG_HEADER, len(octets), FRAME_HEADER + PAGE):
        frame = octets[start : start + FRAME_HEADER + PAGE]
        yield decrypted(frame[FRAME_HEADER:], first=int.from_bytes(frame[:4]) == 1)


def decrypted(page: bytes, *, first: bool) -> bytes:
    """Decrypt a page; what is no page, such as one that was never written, comes out as noise."""
    start, end = SALT if first else 0, PAGE - RESERVE
    cipher = Cipher(algorithms.AES256(KEY), modes.CBC(page[end : end + IV])).decryptor()
    return cipher.update(page[start:end]) + cipher.finalize()


def found(directory: Path) -> list[bytes]:
    """Return which of the words stand in the vault."""
    everything = list(pages(directory))
    assert any(b"CREATE TABLE message" in page for page in everything), "the pages are decrypted"
    return [word for word in WORDS if any(word in page for page in everything)]


class Account:
    """An account in a vault, whose time a test moves."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.engine = MlsEngine()
        self.now = 1_800_000_000_000

    async def change(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run a changing function of the core."""
        return await self.vault.transact(
            lambda tx: fn(UnitOfWork(tx=tx, engine=self.engine, now=self.now, entropy=token_bytes))
        )


async def test_what_is_erased_is_overwritten_in_the_database_and_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DataKey, "generate", lambda: DataKey(KEY))
    storage = SqlcipherStorage(weak_kdf=Kdf(memory_kib=8, passes=1, lanes=1))
    slots = {SlotKind.PASSPHRASE: Secret.from_text("correct horse battery staple")}
    vault = await storage.create(tmp_path, slots, schema.migrate)
    alice = Account(vault)
    await alice.change(lambda unit: account.create(unit, "Alice"))
    hour = Expiration(relative=True, time=3600)
    sizes = (1, 100, 1000)  # within a page, and over many
    deleted = [(await alice.change(lambda unit, n=n: compose(unit, "me", TEXT * n))).id for n in sizes]
    for n in sizes:
        await alice.change(lambda unit, n=n: compose(unit, "me", TEXT * n, expires=hour))
    for message in deleted:
        await alice.change(lambda unit, message=message: changing.edit(unit, message, TEXT * 50))
    await alice.change(index.advance)
    await vault.aclose()
    assert found(tmp_path) == list(WORDS)

    vault = await storage.unlock(tmp_path, SlotKind.PASSPHRASE, slots[SlotKind.PASSPHRASE])
    alice.vault = vault
    for number, message in enumerate(deleted):
        await alice.change(lambda unit, m=message, n=number: changing.delete(unit, m, for_me=n == 0))
    alice.now += 2 * 3_600_000
    await alice.change(lambda unit: expiry.check(unit, up=2 * 3_600_000))
    await vault.aclose()
    assert found(tmp_path) == []
