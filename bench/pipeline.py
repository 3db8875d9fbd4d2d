"""The local pipeline, without a network: compose to committed envelope, and envelope to committed message.

The limit is the sum of two parts. The MLS step is the engine's call alone, on an area in memory. The vault's unit is
one row of a kilobyte in a unit of its own, as many in flight as messages are.
"""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.storage import SlotKind
from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.core import account, inbox, schema
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.first_contact import answering
from balchat_host.core.messages.compose import compose
from balchat_host.core.unit_of_work import Policy
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.dict_area import DictArea
from bench.figure import AtMost, Figure
from bench.room import PASSPHRASE
from bench.timing import Samples

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from balchat_host.api.types import PeerId
    from balchat_host.core.unit_of_work import UnitOfWork
    from bench.room import Room

TITLE = "Local pipeline"
NOTE = (
    "Milliseconds a message of 1 KB, medians, both vaults real. The parts: the MLS step alone, its state in memory, and"
    " a unit that writes one row of 1 KB. In flight: calls at the same time when composing; envelopes in one delivery,"
    " as a transport hands them over, when receiving."
)
ROUNDS = 60
WARM_UP = 3
TEXT = "x" * 1024
_GROUP = b"bench"
_ROW = "INSERT INTO bench (value) VALUES (?)"


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    async with _side(room, "Alice") as alice, _side(room, "Bob") as bob:
        await _introduce(alice, bob)
        return [figure for in_flight in (1, 64) for figure in await _compare(alice, bob, in_flight)]


async def _compare(alice: _Side, bob: _Side, in_flight: int) -> list[Figure]:
    names = ("composing", "receiving", "unit", "encrypting", "decrypting")
    samples = {name: Samples() for name in names}
    mls = _MlsPair()
    for turn in range(WARM_UP + ROUNDS):
        took = {
            "composing": await _timed(_at_once(lambda: alice.change(_compose), in_flight)),
            "unit": await _timed(_at_once(lambda: alice.change(_write_row), in_flight)),
        }
        envelopes = await alice.take_envelopes(bob.peer)
        took["receiving"] = await _timed(bob.receive(alice.peer, envelopes))
        took["encrypting"] = await _timed(to_thread.run_sync(mls.encrypt, in_flight))
        took["decrypting"] = await _timed(to_thread.run_sync(mls.decrypt))
        if turn >= WARM_UP:
            for name, seconds in took.items():
                samples[name].add(seconds / in_flight)
    median = {name: each.median for name, each in samples.items()}
    return [
        Figure(
            what=f"{what}, {in_flight} in flight",
            measured=median[whole],
            against=f"MLS step {median[step]:.3f} + vault's unit {median['unit']:.3f}",
            limit=median[step] + median["unit"],
            unit="ms",
            target=AtMost(at_most if in_flight > 1 else 2),
        )
        for what, whole, step, at_most in (
            ("compose → committed envelope", "composing", "encrypting", 1.5),
            ("envelope → committed message", "receiving", "decrypting", 1.45),
        )
    ]


def _compose(unit: UnitOfWork) -> None:
    compose(unit, "Bob", TEXT, reply_to=None)


def _write_row(unit: UnitOfWork) -> None:
    unit.tx.execute(_ROW, (TEXT,))


async def _at_once(call: Callable[[], Awaitable[None]], count: int) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(call)


async def _timed(work: Awaitable[None]) -> float:
    began = perf_counter()
    await work
    return perf_counter() - began


class _Side:
    """One account's vault with the core on it, and no network."""

    def __init__(self, runner: UnitOfWorkRunner, peer: PeerId) -> None:
        self.change = runner.change
        self.read = runner.read
        self.peer = peer

    async def take_envelopes(self, peer: PeerId) -> list[bytes]:
        """Return what waits for a peer, and take it for delivered."""
        pending = await self.read(lambda tx: outgoing.pending(tx, peer, after=0, now=2**62, limit=1000))
        delivered = [
            (SendReport(ticket=each.ticket, outcome=Outcome.DELIVERED), Latency.INTERACTIVE)
            for each in pending.outgoing
        ]
        await self.change(lambda unit: reports.apply_reports(unit, delivered))
        return [each.envelope for each in pending.outgoing]

    async def receive(self, source: PeerId, envelopes: Sequence[bytes]) -> None:
        """Take a delivery in."""
        answers = await self.change(lambda unit: inbox.receive(unit, source, envelopes))
        assert {answer.verdict for answer in answers} == {Verdict.COMMITTED}


@asynccontextmanager
async def _side(room: Room, name: str) -> AsyncGenerator[_Side]:
    vault = await SqlcipherStorage().create(room.folder(name), {SlotKind.PASSPHRASE: PASSPHRASE}, schema.migrate)
    try:
        runner = UnitOfWorkRunner(vault, MlsEngine(), policy=Policy(), clock=_now, entropy=secrets.token_bytes)
        await runner.change(lambda unit: unit.tx.script("CREATE TABLE bench (id INTEGER PRIMARY KEY, value TEXT);"))
        made = await runner.change(lambda unit: account.create(unit, name))
        yield _Side(runner, made.peer)
    finally:
        await vault.aclose()


async def _introduce(alice: _Side, bob: _Side) -> None:
    code = (await bob.read(account.code)).code
    await alice.change(lambda unit: answering.add_contact(unit, code, name="Bob", introduction=""))
    package = await bob.change(lambda unit: answering.on_key_package_request(unit, alice.peer))
    await alice.receive(bob.peer, [package])
    await bob.receive(alice.peer, await alice.take_envelopes(bob.peer))
    which = alice.peer.octets.hex()
    await bob.change(lambda unit: answering.accept_request(unit, which, name="Alice"))
    await alice.receive(bob.peer, await bob.take_envelopes(alice.peer))


class _MlsPair:
    """A group of two whose state lies in memory."""

    def __init__(self) -> None:
        self._engine, now = MlsEngine(), _now() // 1000
        self._alice, self._bob = DictArea(), DictArea()
        self._messages: list[bytes] = []
        engine = self._engine
        engine.create_identity(self._alice, bytes(16), now=now)
        peer = engine.create_identity(self._bob, bytes(16), now=now)
        package = engine.key_package(self._bob, lifetime=3600, now=now)
        invitation = engine.found(self._alice, _GROUP, [(peer, package)], knows=(), now=now)
        engine.join(self._bob, invitation.welcomes[0], max_members=2)

    def encrypt(self, count: int) -> None:
        """Take so many steps."""
        self._messages = [self._engine.encrypt(self._alice, _GROUP, TEXT.encode()) for _ in range(count)]

    def decrypt(self) -> None:
        """Take as many on the other side."""
        for message in self._messages:
            self._engine.decrypt(self._bob, _GROUP, message)


def _now() -> int:
    return time.time_ns() // 1_000_000
