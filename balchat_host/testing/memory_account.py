"""An account in memory for the tests of front ends: the real `App` over the real core, with real MLS.

    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")                  # a contact: somebody with an account, whom the test plays
    bob.write("Are you there?")                  # has arrived when this returns
    await alice.app.send("Bob", "Always.")       # is queued, for Bob is away
    bob.receive()                                # is delivered
    bob.read()                                   # is read

There is no network, no plugin and no task: what a test does not do does not happen, and what it does has happened when
the call returns. Nothing needs an event loop but the calls of `app`, which can be made in any loop, also in one after
the other. Time stands still but for a second with each change, and `pass_time`.

The engine is that of crypto_mls; `balchat-host[testing]` installs it.
"""

import json
import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import CryptoDescriptor, NoSettings
from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import App
from balchat_host.api.storage import SlotKind, Transaction
from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.api.types import ONLINE, Secret, ServiceState
from balchat_host.api.views import ContactState, ContactView, Message, MessageState, RequestView
from balchat_host.core import account, contacts, housekeeping, messages, outbox, requests, requeue, restoring
from balchat_host.core.unit_of_work import Effect, EncryptWaiting, Forget, Policy
from balchat_host.loader.plugins import discover
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app import LocalApp, Running
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.memory_relays import MemoryRelays
from balchat_host.testing.memory_storage import MemoryStorage, MemoryVault
from balchat_host.testing.simulated_accounts import SimulatedAccount, SimulatedWorld, report

PASSPHRASE: Final = Secret.from_text("correct horse battery staple")
NETWORK: Final = "network_memory"
TRANSPORT: Final = "transport_memory"
_ALL: Final = 1000
KEPT: Final = "account.json"
"""The file by which an account in memory is known in the folder of a backup, or of a profile."""


class _App(LocalApp):
    """Leaves a folder where a backup is made, since people look for one."""

    kept: str

    async def backup(self, target: str) -> None:
        folder = anyio.Path(target)
        if folder.is_absolute() and await folder.exists():
            raise BadInput(what=target, problem="it is there already; choose another path for the copy")
        await super().backup(target)
        await folder.mkdir()
        await (folder / KEPT).write_text(self.kept)


class _Bell(Bell):
    """Can be waited for in one event loop after the other: whoever waits has an event of their own loop."""

    def __init__(self) -> None:
        super().__init__()
        self._events: list[anyio.Event] = []

    def ring(self) -> None:
        rung, self._events = self._events, []
        for event in rung:
            event.set()

    def next_ring(self) -> anyio.Event:
        event = anyio.Event()
        self._events.append(event)
        return event

    async def wait(self) -> None:
        await self.next_ring().wait()


class MemoryWorld(SimulatedWorld):
    """Where accounts in memory are, and who reaches whom. Each `MemoryAccount` makes one, or joins another's."""

    def __init__(self, engine: CryptoEngine | None = None, *, policy: Policy | None = None) -> None:
        chance = Random(1)  # noqa: S311  # salts that are the same in each run are the point
        super().__init__(engine or installed_engine(), entropy=chance.randbytes, policy=policy)
        self._online: list[tuple[SimulatedAccount, SimulatedAccount]] = []
        self._settling = False

    def clock(self) -> int:
        """Return the time, which goes on by a second."""
        self.pass_time(1)
        return self.now

    def set_online(self, one: SimulatedAccount, other: SimulatedAccount, *, online: bool) -> None:
        """Let two accounts reach each other, or no more."""
        self._online = [pair for pair in self._online if set(pair) != {one, other}]
        if online:
            self._online.append((one, other))
        for each, seen in ((one, other), (other, one)):
            if isinstance(each, MemoryAccount):
                each.live_status.set_reachable(TRANSPORT, seen.peer, reachable=online)
        self.settle()

    def carry(self, author: SimulatedAccount, reader: SimulatedAccount) -> bool:
        """Bring over what is on the wire and what has come to wait; say whether anything was taken or refused.

        What was ignored, as by somebody who blocks its author, leaves again the next time.
        """
        self.go_on(author, reader)
        verdicts: list[Verdict] = []
        while (verdict := self.deliver(author, reader)) is not None:
            verdicts.append(verdict)
        if Verdict.IGNORED in verdicts:
            self.lose(author, reader)
        return any(verdict is not Verdict.IGNORED for verdict in verdicts)

    def exchange(self, one: SimulatedAccount, other: SimulatedAccount) -> None:
        """Bring over what waits on both sides, on fresh connections, until nothing does."""
        self.lose(one, other)
        self.lose(other, one)
        while self.carry(one, other) | self.carry(other, one):
            pass

    def settle(self) -> None:
        """Bring over what waits between those who reach each other."""
        if self._settling:
            return
        self._settling = True
        try:
            while any(self.carry(one, other) | self.carry(other, one) for one, other in self._online):
                pass
        finally:
            self._settling = False


