"""What the worst envelope of each kind costs the vault's writer, found by a search, against its budget.

Alice's vault is real. Mallory keeps no rules: everything of theirs is made by hand and rightly signed. Each candidate
is received in a unit of its own that is then undone, so that all of them meet the same state.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

import anyio
import cbor2
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.storage import SqlcipherStorage
from mls_rs_py.crafting import APPLICATION, vector

from balchat_host.api.storage import SlotKind
from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_host.api.views import ContactState
from balchat_host.core import account, contacts, envelope_budgets, inbox, schema
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.envelope import ContactRequest, Envelope, Kind
from balchat_host.core.eras import contact_key_packages
from balchat_host.core.first_contact import answering
from balchat_host.core.messages.compose import compose
from balchat_host.core.unit_of_work import Policy
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from bench import hostile_files
from bench.figure import AtMost, Figure
from bench.hostile_candidates import Before, contents, eras, key_packages, mls_messages, requests, text, whole
from bench.hostile_changes import prepare
from bench.room import PASSPHRASE
from tests.support.hostile_peer import HostilePeer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from balchat_host.api.types import PeerId
    from balchat_host.core.unit_of_work import UnitOfWork
    from bench.hostile_candidates import Candidate
    from bench.room import Room

TITLE = "Hostile bytes"
NOTE = (
    "Milliseconds in the writer of a real vault, from an envelope's octets to its answer, before the commit. For each"
    " kind of envelope the worst of some thousands: lists, counts, depths and sizes up to the largest that is taken,"
    " and the choices of a fuzzer. The worst are measured five times more; the figure is the least of these. The budget"
    " is the one of `balchat_host/core/envelope_budgets.py`. For the contact 1,000"
    " messages wait, and they have said long texts, versions, reactions, files and more before."
)
ROUNDS: Final = 5
WAITING: Final = 1000
"""How many messages of Alice's the contact has not confirmed."""
FINALISTS: Final = 8
SEED: Final = 1


