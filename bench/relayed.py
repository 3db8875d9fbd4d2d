"""Through a relay over Tor: send to delivered, catching up after an absence, and what sealing costs.

The raw limits go through the same private Tor network in the same run: an onion service, reached as the relay is.
Send to delivered is measured a second time where acknowledgements are not delayed (`prompt_acks`): this module as a
program prints those samples.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from balchat_relay.testing.process import RelayProcess, write_settings
from balchat_relay_proto.address import PORT, RelayAddress
from balchat_relay_proto.parts import Part, split
from balchat_relay_proto.sealing import OpeningKey, seal, unseal
from balchat_relay_proto.sizes import ENVELOPE_SIZES

from balchat_host.api.events import MessageAdded
from balchat_host.api.types import OnionKey, Phase
from balchat_host.api.views import MessageState
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile
from bench.figure import AtLeast, AtMost, Figure
from bench.latency import Sender
from bench.prompt_acks import with_prompt_acks
from bench.raw_onion import SIZE, raw_onion
from bench.room import PASSPHRASE, PATIENCE, Room, introduce, running_profile, until_all, until_status
from bench.timing import Samples, in_turns, in_turns_sync
from tests.support.loopback_network import socket_path

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from bench.raw_onion import RawOnion

TITLE = "Through a relay"
NOTE = (
    "Two accounts that use nothing but a relay, in one process; the relay is one of its own. Send → delivered: an"
    " envelope of 16 KiB goes to the relay and on to Bob; his confirmation, as large, comes back that way. Against raw"
    " round trips of 1 KB, and of 16 KiB, which is what travels: twice there and back is the least that this can take."
    " tor writes 16 KiB in several pieces; between tors that carry nothing else, all but the first wait until the other"
    " side acknowledges, which it puts off by up to 40 ms, hop after hop. A kilobyte seldom waits. So this is measured"
    " on plain loopback, and again, if the machine allows that, where acknowledgements come at once: a network"
    " namespace with `quickack` on its loopback's route. Catching up: Bob comes online; from his first message to his"
    " last one, by the octets of their envelopes. The raw stream is measured before and after, with as many octets"
    " together. Sealing:"
    " contents are cut, sealed, opened and read, each in another queue, against all of them in one."
)
ROUNDS = 100
COUNT = 10_000
IN_FLIGHT = 64
TEXT = "x" * 1024
QUEUES = 1000
_RELAY = "transport_relay"
_PLUGINS = ("storage_sqlcipher", "crypto_mls", "network_loopback", _RELAY, "ui_cli")
_ENVELOPE = ENVELOPE_SIZES[0]
_CONTENTS = (1024, 16 * 1024, 128 * 1024, 1024 * 1024)


def measure(room: Room) -> list[Figure]:
    prompt = with_prompt_acks([sys.executable, "-m", "bench.relayed"])
    figures = anyio.run(_measure, room)
    if prompt is None:
        print("  not measured with prompt acknowledgements: this machine allows no network namespace", flush=True)
    else:
        said = subprocess.run(prompt, stdout=subprocess.PIPE, check=True).stdout
        figures += _Latency.from_json(said.splitlines()[-1]).figures(", acknowledgements at once")
    return [*figures, *_sealing()]


def main() -> None:
    """Print the samples of send to delivered."""
    with Room() as room:
        print(anyio.run(_latency_alone, room).to_json())


async def _measure(room: Room) -> list[Figure]:
    relay, alice, bob = await make(room)
    async with raw_onion(room) as onion:
        figures = (await _latency(relay, alice, bob, onion)).figures()
        # Where Alice writes is none of the figures: she does it without Tor, which is quicker.
        sockets = {**room.over_sockets, "plugins.enabled": json.dumps(_PLUGINS), "delivery.policy": "relay-only"}
        relay.socket = socket_path(Path(sockets["settings.network_loopback.directory"]), _onion(relay), PORT)
        async with relay.running(), running_profile(_profile("Alice", alice.directory, sockets)) as alices:
            await _write(alices)
        before = await onion.rate(COUNT * _ENVELOPE // 2)
        async with relay.running(onion=True), running_profile(bob) as bobs:
            rate = await _catch_up(bobs)
        after = await onion.rate(COUNT * _ENVELOPE // 2)
    catching_up = Figure(
        what=f"catch-up of {COUNT:,} waiting messages",
        measured=rate / 1e6,
        against="raw onion stream, before and after",
        limit=2 / (1 / before + 1 / after) / 1e6,
        unit="MB/s",
        target=AtLeast(0.5),
    )
    return [*figures, catching_up]


async def _latency_alone(room: Room) -> _Latency:
    relay, alice, bob = await make(room)
    async with raw_onion(room) as onion:
        return await _latency(relay, alice, bob, onion)


# -- the relay and who uses it


async def make(room: Room) -> tuple[RelayProcess, LocalProfile, LocalProfile]:
    """Make a relay, and two accounts, Alice and Bob, that shall use nothing else."""
    relay = RelayProcess(room.folder("relay"))
    await relay.make()
    await relay.set_limits(queue_envelopes=2 * COUNT, queue_mib=1024, requests_per_second=10**6, request_burst=10**6)
    await to_thread.run_sync(partial(write_settings, relay.folder, "tor", torrc=list(room.tor.torrc_lines())))
    over_tor = {**room.over_tor, "delivery.policy": "relay-only"}
    alice, bob = (_profile(name, room.folder(name), over_tor) for name in ("Alice", "Bob"))
    for profile in (alice, bob):
        await profile.create(profile.name, PASSPHRASE)
    return relay, alice, bob


def _onion(relay: RelayProcess) -> OnionKey:
    return OnionKey(relay.folder.relay_key())


def _profile(name: str, folder: Path, configuration: dict[str, str]) -> LocalProfile:
    return LocalProfile(ProfileDirectory(name=name, directory=folder), configuration)


async def meet(relay: RelayProcess, alice: App, bob: App) -> None:
    with anyio.fail_after(PATIENCE):
        for app in (alice, bob):
            await until_status(
                app, lambda status: all(state.phase is Phase.ONLINE for state in status.network.values())
            )
            await app.relays.add(str(RelayAddress(relay_key=_onion(relay).octets)))
            await until_status(app, lambda status: status.transports[_RELAY].phase is Phase.ONLINE)
        await introduce(alice, bob)


# -- send to delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Latency:
    """Send to delivered, and three raw round trips, of 1 KB and of an envelope."""

    sent: Samples
    raw: Samples
    raw_envelopes: Samples

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, octets: bytes) -> _Latency:
        return cls(**{name: Samples(**fields) for name, fields in json.loads(octets).items()})

    def figures(self, where: str = "") -> list[Figure]:
        """Return the figures; `where` goes behind what each measures."""
        what, against = f"send → delivered, 1 KB, {{}}{where}", "three raw onion round trips"
        return [
            Figure(
                what=what.format("median"),
                measured=self.sent.median,
                against=against,
                limit=self.raw.median,
                unit="ms",
                target=AtMost(1.5),
            ),
            Figure(what=what.format("p99"), measured=self.sent.p99, against=against, limit=self.raw.p99, unit="ms"),
            Figure(
                what=what.format("median"),
                measured=self.sent.median,
                against=f"{against} of 16 KiB",
                limit=self.raw_envelopes.median,
                unit="ms",
                target=AtMost(1.5),
            ),
        ]


async def _latency(relay: RelayProcess, alice: LocalProfile, bob: LocalProfile, onion: RawOnion) -> _Latency:
    """Make the two contacts of each other, and have Alice write."""

    async def three(octets: int) -> None:
        for _ in range(3):
            await onion.round_trip(octets)

    async with relay.running(onion=True), running_profile(alice) as alices, running_profile(bob) as bobs:
        await meet(relay, alices, bobs)
        async with Sender(alices) as sender:
            calls = (sender.send, partial(three, SIZE), partial(three, _ENVELOPE))
            sent, raw, raw_envelopes = await in_turns(ROUNDS, *calls, warm_up=20)
    return _Latency(sent=sent, raw=raw, raw_envelopes=raw_envelopes)


# -- catching up


async def _write(alice: App) -> None:
    """Have Alice write until the relay has everything."""
    cursor = await alice.events.cursor()
    left = iter(range(COUNT))

    async def write() -> None:
        for number in left:
            await alice.messages.send("Bob", f"{number} {TEXT}")

    async with anyio.create_task_group() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.start_soon(write)
        await until_all(alice, cursor, MessageState.RELAYED, COUNT)


async def _catch_up(bob: App) -> float:
    """Return the octets of envelopes a second, from the first message that Bob has to the last."""
    began, arrived = 0.0, 0
    async for event in bob.events.follow(after=await bob.events.cursor()):
        if isinstance(event, MessageAdded):
            began = began or perf_counter()
            arrived += 1
            if arrived == COUNT:
                break
    return (COUNT - 1) * _ENVELOPE / (perf_counter() - began)


# -- sealing


class _Queue:
    """A queue with its key."""

    def __init__(self, number: int) -> None:
        self._id = number.to_bytes(32)
        self._key = OpeningKey.generate()
        self._sealing_key = self._key.sealing_key

    def seal(self, content: bytes) -> list[bytes]:
        return [seal(part.to_octets(), self._sealing_key, queue=self._id) for part in split(content)]

    def open(self, envelopes: list[bytes]) -> None:
        for envelope in envelopes:
            Part.from_octets(unseal(envelope, self._key, queue=self._id))


def _sealing() -> list[Figure]:
    one, many = _Queue(0), [_Queue(number) for number in range(1, QUEUES + 1)]
    return [figure for size in _CONTENTS for figure in _seal_and_open(bytes(size), one, many)]


def _seal_and_open(content: bytes, one: _Queue, many: list[_Queue]) -> list[Figure]:
    queues = (queue for each in many for queue in (each, one))
    queue, envelopes = one, list[bytes]()

    def sealing() -> None:
        nonlocal queue, envelopes
        queue = next(queues)
        envelopes = queue.seal(content)

    def opening() -> None:
        queue.open(envelopes)

    to_many, from_many, to_one, from_one = in_turns_sync(len(many), sealing, opening, sealing, opening, warm_up=0)
    return [
        Figure(
            what=f"{what} {len(content) // 1024} KiB, each in another of {len(many):,} queues",
            measured=each.median * 1000,
            against="all in one queue",
            limit=alone.median * 1000,
            unit="µs",
        )
        for what, each, alone in (("seal", to_many, to_one), ("open", from_many, from_one))
    ]


if __name__ == "__main__":
    main()
