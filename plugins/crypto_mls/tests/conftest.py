"""Accounts whose state lies in a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.storage import KeyValueArea

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from balchat_host.api.crypto import CryptoEngine

NOW = 1_800_000_000


class DictArea(KeyValueArea):
    """An area that can be looked at, copied and put back."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.rows[key] = value

    def delete(self, key: bytes) -> None:
        self.rows.pop(key, None)

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        yield from sorted((key, value) for key, value in self.rows.items() if key.startswith(prefix))


class Account:
    """An account: its area, and the engine bound to it."""

    def __init__(self, engine: CryptoEngine) -> None:
        self.engine = engine
        self.area = DictArea()
        self.peer = engine.create_identity(self.area, now=NOW)

    def __getattr__(self, name: str):
        method = getattr(self.engine, name)

        def call(*arguments, **options):
            return method(self.area, *arguments, **options)

        return call


@pytest.fixture
def now() -> int:
    return NOW


@pytest.fixture
def account() -> Callable[[], Account]:
    engine = MlsEngine()
    return lambda: Account(engine)


@pytest.fixture
def pair(account) -> tuple[Account, Account]:
    """Two accounts in one group, b"group"."""
    alice, bob = account(), account()
    alice.create_group(b"group", now=NOW)
    invitation = alice.add(b"group", [(bob.peer, bob.key_package(lifetime=3600, now=NOW))], now=NOW)
    alice.apply_pending_commit(b"group", now=NOW)
    assert bob.join(invitation.welcome, now=NOW) == b"group"
    return alice, bob
