"""Whole accounts on a virtual network: core, runtime, App and real transports, with vaults in memory.

An account can be started, ended, killed and started again on what its vault has. Under trio's MockClock hours take no
time; the account's own clock follows the event loop's.
"""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import anyio
from anyio import ClosedResourceError

from balchat_host.api.backoff import Backoff
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.frontend import App
from balchat_host.api.network import Network
from balchat_host.api.storage import SlotKind, Storage, Transaction, Vault
from balchat_host.api.types import PeerId, Secret, ServiceState
from balchat_host.app import use_at_once
from balchat_host.core import account, after_restore, schema
from balchat_host.core.unit_of_work import Policy, UnitOfWork
from balchat_host.loader.configuration import Configuration
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app import LocalApp
from balchat_host.runtime.node import Node
from balchat_host.runtime.plugin_setups import FrontEndSetup, NetworkSetup, TransportSetup
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from balchat_host.runtime.unlocked_vault import UnlockedAccount
from balchat_host.testing.memory_files import AtOnce, MemoryFolder
from balchat_host.testing.memory_settings import MemoryFile, memory_settings
from balchat_host.testing.memory_storage import MemoryStorage, MemoryVault
from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode

PASSPHRASE: Final = Secret.from_text("virtual horses need no stable")
BEGINNING: Final = 1_800_000_000_000
"""Unix milliseconds when the loop's clock is at 0."""
FIRST_RETRY: Final = 2.0
LAST_RETRY: Final = 300.0
HEDGE: Final = 8.0
START_TIMEOUT: Final = 60.0


class VirtualAccount:
    """One account. `create` first; then `up` as often as wanted, once at a time.

    `seed` decides the jitter. Without `storage` the vault lies in memory. `vault`, `node`, `runner` and `app` are those
    of the present or last run.
    """

    vault: Vault
    node: VirtualNode
    runner: UnitOfWorkRunner
    app: LocalApp
    peer: PeerId
    code: str
    recovery_code: Secret

    def __init__(
        self,
        name: str,
        world: VirtualNetwork,
        *,
        engine: CryptoEngine,
        transports: Sequence[TransportSetup],
        seed: int = 1,
        policy: Policy | None = None,
        storage: Storage | None = None,
        directory: Path = Path("/"),
    ) -> None:
        self.name = name
        self.transports = transports
        self.front_ends: list[FrontEndSetup] = []
        self.online = True
        """Whether its network is there when it comes up."""
        self.end_timeout = 60.0
        self.lock_after = 0.0
        """Seconds without use after which it locks itself."""
        self.stuck: Callable[[Sequence[str]], None] = _let_it
        """What is told of plugins that have not ended `end_timeout` real seconds after the account was told to end."""
        self._world = world
        self._engine = engine
        self._random = Random(seed).random  # chance that can be repeated is the point
        self._policy = policy or Policy()
        self.file = MemoryFile()
        """What `App.settings` writes."""
        self.folder = MemoryFolder()
        """Where its sealed files lie."""
        # A vault with a thread of its own asks for the time there, where no loop has a clock.
        self._clock = _loop_time if storage is None else _wall_time
        self._storage = storage or MemoryStorage()
        self._directory = directory / name
        self._killed = False

    async def create(self) -> None:
        """Make the account."""
        self.recovery_code = self._storage.new_recovery_code()
        slots = {SlotKind.PASSPHRASE: PASSPHRASE, SlotKind.RECOVERY_CODE: self.recovery_code}
        self.vault = await self._storage.create(self._directory, slots, self._settle)
        view = await self.vault.read(account.code)
        self.peer, self.code = PeerId(bytes.fromhex(view.peer_id)), view.code
        await self.vault.aclose()

    async def restore(self, backup: Path) -> None:
        """Lose the vault, and make it again from a backup that `App.account.backup` wrote. Only while it is not up."""
        self._directory = backup.with_name(f"{backup.name} restored")
        clock = self._clock
        await self._storage.restore(
            self._directory,
            backup,
            SlotKind.PASSPHRASE,
            PASSPHRASE,
            lambda tx: after_restore.mark(tx, now=clock()),
        )

    @property
    def disk(self) -> MemoryVault:
        """The vault in memory, to make it fail."""
        assert isinstance(self.vault, MemoryVault)
        return self.vault

    def unlocked(self) -> UnlockedAccount:
        """Return the account in the vault of the present run."""
        return UnlockedAccount(
            vault=self.vault,
            engine=self._engine,
            policy=self._policy,
            clock=self._clock,
            entropy=_entropy,
            new_recovery_code=self._storage.new_recovery_code,
            process_id=len(self.name),
            live_status=LiveStatus(profile=self.name, policy="both", works_as="both"),
            settings=memory_settings(self.file, {}, {}, self._use),
            folder=self.folder,
            offload=AtOnce(),
        )

    @asynccontextmanager
    async def up(self) -> AsyncGenerator[App]:
        """Run the account until the block ends, or until it is killed in it. Raise what ends it by itself."""
        self._killed = False
        try:
            async with anyio.create_task_group() as tasks:
                self._scope = tasks.cancel_scope
                yield await tasks.start(self.run)
                tasks.cancel_scope.cancel()
        except* ClosedResourceError:
            if not self._killed:
                raise

    async def run(self, *, task_status: anyio.abc.TaskStatus[App] = anyio.TASK_STATUS_IGNORED) -> None:
        """Run the account until cancelled or told to shut down."""
        self.vault = await self._storage.unlock(self._directory, SlotKind.PASSPHRASE, PASSPHRASE)
        try:
            node = self._node = Node(
                self.unlocked(),
                network=NetworkSetup(name="virtual", origin="balchat-virtual 1.0", make=self._make_network),
                transports=self.transports,
                front_ends=self.front_ends,
                backoff=Backoff(first=FIRST_RETRY, longest=LAST_RETRY, jitter=self._random),
                hedge=HEDGE,
                start_timeout=START_TIMEOUT,
                end_timeout=self.end_timeout,
                lock_after=self.lock_after,
                stuck=self.stuck,
            )
            self.runner, self.app = node.runner, node.app
            await node.run(task_status=task_status)
        finally:
            await self.vault.aclose()

    def kill(self) -> None:
        """End it as SIGKILL does: nothing more is written, and its streams break."""
        assert isinstance(self._storage, MemoryStorage), "only a process of its own can be killed"
        self._killed = True
        self._storage.kill(self._directory)
        self.node.go_offline("killed")
        self._scope.cancel()

    def _settle(self, tx: Transaction) -> None:
        schema.migrate(tx)
        unit = UnitOfWork(tx=tx, engine=self._engine, now=self._clock(), entropy=_entropy, policy=self._policy)
        account.create(unit, self.name)

    def _use(self, configuration: Configuration) -> None:
        use_at_once(self._node, configuration)

    def _make_network(self, on_state: Callable[[ServiceState], None]) -> Network:
        self.node = self._world.node(on_state=on_state, online=self.online)
        return self.node


def _loop_time() -> int:
    return BEGINNING + int(anyio.current_time() * 1000)


def _wall_time() -> int:
    return time.time_ns() // 1_000_000


def _entropy(size: int) -> bytes:
    return Random().randbytes(size)  # nothing here is a secret


def _let_it(stuck: Sequence[str]) -> None:
    """Wait for them."""
