"""An account with many contacts for whom nothing waits: how long it takes to start, and what it costs while idle.

The contacts are real: each has an account, an MLS group with us, and our routes. Only they are away. The account is
the program itself, `balchat up`, on a SQLCipher vault, over sockets of this machine.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, cast

import anyio
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.storage import SqlcipherStorage
from balchat_transport_tor_direct.device_route import DOMAIN, NAME

from balchat_host.api.storage import SlotKind
from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.api.types import Phase, Route
from balchat_host.api.views import ContactState
from balchat_host.core import account, contacts, inbox, routes
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.first_contact import answering
from balchat_host.core.unit_of_work import Policy
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.simulated_accounts import SimulatedAccount, SimulatedWorld
from bench.figure import AtMost, Figure
from bench.room import PASSPHRASE
from bench.timing import in_turns_sync

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from balchat_host.api.types import PeerId
    from bench.room import Room

TITLE = "Contacts"
NOTE = (
    "`balchat up` with contacts who are away and for whom nothing waits; each has an MLS group and knows our routes."
    " Start: from the start of the process until our address can be found. Idle: ten minutes of both accounts side by"
    " side, the most that was resident and the processor's time of all threads."
)
FEW, MANY = 10, 1_000
ROUNDS = 7
IDLE = 600.0
"""Seconds."""
_LOOK_EVERY = 5.0
_CORE = 0.01
"""The part of one core that "next to nothing" is."""
_MOST_RESIDENT = 200.0
_MB = 1_000_000
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Account:
    """A profile that is there."""

    directory: Path
    configuration: dict[str, str]

    @contextmanager
    def up(self) -> Generator[subprocess.Popen[str]]:
        """Run it, and go on once its address can be found."""
        chosen = [part for key, value in self.configuration.items() for part in ("--set", f"{key}={value}")]
        program = str(Path(sys.executable).with_name("balchat"))
        with subprocess.Popen(
            [program, "--profile", f"{self.directory}/", *chosen, "--json", "up", "--passphrase-fd", "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)},
        ) as process:
            try:
                assert process.stdin is not None
                process.stdin.write(f"{PASSPHRASE.reveal().decode()}\n")
                process.stdin.close()
                _wait_until_online(cast("IO[str]", process.stdout))
                yield process
            finally:
                process.terminate()


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a process cost: the most megabytes that were resident, and seconds of a processor's time."""

    resident: float
    processor: float


def measure(room: Room) -> list[Figure]:
    few, many = (anyio.run(make_account, room, count) for count in (FEW, MANY))
    starts = in_turns_sync(ROUNDS, lambda: _start(many), lambda: _start(few))
    with many.up() as large, few.up() as small:
        cost, little = _idle([large.pid, small.pid])
    return [
        Figure(
            what=f"start to usable, {MANY:,} contacts, median",
            measured=starts[0].median,
            against=f"{FEW} contacts",
            limit=starts[1].median,
            unit="ms",
            target=AtMost(1.2),
        ),
        Figure(
            what=f"resident while idle, {MANY:,} contacts",
            measured=cost.resident,
            against="200 MB",
            limit=_MOST_RESIDENT,
            unit="MB",
            target=AtMost(1.0),
        ),
        Figure(
            what=f"processor while idle, {MANY:,} contacts",
            measured=cost.processor,
            against="a hundredth of a core",
            limit=_CORE * IDLE,
            unit="s",
            target=AtMost(1.0),
        ),
        Figure(
            what="the same, resident",
            measured=cost.resident,
            against=f"{FEW} contacts",
            limit=little.resident,
            unit="MB",
        ),
        Figure(
            what="the same, processor",
            measured=cost.processor,
            against=f"{FEW} contacts",
            limit=little.processor,
            unit="s",
        ),
    ]


def _start(of: Account) -> None:
    with of.up():
        pass


def _wait_until_online(states: IO[str]) -> None:
    give_up = perf_counter() + _PATIENCE
    for line in states:
        if json.loads(line)["identity_onion"]["phase"] == Phase.ONLINE:
            return
        assert perf_counter() < give_up, "it does not come online"
    raise AssertionError("it has ended")


