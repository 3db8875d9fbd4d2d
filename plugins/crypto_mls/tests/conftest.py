"""Accounts whose state lies in a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.testing.crypto_kit import NOW
from balchat_host.testing.dict_area import DictArea

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.api.crypto import CryptoEngine


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
    invitation = alice.found(b"group", [(bob.peer, bob.key_package(lifetime=3600, now=NOW))], now=NOW)
    assert bob.join(invitation.welcome, now=NOW, max_members=2) == b"group"
    return alice, bob
