"""A thief of the disk who puts single pages of an older copy back: a ratchet is not rewound by that.

The rows are larger than what SQLite leaves on one page, so that a part of each lies on pages of its own, which
SQLCipher authenticates each alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.errors import CryptoRejected, VaultDamaged
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing.crypto_kit import NOW
from balchat_host.testing.dict_area import DictArea

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_host.api.crypto import CryptoEngine
    from balchat_host.api.storage import KeyValueArea

T = TypeVar("T")

pytestmark = pytest.mark.anyio

PAGE = 4096
ON_ONE_PAGE = 980
"""Octets of a row that surely has no part on another page."""

PASSPHRASE = Secret.from_text("correct horse battery staple")
GROUPS = [b"group-%011d" % number for number in range(12)]
GROUP = GROUPS[6]


class Account:
    """An account with an engine, whose vault lies on a disk; a conversation in each of the groups."""

    def __init__(self, directory: Path) -> None:
        self.engine: CryptoEngine = MlsEngine()
        self.storage = SqlcipherStorage(weak_kdf=Kdf(memory_kib=8, passes=1, lanes=1))
        self.directory = directory
        self.bob = DictArea()

    async def create(self) -> None:
        """Make the vault, and the other side of the conversations."""
        bob = self.engine.create_identity(self.bob, bytes(16), now=NOW)
        welcomes: list[bytes] = []

        def fill(area: KeyValueArea) -> None:
            self.engine.create_identity(area, bytes(16), now=NOW)
            for group in GROUPS:
                key_package = self.engine.key_package(self.bob, lifetime=3600, now=NOW)
                welcomes.extend(self.engine.found(area, group, [(bob, key_package)], knows=(), now=NOW).welcomes)

        secrets = {SlotKind.PASSPHRASE: PASSPHRASE}
        vault = await self.storage.create(self.directory, secrets, lambda unit: fill(unit.area("crypto")))
        await vault.aclose()
        for welcome in welcomes:
            self.engine.join(self.bob, welcome, max_members=2)
        # Both have sent, so that the rows have a ratchet of each.
        self.engine.decrypt(self.bob, GROUP, await self.do(lambda area: self.engine.encrypt(area, GROUP, b"zero")))

    async def do(self, step: Callable[[KeyValueArea], T]) -> T:
        """Unlock, do a step, and lock."""
        vault = await self.storage.unlock(self.directory, SlotKind.PASSPHRASE, PASSPHRASE)
        try:
            return await vault.transact(lambda unit: step(unit.area("crypto")))
        finally:
            await vault.aclose()

    async def row_size(self, *, of: bytes) -> int:
        """How long the group's rows are, whose name has this after the group's id."""
        name = GROUP + of
        return await self.do(lambda area: max(len(row) for key, row in area.scan(b"g") if name in key))

    def skip(self, count: int) -> list[bytes]:
        """Bob's next messages."""
        return [self.engine.encrypt(self.bob, GROUP, b"%d" % number) for number in range(count)]

    async def with_each_page_put_back(self, older: bytes, step: Callable[[KeyValueArea], object]) -> dict[int, object]:
        """Do a step with each page that is another now in the state that it had; return what came of it."""
        database = self.directory / "vault" / "database"
        newer = database.read_bytes()
        outcomes: dict[int, object] = {}
        for number, start in enumerate(range(0, min(len(older), len(newer)), PAGE)):
            page = older[start : start + PAGE]
            if page == newer[start : start + PAGE]:
                continue
            database.write_bytes(newer[:start] + page + newer[start + PAGE :])
            try:
                outcomes[number] = await self.do(step)
            except (VaultDamaged, CryptoRejected) as error:
                outcomes[number] = error
        database.write_bytes(newer)
        return outcomes

    @property
    def disk(self) -> bytes:
        """The database as it is."""
        return (self.directory / "vault" / "database").read_bytes()


@pytest.fixture
async def alice(tmp_path: Path) -> Account:
    alice = Account(tmp_path / "alice")
    await alice.create()
    return alice


async def test_no_page_put_back_has_a_message_key_used_again(alice: Account) -> None:
    *_, newest = alice.skip(40)
    await alice.do(lambda area: alice.engine.decrypt(area, GROUP, newest))
    assert await alice.row_size(of=b"s") > ON_ONE_PAGE
    older = alice.disk
    step = await alice.do(lambda area: alice.engine.encrypt(area, GROUP, b"one"))
    alice.engine.decrypt(alice.bob, GROUP, step)

    outcomes = await alice.with_each_page_put_back(older, lambda area: alice.engine.encrypt(area, GROUP, b"two"))
    assert len(outcomes) > 1
    assert any(isinstance(outcome, VaultDamaged) for outcome in outcomes.values())
    for outcome in outcomes.values():
        if isinstance(outcome, bytes):
            bob = DictArea(alice.bob.rows)
            assert alice.engine.decrypt(bob, GROUP, outcome).data == b"two"
        else:
            assert isinstance(outcome, VaultDamaged)


async def test_no_page_put_back_has_a_late_message_read_again(alice: Account) -> None:
    *_, late, newest = alice.skip(40)
    await alice.do(lambda area: alice.engine.decrypt(area, GROUP, newest))
    assert await alice.row_size(of=b"s") > ON_ONE_PAGE
    older = alice.disk
    await alice.do(lambda area: alice.engine.decrypt(area, GROUP, late))

    outcomes = await alice.with_each_page_put_back(older, lambda area: alice.engine.decrypt(area, GROUP, late))
    assert len(outcomes) > 1
    assert all(isinstance(outcome, VaultDamaged | CryptoRejected) for outcome in outcomes.values()), outcomes