class MemoryAccount(SimulatedAccount):
    """One account that is up, and what a test does in place of the world around it.

    `app` is what a front end gets. `passphrase` and `recovery_code` are those that it was made with. `vault` can fail
    (`balchat_host.testing.memory_storage`), `live_status` tells what is only true for the moment.
    `relays` is what a transport with relays would offer; None where no transport that is enabled has any.
    """

    def __init__(
        self,
        name: str = "Alice",
        world: MemoryWorld | None = None,
        *,
        passphrase: Secret = PASSPHRASE,
        policy: str = "both",
        works_as: str | None = None,
        has_relays: bool = True,
        profile: str = "default",
        process_id: int | None = None,
    ) -> None:
        self.world = world or MemoryWorld()
        self.passphrase = passphrase
        self.ended = False
        """Whether `App.shut_down` was called."""
        self._storage = MemoryStorage()
        self.recovery_code = self._storage.new_recovery_code()
        slots = {SlotKind.PASSPHRASE: passphrase, SlotKind.RECOVERY_CODE: self.recovery_code}
        self.vault: MemoryVault = self._storage.make(Path("/", profile), slots, _nothing)
        super().__init__(self.world, name, self.vault)
        self.live_status = LiveStatus(profile=profile, policy=policy, works_as=works_as or policy)
        self.live_status.changed = _Bell()
        self.live_status.running = True
        self.relays = MemoryRelays(self._advertise) if has_relays else None
        self.app = _App(
            self._new_runner(self.follow),
            self.live_status,
            new_recovery_code=self._storage.new_recovery_code,
            process_id=process_id or os.getpid(),
            running=Running(stop=self._end, relays=lambda: self.relays, in_flight=lambda: 0),
        )
        self.app.kept = self.kept
        self.create()
        self.set_network(ONLINE)

    @property
    def kept(self) -> str:
        """What the file `KEPT` says: enough to make an account like this one."""
        return json.dumps({"name": self.name, "passphrase": self.passphrase.reveal().decode(errors="replace")})

    def vault_app(self) -> App:
        """Return the `App` of an account that was unlocked while no balchat runs: it sends nothing."""
        live_status = LiveStatus(profile="default", policy="both", works_as="both")
        runner = self._new_runner(live_status.carry_out)
        return LocalApp(runner, live_status, new_recovery_code=self._storage.new_recovery_code, process_id=0)

    # -- people

    def stranger(self, name: str) -> "Peer":
        """Let there be somebody who has an account and whom we do not know."""
        core = SimulatedAccount(self.world, name)
        core.create()
        return Peer(self, core)

    def befriend(self, name: str) -> "Peer":
        """Have a contact called `name`, whom we asked and who has accepted, and who is away now."""
        peer = self.stranger(name)
        self.add(peer.core)
        peer.accept()
        return peer

    # -- the world

    def set_network(
        self, network: ServiceState, *, published: ServiceState | None = None, transport: ServiceState | None = None
    ) -> None:
        """Let the network be in a state; our address and the transport are as the network is, unless told."""
        self.live_status.set_network(NETWORK, network)
        self.live_status.set_published(published or network)
        self.live_status.set_transport(TRANSPORT, transport or network)

    def pass_time(self, seconds: float) -> None:
        """Let time go by, and have done what is done now and then: old events go, requests expire."""
        self.world.pass_time(seconds)
        self.change(housekeeping.tidy)

    def restore(self) -> None:
        """Go on from a backup that was made just now: contacts are asked again."""
        now = self.world.clock()
        self.change(lambda unit: restoring.mark(unit.tx, now=now))
        self.world.cut_off(self)
        self.change(restoring.resume)

    def fail_next(self, method: str, error: BaseException) -> None:
        """Let the next call of a method of `app` raise `error` and do nothing. Not for the streams.

        For what cannot be had otherwise: a lost connection, or an exception that nobody foresaw.
        """

        async def failing() -> None:
            await anyio.lowlevel.checkpoint()
            raise error

        def fail(*_: object, **__: object) -> Coroutine[Any, Any, None]:
            delattr(self.app, method)
            return failing()

        setattr(self.app, method, fail)

    def follow(self, effects: Iterable[Effect]) -> None:
        effects = tuple(effects)
        self.live_status.carry_out(effects)
        for effect in effects:
            match effect:
                case EncryptWaiting(peer=peer):
                    self.change(lambda unit, peer=peer: requeue.encrypt_more(unit, peer))
                case Forget(peer=peer):
                    self.world.forget(self.peer, peer)
                case _:
                    pass
        self.world.settle()

    def _new_runner(self, on_commit: Callable[[Iterable[Effect]], None]) -> UnitOfWorkRunner:
        world = self.world
        return UnitOfWorkRunner(
            self.vault,
            world.engine,
            policy=world.policy,
            clock=world.clock,
            entropy=world.entropy,
            on_commit=on_commit,
        )

    def _end(self) -> None:
        self.ended = True
        self.live_status.running = False
        self.live_status.changed.ring()

    def _advertise(self, relays: Sequence[str]) -> None:
        self.change(lambda unit: account.advertise(unit, relays))
        self.live_status.changed.ring()