def _idle(processes: Sequence[int]) -> list[_Cost]:
    before = [_processor(process) for process in processes]
    most = [0.0 for _ in processes]
    end = perf_counter() + IDLE
    while (left := end - perf_counter()) > 0:
        time.sleep(min(_LOOK_EVERY, left))
        most = [max(known, _resident(process)) for known, process in zip(most, processes, strict=True)]
    after = [_processor(process) for process in processes]
    return [_Cost(resident, to - since) for resident, since, to in zip(most, before, after, strict=True)]


def _resident(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


def _processor(process: int) -> float:
    # Behind the name, which may hold spaces: field 3 is the state, 14 and 15 are user and system time (proc(5)).
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def make_account(room: Room, count: int) -> Account:
    """Make an account with so many contacts, none of whom anything waits for."""
    directory = room.folder("Alice")
    configuration = room.over_sockets
    await LocalProfile(ProfileDirectory(name="Alice", directory=directory), configuration).create("Alice", PASSPHRASE)
    vault = await SqlcipherStorage().unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)
    try:
        alice = _Side(UnitOfWorkRunner(vault, MlsEngine(), policy=Policy(), clock=_now, entropy=secrets.token_bytes))
        for number in range(count):
            await alice.befriend(f"Contact {number}")
        found = await alice.runner.read(contacts.everyone)
        assert [contact.state for contact in found] == [ContactState.ACTIVE] * count
        assert await alice.runner.read(outgoing.peers) == []
    finally:
        await vault.aclose()
    return Account(directory, configuration)


class _Side:
    """The account that is measured, without a network."""

    def __init__(self, runner: UnitOfWorkRunner) -> None:
        self.runner = runner

    async def befriend(self, name: str) -> None:
        """Have somebody as a contact who has accepted us, and knows how to reach us."""
        us = await self.runner.read(account.code)
        world = SimulatedWorld(self.runner.engine, entropy=secrets.token_bytes)
        world.now = _now()
        other = SimulatedAccount(world, name)
        other.create()
        await self.runner.change(lambda unit: answering.add_contact(unit, other.code, name=name, introduction=""))
        peer = await self.runner.read(account.load)
        package = other.change(lambda unit: answering.on_key_package_request(unit, peer.peer))
        await self._receive(other.peer, [package])
        request = await self._take_out(other.peer)
        other.change(lambda unit: inbox.receive(unit, peer.peer, request))
        other.change(lambda unit: answering.accept_request(unit, us.peer_id, name="Alice"))
        answers = other.read(lambda tx: outgoing.pending(tx, peer.peer, after=0, now=_now(), limit=100))
        await self._receive(other.peer, [each.envelope for each in answers.outgoing])
        named = await self._own_route()
        await self.runner.change(lambda unit: routes.offer(unit, other.peer, [named]))
        await self._take_out(other.peer)

    async def _own_route(self) -> Route:
        """Return what the direct transport says: otherwise it would tell every contact at the first start."""
        us, seed = await self.runner.read(account.load), await self.runner.read(account.device_onion_seed)
        message = us.peer.octets + us.device_id
        signature = self.runner.engine.sign_as_onion(seed, domain=DOMAIN, message=message)
        return Route(transport=NAME, address=self.runner.engine.onion_key(seed).octets + signature)

    async def _receive(self, source: PeerId, envelopes: Sequence[bytes]) -> None:
        answers = await self.runner.change(lambda unit: inbox.receive(unit, source, envelopes))
        assert {answer.verdict for answer in answers} == {Verdict.COMMITTED}

    async def _take_out(self, peer: PeerId) -> list[bytes]:
        """Return what waits for a peer, and count it as delivered."""
        found = await self.runner.read(lambda tx: outgoing.pending(tx, peer, after=0, now=_now(), limit=100))
        delivered = [
            (SendReport(ticket=each.ticket, outcome=Outcome.DELIVERED), Latency.INTERACTIVE) for each in found.outgoing
        ]
        await self.runner.change(lambda unit: reports.apply_reports(unit, delivered))
        return [each.envelope for each in found.outgoing]


def _now() -> int:
    return time.time_ns() // 1_000_000
