"""Accounts whose state lies in a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.types import DeviceIdentity
from balchat_host.testing.crypto_kit import NOW
from balchat_host.testing.dict_area import DictArea

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from balchat_host.api.crypto import CryptoEngine, Invitation
    from balchat_host.api.types import PeerId

DEVICE_ID = bytes(range(16))
"""Of everybody's device: an account names its own, so others may have the same."""


class WatchedArea(DictArea):
    """Says which of its keys were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        self.read.append(key)
        return super().get(key)

    def scan(self, prefix: bytes = b"", *, before: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        found = list(super().scan(prefix, before=before))
        self.read += [key for key, _ in found]
        yield from found


class Account:
    """An account: its area, and the engine bound to it."""

    def __init__(self, engine: CryptoEngine) -> None:
        self.engine = engine
        self.area = WatchedArea()
        self.device = DeviceIdentity(peer=engine.create_identity(self.area, DEVICE_ID, now=NOW), device_id=DEVICE_ID)
        self.peer = self.device.peer

    def found(self, group_id: bytes, key_packages: Sequence[tuple[PeerId, bytes]], *, now: int, knows=()) -> Invitation:
        """Found a group, of which most tests do not care what it knows."""
        return self.engine.found(self.area, group_id, key_packages, knows=knows, now=now)

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


@pytest.fixture(scope="session")
def make_pair() -> Callable[[], tuple[Account, Account]]:
    """Make two accounts in one group, b"group"."""
    engine = MlsEngine()

    def make() -> tuple[Account, Account]:
        alice, bob = Account(engine), Account(engine)
        invitation = alice.found(b"group", [(bob.peer, bob.key_package(lifetime=3600, now=NOW))], now=NOW)
        assert bob.join(invitation.welcomes[0], max_members=2).group_id == b"group"
        return alice, bob

    return make


@pytest.fixture
def pair(make_pair) -> tuple[Account, Account]:
    """Two accounts in one group, b"group"."""
    return make_pair()
