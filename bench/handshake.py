"""What it takes for two to become contacts: a KeyPackage, a group of two, joining it; in time and in octets.

The limit is the same step of mls-rs-py alone, on storages in memory, with the same credentials and no X-Wing key: what
is above it is the seal, the engine's rows and their hashes.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from balchat_crypto_mls.engine import MlsEngine
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.members import Members
from mls_rs_py import Client, InMemoryGroupStateStorage, InMemoryKeyPackageStorage, KeyPackage

from balchat_host.api.views import ContactState
from balchat_host.testing.dict_area import DictArea
from balchat_host.testing.simulated_accounts import SimulatedAccount, SimulatedWorld
from bench.figure import Figure
from bench.timing import Samples

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Becoming contacts"
NOTE = (
    "Medians, of what two accounts do in all the shortest; states in memory. A Welcome is to a group of two. Before"
    " credentials named devices, and Welcomes were sealed, on an idle machine: a KeyPackage 0.249 ms and 383 octets, a"
    " group of two 0.987 ms, joining it 0.594 ms, a Welcome 993 octets, all that two accounts do 7.3 ms. A message then"
    " had 20 octets less, since it did not name its era. The direct transport's own handshake has 347 octets, 251"
    " before it named devices and the onion; what both sides compute for it takes 0.17 ms, as before."
)
STEPS = ("a KeyPackage", "a group of two and its Welcome", "joining it")
ROUNDS = 300
ACCOUNTS = 60
WARM_UP = 3
MONTH = 30 * 24 * 3600
DEVICE_ID = bytes(16)


class Steps(Protocol):
    """Bob's KeyPackage, Alice's group with him, and his joining it; each returns what travels, or the last nothing."""

    def key_package(self) -> bytes: ...

    def found(self, key_package: bytes) -> bytes: ...

    def join(self, welcome: bytes) -> None: ...


def measure(room: Room) -> list[Figure]:
    del room  # nothing lies on the disk
    ours, alone = _in_turns(_Engine(), _Alone())
    steps = [
        Figure(what=what, measured=our.median, against="mls-rs-py alone", limit=their.median, unit="ms")
        for what, our, their in zip(STEPS, ours.took, alone.took, strict=True)
    ]
    sizes = [
        Figure(what=f"size of a {what}", measured=our, against="mls-rs-py alone", limit=their, unit="octets")
        for what, our, their in zip(("KeyPackage", "Welcome"), ours.sizes, alone.sizes, strict=True)
    ]
    whole = Figure(
        what="all that two accounts do, from adding somebody until both can write",
        measured=_whole(),
        against="these three steps",
        limit=sum(step.measured for step in steps),
        unit="ms",
    )
    return [*steps, whole, *sizes]


@dataclass(slots=True)
class _Taken:
    """How long each of the steps took, and how large what travels is."""

    took: list[Samples] = field(default_factory=lambda: [Samples() for _ in STEPS])
    sizes: tuple[int, int] = (0, 0)


def _in_turns(*sides: Steps) -> list[_Taken]:
    taken = [_Taken() for _ in sides]
    for turn in range(WARM_UP + ROUNDS):
        for side, each in zip(sides, taken, strict=True):
            began = [time.perf_counter()]
            key_package = side.key_package()
            began.append(time.perf_counter())
            welcome = side.found(key_package)
            began.append(time.perf_counter())
            side.join(welcome)
            began.append(time.perf_counter())
            each.sizes = len(key_package), len(welcome)
            if turn >= WARM_UP:
                for sample, start, end in zip(each.took, began, began[1:], strict=False):
                    sample.add(end - start)
    return taken


class _Engine:
    """The engine, on areas in memory."""

    def __init__(self) -> None:
        self._engine, self._now = MlsEngine(), _now()
        self._alice, self._bob = DictArea(), DictArea()
        self._engine.create_identity(self._alice, DEVICE_ID, now=self._now)
        self._peer = self._engine.create_identity(self._bob, DEVICE_ID, now=self._now)
        self._group = b""

    def key_package(self) -> bytes:
        return self._engine.key_package(self._bob, lifetime=MONTH, now=self._now)

    def found(self, key_package: bytes) -> bytes:
        for area in (self._alice, self._bob):
            self._engine.delete_group(area, self._group)
        self._group = secrets.token_bytes(16)
        invited = [(self._peer, key_package)]
        return self._engine.found(self._alice, self._group, invited, knows=(), now=self._now).welcomes[0]

    def join(self, welcome: bytes) -> None:
        self._engine.join(self._bob, welcome, max_members=2)


class _Alone:
    """mls-rs-py with the same credentials, and storages in memory."""

    def __init__(self) -> None:
        self._alice, self._bob = _client(), _client()

    def key_package(self) -> bytes:
        return self._bob.generate_key_package(lifetime=MONTH).to_bytes()

    def found(self, key_package: bytes) -> bytes:
        group = self._alice.create_group(secrets.token_bytes(16))
        commit = group.commit(add=[KeyPackage.from_bytes(key_package)])
        group.apply_pending_commit()
        group.write_to_storage()
        return commit.welcomes[0]

    def join(self, welcome: bytes) -> None:
        self._bob.join(welcome).write_to_storage()


def _client() -> Client:
    keyring = Keyring.create(DictArea(), DEVICE_ID, now=_now())
    return Client(
        keyring.mls_credential,
        keyring.mls_key_pair,
        identity_provider=Members(now=None),
        group_state_storage=InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
    )


def _whole() -> float:
    """Return the shortest time in which two accounts become contacts, in milliseconds; their tables are in memory."""
    sample, world = Samples(), SimulatedWorld(MlsEngine(), entropy=secrets.token_bytes)
    for turn in range(WARM_UP + ACCOUNTS):
        alice, bob = SimulatedAccount(world, "Alice"), SimulatedAccount(world, "Bob")
        for each in (alice, bob):
            each.create()
        began = time.perf_counter()
        alice.add(bob)
        for _ in range(4):
            _carry(world, alice, bob)
        bob.accept(alice)
        _carry(world, bob, alice)
        if turn >= WARM_UP:
            sample.add(time.perf_counter() - began)
        contact = alice.contact(bob)
        assert contact is not None
        assert contact.state is ContactState.ACTIVE
    return min(sample.seconds) * 1000


def _carry(world: SimulatedWorld, one: SimulatedAccount, other: SimulatedAccount) -> None:
    """Bring over what waits on both sides."""
    for author, reader in ((one, other), (other, one)):
        world.go_on(author, reader)
        while world.deliver(author, reader) is not None:
            pass


def _now() -> int:
    return time.time_ns() // 10**9
