"""What it takes to go on in another era: a KeyPackage, founding, joining, in a vault on the disk.

The limit is the sum of two parts, as in `bench.pipeline`: the engine's call alone, on an area in memory, and a unit of
the vault's that writes one new row of the size that the step writes, right before it and in the same vault.
"""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import anyio
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.storage import SlotKind
from balchat_host.testing.dict_area import DictArea
from bench.figure import AtMost, Figure
from bench.room import PASSPHRASE
from bench.timing import Samples

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from balchat_host.api.crypto import CryptoEngine
    from balchat_host.api.storage import KeyValueArea, Transaction, Vault
    from balchat_host.api.types import PeerId
    from bench.room import Room

T = TypeVar("T")

TITLE = "From one era to the next"
NOTE = (
    "Medians of a step in a transaction of its own, the vault on the disk, one after the other. A group of two that"
    " names five eras. The limit is the engine's call alone, on an area in memory, and a unit of the vault's that"
    " writes one new row of 2 KB, right before. To make a KeyPackage where 4,000 lie took the engine 19 ms before what"
    " has expired was found by an index, and takes 0.5 ms (two busy cores)."
)
STEPS = ("a KeyPackage", "founding", "joining")
ROUNDS = 200
WARM_UP = 5
MANY = 4000
MONTH = 30 * 24 * 3600
ROW = bytes(2048)
_ROWS = b"row "
KNOWN = [number.to_bytes(16) for number in range(5)]


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    alone = _Pair(DictArea(), DictArea())
    taken = _Taken()
    async with _Vaults.open(room) as vaults:
        for turn in range(WARM_UP + ROUNDS):
            await vaults.turn(taken if turn >= WARM_UP else _Taken())
            alone.turn(taken.alone if turn >= WARM_UP else [Samples() for _ in STEPS])
        sizes = vaults.sizes
        many, unit = await vaults.many()
    return [
        *(
            Figure(
                what=f"{what}, vault included",
                measured=whole.median,
                against=f"the engine alone {engine.median:.3f} + vault's unit {unit.median:.3f}",
                limit=engine.median + unit.median,
                unit="ms",
                target=AtMost(1.5),
            )
            for what, whole, engine, unit in zip(STEPS, taken.whole, taken.alone, taken.unit, strict=True)
        ),
        Figure(
            what=f"a KeyPackage where {MANY:,} lie",
            measured=many,
            against=f"the engine alone {taken.alone[0].median:.3f} + vault's unit {unit:.3f}",
            limit=taken.alone[0].median + unit,
            unit="ms",
        ),
        Figure(what="size of a Welcome", measured=sizes[1], against="a KeyPackage", limit=sizes[0], unit="octets"),
    ]


@dataclass(slots=True)
class _Taken:
    """How long each step takes: in the vaults, the engine alone, and a unit of one row right before it."""

    whole: list[Samples] = field(default_factory=lambda: [Samples() for _ in STEPS])
    alone: list[Samples] = field(default_factory=lambda: [Samples() for _ in STEPS])
    unit: list[Samples] = field(default_factory=lambda: [Samples() for _ in STEPS])


class _Pair:
    """Alice founds, Bob joins; both have an area."""

    def __init__(self, alice: KeyValueArea, bob: KeyValueArea) -> None:
        self._engine: CryptoEngine = MlsEngine()
        self._alice, self._bob = alice, bob
        self._engine.create_identity(alice, bytes(16), now=_now())
        self._peer = self._engine.create_identity(bob, bytes(16), now=_now())

    def turn(self, samples: list[Samples]) -> None:
        group, engine = secrets.token_bytes(16), self._engine
        package = _timed(samples[0], lambda: _make(engine, self._bob))
        welcome = _timed(samples[1], lambda: _found(engine, self._alice, group, self._peer, package))
        _timed(samples[2], lambda: engine.join(self._bob, welcome, max_members=2))
        for area in (self._alice, self._bob):
            engine.delete_group(area, group)


class _Vaults:
    """The same, in two vaults."""

    def __init__(self, alice: Vault, bob: Vault, peer: PeerId) -> None:
        self._engine: CryptoEngine = MlsEngine()
        self._alice, self._bob, self._peer = alice, bob, peer
        self.sizes = 0, 0
        """Octets of a KeyPackage and of a Welcome."""

    @staticmethod
    @asynccontextmanager
    async def open(room: Room) -> AsyncGenerator[_Vaults]:
        engine, storage, slots = MlsEngine(), SqlcipherStorage(), {SlotKind.PASSPHRASE: PASSPHRASE}
        alice = await storage.create(room.folder("eras-alice"), slots, _nothing)
        bob = await storage.create(room.folder("eras-bob"), slots, _nothing)
        try:
            await _in(alice, lambda area: engine.create_identity(area, bytes(16), now=_now()))
            peer = await _in(bob, lambda area: engine.create_identity(area, bytes(16), now=_now()))
            yield _Vaults(alice, bob, peer)
        finally:
            await alice.aclose()
            await bob.aclose()

    async def turn(self, taken: _Taken) -> None:
        group, engine = secrets.token_bytes(16), self._engine
        package = await self._step(taken, 0, self._bob, lambda area: _make(engine, area))
        welcome = await self._step(taken, 1, self._alice, lambda area: _found(engine, area, group, self._peer, package))
        await self._step(taken, 2, self._bob, lambda area: engine.join(area, welcome, max_members=2))
        for vault in (self._alice, self._bob):
            await _in(vault, lambda area: _clear(engine, area, group))
        self.sizes = len(package), len(welcome)

    async def many(self) -> tuple[float, float]:
        """Return how long making a KeyPackage takes where many lie, and a unit of one row there, in milliseconds."""
        engine, taken = self._engine, _Taken()
        for _ in range(MANY // 100):
            await _in(self._bob, lambda area: [_make(engine, area) for _ in range(100)])
        for _ in range(ROUNDS):
            await self._step(taken, 0, self._bob, lambda area: _make(engine, area))
        return taken.whole[0].median, taken.unit[0].median

    @staticmethod
    async def _step(taken: _Taken, at: int, vault: Vault, step: Callable[[KeyValueArea], T]) -> T:
        began = perf_counter()
        await _in(vault, lambda area: area.put(_ROWS + secrets.token_bytes(16), ROW))
        between = perf_counter()
        made = await _in(vault, step)
        taken.unit[at].add(between - began)
        taken.whole[at].add(perf_counter() - between)
        return made


def _nothing(tx: Transaction) -> None:
    """Make no tables."""
    del tx


def _clear(engine: CryptoEngine, area: KeyValueArea, group: bytes) -> None:
    engine.delete_group(area, group)
    for key, _ in area.scan(_ROWS):
        area.delete(key)


async def _in(vault: Vault, step: Callable[[KeyValueArea], T]) -> T:
    return await vault.transact(lambda tx: step(tx.area("crypto")))


def _make(engine: CryptoEngine, area: KeyValueArea) -> bytes:
    return engine.key_package(area, lifetime=MONTH, now=_now())


def _found(engine: CryptoEngine, area: KeyValueArea, group: bytes, peer: PeerId, package: bytes) -> bytes:
    return engine.found(area, group, [(peer, package)], knows=KNOWN, now=_now()).welcomes[0]


def _timed(sample: Samples, step: Callable[[], T]) -> T:
    began = perf_counter()
    made = step()
    sample.add(perf_counter() - began)
    return made


def _now() -> int:
    return time.time_ns() // 10**9