class _UndoneError(Exception):
    """Ends a unit, so that nothing of it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """Somebody as Alice sees them. `key_package` is one of hers that they hold."""

    mallory: HostilePeer
    code: str
    key_package: bytes

    @classmethod
    async def meet(cls, runner: UnitOfWorkRunner, name: str) -> _Sender:
        """Return somebody new, who has asked for a key package."""
        mallory = HostilePeer(now=_now() // 1000)
        reply = await runner.change(lambda unit: answering.on_key_package_request(unit, mallory.peer))
        code = str(ChatCode(peer=mallory.peer, name=name))
        return cls(mallory=mallory, code=code, key_package=Envelope.decode(reply).payload)

    def request(self, welcome: bytes, routes: bytes = b"\x80") -> bytes:
        """Return the payload of a contact request."""
        return ContactRequest(welcome=welcome, code=self.code, introduction="", routes=routes, made_at=_now()).encode()


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    vault = await SqlcipherStorage().create(room.folder("hostile"), {SlotKind.PASSPHRASE: PASSPHRASE}, schema.migrate)
    try:
        runner = UnitOfWorkRunner(vault, MlsEngine(), policy=Policy(), clock=_now, entropy=secrets.token_bytes)
        await runner.change(lambda unit: account.create(unit, "Alice"))
        return [figure async for figure in _figures(runner)]
    finally:
        await vault.aclose()


async def _figures(runner: UnitOfWorkRunner) -> AsyncGenerator[Figure]:
    rng = random.Random(SEED)  # repeatable, not secret
    stranger = await _Sender.meet(runner, "Stranger")
    asked = await _Sender.meet(runner, "Asked")
    await runner.change(lambda unit: answering.add_contact(unit, asked.code, name="Asked", introduction=""))
    friend = await _Sender.meet(runner, "Friend")
    group = friend.mallory.group(friend.key_package)
    await _receive(runner, friend.mallory.peer, Kind.CONTACT_REQUEST, friend.request(group.welcome()))
    await runner.change(lambda unit: answering.accept_request(unit, friend.mallory.peer.octets.hex(), name=None))
    hello = group.payload(group.private_message(APPLICATION, vector(text().encode())))
    await _receive(runner, friend.mallory.peer, Kind.MLS_MESSAGE, hello)
    assert (await runner.read(contacts.everyone))[1].state is ContactState.ACTIVE
    ours = await runner.change(lambda unit: [_written(unit, number) for number in range(WAITING)])
    there = await runner.change(lambda unit: prepare(unit, friend.mallory.device, rng))
    await runner.change(lambda unit: hostile_files.prepare(unit, friend.mallory.device))
    again = await _again(runner, friend)
    given = await runner.change(lambda unit: contact_key_packages.make(unit, contacts.find(unit.tx, "Friend"))[0])
    for kind, sender, who, candidates in (
        (None, stranger, "a stranger", whole(rng)),
        (Kind.MLS_MESSAGE, stranger, "a stranger", mls_messages(stranger.mallory, stranger.key_package, rng)),
        (Kind.KEY_PACKAGE, stranger, "a stranger", key_packages(stranger.mallory, rng)),
        (Kind.CONTACT_REQUEST, stranger, "a stranger", requests(stranger, rng)),
        (Kind.ERA, stranger, "a stranger", eras(stranger.mallory, stranger.key_package, rng)),
        (None, friend, "a contact", whole(rng)),
        (
            Kind.MLS_MESSAGE,
            friend,
            "a contact",
            contents(group, friend.mallory, friend.key_package, Before(ours=ours, there=there), rng),
        ),
        (Kind.KEY_PACKAGE, asked, "a contact who was asked for it", key_packages(asked.mallory, rng)),
        (Kind.CONTACT_REQUEST, again, "a contact", requests(again, rng)),
        (Kind.ERA, friend, "a contact", eras(friend.mallory, given, rng)),
    ):
        worst = await _search(runner, sender.mallory.peer, kind, candidates)
        name = "any envelope" if kind is None else kind.name
        limit = envelope_budgets.CONTACT_MS if "contact" in who else envelope_budgets.STRANGER_MS
        yield Figure(
            what=f"{name} of {who}, worst of {worst.count:,}: {worst.what}",
            measured=worst.seconds * 1000,
            against="its budget",
            limit=limit,
            unit="ms",
            target=AtMost(1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worst:
    what: str
    seconds: float
    count: int


async def _search(runner: UnitOfWorkRunner, peer: PeerId, kind: Kind | None, candidates: Iterator[Candidate]) -> _Worst:
    """Return the candidate that takes longest."""
    found: list[tuple[float, str, bytes]] = []
    count = 0
    for candidate in candidates:
        count += 1
        octets = candidate.octets if kind is None else _wrapped(kind, candidate.octets)
        octets = octets[: MAX_ENVELOPE_SIZE + 1]
        found.append((await _timed(runner, peer, octets), f"{candidate.what}, {_size(octets)}", octets))
        found = sorted(found, key=lambda each: each[0], reverse=True)[:FINALISTS]
    finals = [(min([await _timed(runner, peer, octets) for _ in range(ROUNDS)]), what) for _, what, octets in found]
    seconds, what = max(finals)
    return _Worst(what=what, seconds=seconds, count=count)


async def _timed(runner: UnitOfWorkRunner, peer: PeerId, octets: bytes) -> float:
    took = 0.0

    def run(unit: UnitOfWork) -> None:
        nonlocal took
        began = perf_counter()
        inbox.receive(unit, peer, [octets])
        took = perf_counter() - began
        raise _UndoneError

    try:
        await runner.change(run)
    except _UndoneError:
        return took
    raise AssertionError("a unit was kept")


def _written(unit: UnitOfWork, number: int) -> bytes:
    """Write to the contact; return the message's id."""
    return bytes.fromhex(compose(unit, "Friend", f"Are you there? {number}", reply_to=None).id)


async def _receive(runner: UnitOfWorkRunner, peer: PeerId, kind: Kind, payload: bytes) -> None:
    await runner.change(lambda unit: inbox.receive(unit, peer, [_wrapped(kind, payload)]))


async def _again(runner: UnitOfWorkRunner, friend: _Sender) -> _Sender:
    """Return the contact with another key package of Alice's."""
    reply = await runner.change(lambda unit: answering.on_key_package_request(unit, friend.mallory.peer))
    return _Sender(mallory=friend.mallory, code=friend.code, key_package=Envelope.decode(reply).payload)


def _wrapped(kind: Kind, payload: bytes) -> bytes:
    return cbor2.dumps([1, int(kind), payload], canonical=True)


def _size(octets: bytes) -> str:
    return f"{len(octets) / 1024:,.0f} KiB"


def _now() -> int:
    return time.time_ns() // 1_000_000