class Peer:
    """Somebody at the other end of an account, played by the test. What a method does has happened when it returns."""

    def __init__(self, account: MemoryAccount, core: SimulatedAccount) -> None:
        self.core = core
        """Their account. It is as real as ours."""
        self._account = account
        self._world = account.world

    @property
    def name(self) -> str:
        """What they call themselves."""
        return self.core.name

    @property
    def code(self) -> str:
        """Their chat code."""
        return self.core.code

    @property
    def peer_id(self) -> str:
        """Their peer id."""
        return self.core.peer.octets.hex()

    @property
    def onion(self) -> str:
        """Their onion address."""
        return self.core.peer.onion

    @property
    def contact(self) -> ContactView:
        """They, as the account's `app` shows them. Raises LookupError where they are no contact."""
        found = self._account.contact(self.core)
        if found is None:
            raise LookupError(self.name)
        return self._account.live_status.complete(found)

    @property
    def conversation(self) -> list[Message]:
        """Everything that we wrote to each other, as the account's `app` shows it, oldest first."""
        return self._account.history(self.core)

    @property
    def heard(self) -> list[str | None]:
        """The texts of ours that they have, oldest first."""
        return [message.text for message in self.core.history(self._account) if message.author is not None]

    # -- first contact

    def ask(self, introduction: str = "") -> RequestView:
        """Ask us to become a contact."""
        self._world.pass_time(1)
        self.core.add(self._account, introduction)
        self._world.exchange(self.core, self._account)
        return self._account.read(lambda tx: requests.find(tx, self.peer_id)).view

    def receive_request(self) -> None:
        """Get our request: the contact is `requested`. Before that it is `adding`."""
        self._world.pass_time(1)
        self._world.exchange(self._account, self.core)

    def accept(self) -> ContactView:
        """Get our request, and accept it: the contact is `active`."""
        self.receive_request()
        self.core.accept(self._account)
        self._world.exchange(self.core, self._account)
        return self.contact

    def set_reason(self, reason: str | None) -> None:
        """Say why we do not reach them for the first time (`ContactView.reason`)."""
        self._account.live_status.set_reason(self.core.peer, reason)

    # -- what they write

    def write(self, text: str, reply_to: str | None = None) -> Message:
        """Write a message. Return it as we see it, or as they do where it did not arrive because they are blocked."""
        self._be_accepted()
        written = self.core.write(self._account, text, reply_to)
        self._world.carry(self.core, self._account)
        newest = self._newest()
        return newest if newest is not None and newest.id == written.id else written

    def write_content(self, content_type: str, content: bytes = b"") -> Message | None:
        """Write something of a content type that may be none that is shown as text. Return it as we see it."""
        self._be_accepted()
        us = self._account.peer.octets.hex()
        self.core.change(lambda unit: outbox.queue_control(unit, contacts.find(unit.tx, us), content_type, content))
        before = self._newest()
        self._world.carry(self.core, self._account)
        newest = self._newest()
        return None if newest == before else newest

    def lose(self, text: str) -> None:
        """Write a message that does not arrive; `Message.missing_before` of the next one counts it."""
        self._be_accepted()
        self.core.write(self._account, text)
        self._world.go_on(self.core, self._account)
        self._world.drop(self.core, self._account)

    # -- what becomes of what we write

    def come_online(self) -> None:
        """Be within reach: what we write arrives at once, from now on."""
        self._world.set_online(self._account, self.core, online=True)

    def go_offline(self) -> None:
        """Be out of reach again: what we write waits."""
        self._world.set_online(self._account, self.core, online=False)

    def begin_to_receive(self) -> None:
        """Let what waits be on its way: `sent`."""
        self._world.pass_time(1)
        self._world.connect(self._account, self.core)

    def relay(self, *, refusal: str | None = None) -> None:
        """Let what waits lie at a relay of theirs: `relayed`. With a `refusal` it waits on, with that as its reason."""
        self._world.pass_time(1)
        now, peer = self._world.now, self.core.peer
        found = self._account.read(lambda tx: outbox.to_store(tx, peer, queued_until=now, now=now, limit=_ALL))
        outcome = Outcome.STORED if refusal is None else Outcome.REFUSED
        reports = [SendReport(ticket=each.ticket, outcome=outcome, reason=refusal) for each in found.outgoing]
        report(self._account, *reports, latency=Latency.STORE_AND_FORWARD)

    def receive(self, *, skip: int = 0) -> None:
        """Get what waits, but for the oldest `skip`, which wait on: `delivered`."""
        self._world.pass_time(1)
        self._world.connect(self._account, self.core)
        self._world.drop(self._account, self.core, skip)
        self._world.carry(self._account, self.core)
        self._world.carry(self.core, self._account)

    def read(self) -> None:
        """Get what waits, and read all of it: `read`."""
        self.receive()
        theirs = [message for message in self.core.history(self._account) if message.state is MessageState.RECEIVED]
        if theirs:
            us = self._account.peer.octets.hex()
            self.core.change(lambda unit: messages.mark_read(unit, us, up_to=theirs[-1].id))
            self._world.carry(self.core, self._account)

    def refuse(self, reason: str) -> None:
        """Refuse what waits, for good: `failed`, for this reason."""
        self._world.pass_time(1)
        now, peer = self._world.now, self.core.peer
        found = self._account.read(lambda tx: outbox.pending(tx, peer, after=0, now=now, limit=_ALL))
        reports = [SendReport(ticket=each.ticket, outcome=Outcome.REFUSED, reason=reason) for each in found.outgoing]
        report(self._account, *reports)

    def _be_accepted(self) -> None:
        """Learn that we accepted their request, where we just have: what they write could not leave before."""
        self._world.pass_time(1)
        ours = self.core.contact(self._account)
        if ours is None or ours.state is not ContactState.ACTIVE:
            self._world.exchange(self._account, self.core)

    def _newest(self) -> Message | None:
        newest = self._account.read(lambda tx: messages.history(tx, self.peer_id, limit=1, before=None))
        return newest[0] if newest else None


@cache
def installed_engine() -> CryptoEngine:
    """Make the engine of crypto_mls. Raises PluginError where it is not installed."""
    for record in discover(["crypto_mls"]):
        if record.name == "crypto_mls":
            for descriptor in record.usable():
                assert isinstance(descriptor, CryptoDescriptor)
                return descriptor.factory(NoSettings())
    raise AssertionError("what is asked for has a record")


def _nothing(tx: Transaction) -> None:
    """Leave a new vault empty."""
