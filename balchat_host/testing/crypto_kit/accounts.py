"""Accounts of an engine, each with an area of its own, and what tests do with them."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import pytest

from balchat_host.api.crypto import ApplicationMessage, CryptoEngine, Invitation, Joined
from balchat_host.api.errors import BalchatError
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity, PeerId
from balchat_host.testing.audit import confide, overhear, watched
from balchat_host.testing.audit.kit import AuditedKit
from balchat_host.testing.dict_area import DictArea

NOW: Final = 1_800_000_000
HOUR: Final = 3600
DAY: Final = 24 * HOUR
GROUP: Final = b"the id of a group"
_DEVICES: Final = count(1)


class PrivateArea(DictArea):
    """An area of whose values nobody may log anything."""

    def put(self, key: bytes, value: bytes) -> None:
        for octets in (key, value):
            if type(octets) is not bytes:
                raise TypeError(f"an area takes bytes, and no {type(octets).__name__}")
        confide("a value in the vault", value)
        super().put(key, value)


@contextmanager
def errors_heard() -> Generator[None]:
    """Have the audit look at the text of an error, which gets into logs."""
    try:
        yield
    except BalchatError as error:
        overhear("an error's text", f"of {type(error).__name__}", str(error))
        raise


@dataclass(slots=True)
class CryptoAccount:
    """An account: an engine, and the area that is handed to it."""

    engine: CryptoEngine
    area: DictArea = field(default_factory=PrivateArea)
    device_id: bytes = field(default_factory=lambda: next(_DEVICES).to_bytes(DEVICE_ID_SIZE))
    made: int = NOW
    """When, in Unix seconds."""
    peer: PeerId = field(init=False)

    def __post_init__(self) -> None:
        if not self.area.rows:
            self.peer = watched(self.engine).create_identity(self.area, self.device_id, now=self.made)
            confide("an identity key", self.engine.identity_seed(self.area).reveal())
            confide("a peer id", self.peer.octets, shortened=True)

    @property
    def device(self) -> DeviceIdentity:
        """Who it is in a group."""
        return DeviceIdentity(peer=self.peer, device_id=self.device_id)

    def sibling(self) -> "CryptoAccount":
        """Return another device of the same account."""
        other = CryptoAccount(self.engine, PrivateArea(self.area.rows))
        other.peer = self.peer
        self.engine.become_device(other.area, other.device_id, now=NOW)
        return other

    def key_package(self, *, lifetime: int = HOUR, now: int = NOW) -> bytes:
        """Make a key package."""
        return self.engine.key_package(self.area, lifetime=lifetime, now=now)

    def invite(self, *others: "CryptoAccount", group_id: bytes = GROUP, knows: Sequence[bytes] = ()) -> Invitation:
        """Found a group with others."""
        return self.found_with(*((other.peer, other.key_package()) for other in others), group_id=group_id, knows=knows)

    def found_with(
        self,
        *key_packages: tuple[PeerId, bytes],
        group_id: bytes = GROUP,
        knows: Sequence[bytes] = (),
        now: int = NOW,
    ) -> Invitation:
        """Found a group with the owners of these key packages."""
        confide("a group's id", group_id)
        with errors_heard():
            invitation = self.engine.found(self.area, group_id, key_packages, knows=knows, now=now)
        confide("an era id", invitation.era_id)
        return invitation

    def found(self, other: "CryptoAccount", group_id: bytes = GROUP) -> bytes:
        """Found a group with one other; return the Welcome."""
        return self.invite(other, group_id=group_id).welcomes[0]

    def join(self, welcome: bytes, *, max_members: int = 3) -> Joined:
        """Join a group."""
        with errors_heard():
            return self.engine.join(self.area, welcome, max_members=max_members)

    def encrypt(self, data: bytes, group_id: bytes = GROUP) -> bytes:
        """Encrypt a message."""
        confide("a message", data)
        with errors_heard():
            return self.engine.encrypt(self.area, group_id, data)

    def decrypt(self, message: bytes, group_id: bytes = GROUP) -> ApplicationMessage:
        """Decrypt a message."""
        with errors_heard():
            return self.engine.decrypt(self.area, group_id, message)

    def read(self, message: bytes, group_id: bytes = GROUP) -> bytes:
        """Return what a message says."""
        return self.decrypt(message, group_id).data

    def held(self) -> int:
        """Return how many octets are in the area."""
        return sum(len(key) + len(value) for key, value in self.area.rows.items())

    def members(self, group_id: bytes = GROUP) -> list[DeviceIdentity]:
        """Return who is in a group."""
        return list(self.engine.members(self.area, group_id))


Pair = tuple[CryptoAccount, CryptoAccount]


class CryptoKitBase(AuditedKit):
    """What each part of the kit needs."""

    @pytest.fixture
    def engine(self) -> CryptoEngine:
        raise NotImplementedError("a subclass of CryptoKit gives the fixture `engine`")

    @pytest.fixture
    def account(self, engine: CryptoEngine) -> Callable[[], CryptoAccount]:
        """Make accounts."""
        return lambda: CryptoAccount(engine)

    @pytest.fixture
    def pair(self, account: Callable[[], CryptoAccount]) -> Pair:
        """Two accounts in one group."""
        alice, bob = account(), account()
        assert bob.join(alice.found(bob)).group_id == GROUP
        return alice, bob
