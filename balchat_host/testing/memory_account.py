"""An account in memory for the tests of front ends: the real `App` over the real core, with real MLS.

    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")                  # a contact: somebody with an account, whom the test plays
    bob.write("Are you there?")                  # has arrived when this returns
    await alice.app.messages.send("Bob", "Always.")       # is queued, for Bob is away
    bob.receive()                                # is delivered
    bob.read()                                   # is read

There is no network, no plugin and no task: what a test does not do does not happen, and what it does has happened when
the call returns. Nothing needs an event loop but the calls of `app`, which can be made in any loop, also in one after
the other. Time stands still but for a second with each change, and `pass_time`.

The engine is that of crypto_mls; `balchat-host[testing]` installs it.
"""

import json
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.lowlevel import checkpoint

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import App
from balchat_host.api.storage import SlotKind, Transaction
from balchat_host.api.types import DEVICE_ID_SIZE, ONLINE, DeviceIdentity, OwnOnion, PeerId, Secret, ServiceState
from balchat_host.api.views import RouteView
from balchat_host.app import changed_policy
from balchat_host.core import account, after_restore, housekeeping
from balchat_host.core.delivery import queue
from balchat_host.core.unit_of_work import Effect, EncryptWaiting, Forget
from balchat_host.loader.configuration import Configuration
from balchat_host.runtime.files.service import FileService
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app import LocalAccount, LocalApp, Running
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.testing.memory_files import AtOnce, MemoryFolder, decode_here
from balchat_host.testing.memory_relays import MemoryRelays
from balchat_host.testing.memory_settings import MemoryFile, memory_settings
from balchat_host.testing.memory_storage import MemoryStorage, MemoryVault
from balchat_host.testing.memory_world import MemoryWorld
from balchat_host.testing.peer import Peer
from balchat_host.testing.simulated_accounts import SimulatedAccount

PASSPHRASE: Final = Secret.from_text("correct horse battery staple")
NETWORK: Final = "network_memory"
TRANSPORT: Final = "transport_memory"
KEPT: Final = "account.json"
"""The file by which an account in memory is known in the folder of a backup, or of a profile."""


class _Account(LocalAccount):
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
        plugins: Mapping[str, type[Any]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.world = world or MemoryWorld()
        self.passphrase = passphrase
        self.ended = False
        """Whether `App.account.shut_down` was called."""
        self._storage = MemoryStorage()
        self.recovery_code = self._storage.new_recovery_code()
        slots = {SlotKind.PASSPHRASE: passphrase, SlotKind.RECOVERY_CODE: self.recovery_code}
        self.vault: MemoryVault = self._storage.make(Path("/", profile), slots, _nothing)
        super().__init__(self.world, name, self.vault)
        self.live_status = LiveStatus(profile=profile, policy=policy, works_as=works_as or policy)
        self.live_status.changed = _Bell()
        self.live_status.running = True
        self.relays = MemoryRelays(self._advertise) if has_relays else None
        runner = self._new_runner(self.follow)
        self.routes_to: dict[PeerId, Sequence[RouteView]] = {}
        """The ways to contacts that transports would have."""
        running = Running(stop=self._end, relays=lambda: self.relays, routes=self._routes_of, in_flight=lambda: 0)
        account = _Account(
            runner,
            new_recovery_code=self._storage.new_recovery_code,
            process_id=process_id or os.getpid(),
            running=running,
        )
        account.kept = self.kept
        self.file = MemoryFile()
        """What `App.settings` writes. `plugins` are the classes of plugins' settings that it knows, by plugin."""
        settings = memory_settings(self.file, plugins or {}, environment or {}, partial(_use, runner))
        settings.changed = _Bell()
        self.folder = MemoryFolder()
        """Where sealed files lie."""
        self.files = FileService(
            runner, self.folder, AtOnce(), self.live_status.presence, self.live_status.changed, decode=decode_here
        )
        self.app = LocalApp(runner, self.live_status, account, settings, files=self.files, running=running)
        self.create()
        self.set_network(ONLINE)

    async def _routes_of(self, peer: PeerId) -> Sequence[RouteView]:
        await checkpoint()
        return self.routes_to.get(peer, ())

    @property
    def kept(self) -> str:
        """What the file `KEPT` says: enough to make an account like this one."""
        return json.dumps({"name": self.name, "passphrase": self.passphrase.reveal().decode(errors="replace")})

    def vault_app(self) -> App:
        """Return the `App` of an account that was unlocked while no balchat runs: it sends nothing."""
        live_status = LiveStatus(profile="default", policy="both", works_as="both")
        runner = self._new_runner(live_status.carry_out)
        account = LocalAccount(runner, new_recovery_code=self._storage.new_recovery_code, process_id=0, running=None)
        settings = memory_settings(self.file, {}, {}, partial(_use, runner))
        files = FileService(
            runner, self.folder, AtOnce(), live_status.presence, live_status.changed, decode=decode_here
        )
        return LocalApp(runner, live_status, account, settings, files=files)

    # -- people

    def stranger(self, name: str) -> Peer:
        """Let there be somebody who has an account and whom we do not know."""
        core = SimulatedAccount(self.world, name)
        core.create()
        return Peer(self, core)

    def befriend(self, name: str) -> Peer:
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
        self.live_status.set_published(OwnOnion.IDENTITY, published or network)
        self.live_status.set_published(OwnOnion.DEVICE, published or network)
        self.live_status.set_transport(TRANSPORT, transport or network)

    def pass_time(self, seconds: float) -> None:
        """Let time go by, and have done what is done now and then: old events go, requests expire."""
        self.world.pass_time(seconds)
        self.change(housekeeping.tidy)

    def restore(self) -> None:
        """Go on from a backup that was made just now: contacts are asked again."""
        now = self.world.clock()
        self.change(lambda unit: after_restore.mark(unit.tx, now=now))
        self.world.cut_off(self)
        self.change(after_restore.resume)

    def fail_next(self, method: str, error: BaseException) -> None:
        """Let the next call of a method of `app`, such as `messages.send`, raise `error` and do nothing.

        Not for the streams. For what cannot be had otherwise: a lost connection, or an exception that nobody foresaw.
        """
        area_name, name = method.split(".")
        area = getattr(self.app, area_name)

        async def failing() -> None:
            await checkpoint()
            raise error

        def fail(*_: object, **__: object) -> Coroutine[Any, Any, None]:
            delattr(area, name)
            return failing()

        setattr(area, name, fail)

    def notice(self, other: PeerId, *, reachable: bool) -> None:
        device = DeviceIdentity(peer=other, device_id=bytes(DEVICE_ID_SIZE))
        self.live_status.presence.set_reachable(TRANSPORT, device, reachable=reachable)

    def follow(self, effects: Iterable[Effect]) -> None:
        effects = tuple(effects)
        self.live_status.carry_out(effects)
        for effect in effects:
            match effect:
                case EncryptWaiting(conversation=number):
                    self.change(lambda unit, number=number: queue.encrypt_more(unit, number))
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


def _use(runner: UnitOfWorkRunner, configuration: Configuration) -> None:
    runner.policy = changed_policy(runner.policy, configuration)


def _nothing(tx: Transaction) -> None:
    """Leave a new vault empty."""
