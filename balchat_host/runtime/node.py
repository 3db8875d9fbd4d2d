"""An account that is up: network, transports, couriers and front ends around one unlocked vault.

Three rings of tasks, taken down from the inside out: what uses a ring ends before the ring does.

    network      { tor }
      transports { every enabled one }
        work     { couriers, reporter, housekeeping, front ends }

A plugin that fails is shown as degraded and started again; what waiting cannot mend (no tor program, a disk that
failed) ends the node with its own error.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import anyio
from anyio.abc import TaskStatus

from balchat_host.api.errors import BalchatError, NetworkUnavailable, StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.network import Network
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Latency, Transport, TransportHost
from balchat_host.api.types import PeerId, Phase, Secret, ServiceState
from balchat_host.core import account, contacts, housekeeping
from balchat_host.core.unit import crypto_area
from balchat_host.runtime.account_host import AccountHost
from balchat_host.runtime.board import Board
from balchat_host.runtime.couriers import Couriers
from balchat_host.runtime.effects import Effects
from balchat_host.runtime.keeper import Keeper
from balchat_host.runtime.local_app import LocalApp
from balchat_host.runtime.reporter import Reporter
from balchat_host.runtime.retry import Backoff
from balchat_host.runtime.routing import Carrier, Router

_log: Final = logging.getLogger("balchat")

_TIDY_EVERY: Final = 3600.0
_RESTART: Final = 5.0
_SLOWEST_RESTART: Final = 300.0
_FATAL: Final = (NetworkUnavailable, StorageFailed, VaultDamaged)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSetup:
    """A transport that the configuration enables."""

    name: str
    latency: Latency
    make: Callable[[TransportHost], Transport]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSetup:
    """The network that the configuration names. `make` gets where to report states."""

    name: str
    make: Callable[[Callable[[ServiceState], None]], Network]


class _Service(Protocol):
    def run(self, *, task_status: TaskStatus[None]) -> Awaitable[None]: ...


class Node:
    """Runs an account until it is cancelled or told to stop.

    `hedge`: seconds without a direct answer after which what waits also goes to who stores and forwards.
    """

    def __init__(
        self,
        keeper: Keeper,
        board: Board,
        app: LocalApp,
        *,
        network: NetworkSetup,
        transports: Sequence[TransportSetup],
        front_ends: Sequence[tuple[str, FrontEnd]],
        backoff: Backoff,
        hedge: float,
    ) -> None:
        self._keeper = keeper
        self._board = board
        self._app = app
        self._network = network
        self._transports = transports
        self._front_ends = front_ends
        self._backoff = backoff
        self._hedge = hedge
        self._stop = anyio.Event()
        self._failure: BalchatError | None = None
        self._effects: Effects | None = None
        app.stop_with(self._stop.set)
        keeper.fail_with(self._fail)

    async def run(self, *, task_status: TaskStatus[App]) -> None:
        """Run. Gives the App once front ends serve it. Raises NetworkUnavailable, StorageFailed, VaultDamaged."""
        try:
            await self._run(task_status)
        except BaseExceptionGroup as group:
            # Rings of tasks wrap what ends them. One cause often shows in several tasks; any of them tells of it.
            cause, rest = group.split(_FATAL)
            if cause is None or rest is not None:
                raise
            raise _first(cause) from None

    async def _run(self, task_status: TaskStatus[App]) -> None:
        await self._tidy()  # before anything arrives: a key that has had its time opens nothing more
        us = await self._keeper.read(account.load)
        seed = await self._keeper.read(self._seed)
        network = self._network.make(partial(self._board.set_network, self._network.name))
        reporter = Reporter(self._keeper)
        carriers = [
            Carrier(
                name=setup.name,
                latency=setup.latency,
                transport=setup.make(self._account_host(setup, us.peer, seed, network, reporter)),
            )
            for setup in self._transports
        ]
        self._app.relays_are(next((each.transport.relays for each in carriers if each.transport.relays), None))
        router = Router(self._keeper, carriers)
        self._couriers = Couriers(
            self._keeper, router, self._backoff, hedge=self._hedge, explain=self._board.set_reason
        )
        reporter.tell_with(self._couriers.tell)
        self._board.in_flight = lambda: self._couriers.in_flight
        async with anyio.create_task_group() as base, _ended_with(base):
            await base.start(self._supervise, self._network.name, network, self._board.set_network)
            async with anyio.create_task_group() as ways, _ended_with(ways):
                for carrier in carriers:
                    await ways.start(self._supervise, carrier.name, carrier.transport, self._board.set_transport)
                await self._work(reporter, router, task_status)

    async def _work(self, reporter: Reporter, router: Router, task_status: TaskStatus[App]) -> None:
        async with anyio.create_task_group() as work, _ended_with(work):
            self._effects = Effects(self._keeper, self._board, self._couriers, router, work)
            self._keeper.carry_out_with(self._effects.carry_out)
            self._board.running = True
            work.start_soon(reporter.run)
            work.start_soon(self._tidy_now_and_then)
            everybody = await self._keeper.read(contacts.everyone)
            await router.keep_only({contact.peer for contact in everybody})
            self._couriers.start(work, await self._keeper.read(contacts.talking))
            self._effects.offer()
            for name, front_end in self._front_ends:
                await work.start(self._supervise, name, _Served(front_end, self._app), None)
            task_status.started(self._app)
            await self._stop.wait()
            self._board.running = False
            if self._failure is not None:
                # Raised a second time, one exception would mix up two tracebacks.
                raise type(self._failure)(**self._failure.fields)

    def _fail(self, error: BalchatError) -> None:
        self._failure = error
        self._stop.set()

    def _account_host(
        self, setup: TransportSetup, us: PeerId, seed: Secret, network: Network, reporter: Reporter
    ) -> TransportHost:
        return AccountHost(
            setup.name,
            setup.latency,
            identity=us,
            seed=seed,
            keeper=self._keeper,
            network=network,
            board=self._board,
            reporter=reporter,
            on_peer=self._on_peer,
            on_routes=self._on_routes,
        )

    def _on_peer(self, peer: PeerId, reachable: bool) -> None:  # noqa: FBT001  # it is the callback's only news
        self._board.set_reachable(peer, reachable=reachable)
        self._couriers.reach(peer, reachable=reachable)

    def _on_routes(self, peer: PeerId | None) -> None:
        # Before there are effects, everybody is about to be offered everything anyway.
        if self._effects is not None:
            self._effects.offer(peer)

    def _seed(self, tx: ReadTransaction) -> Secret:
        return self._keeper.engine.identity_seed(crypto_area(tx))

    async def _tidy(self) -> None:
        # What has had its time can wait until there is room.
        with suppress(StorageFull):
            await self._keeper.change(housekeeping.tidy)

    async def _tidy_now_and_then(self) -> None:
        while True:
            await anyio.sleep(_TIDY_EVERY)
            await self._tidy()

    async def _supervise(
        self,
        name: str,
        service: _Service,
        show: Callable[[str, ServiceState], None] | None,
        *,
        task_status: TaskStatus[None],
    ) -> None:
        """Run a plugin's service; start it again when it fails. The first start-up failure is the caller's to know."""
        started = _Once(task_status)
        failures = 0
        while True:
            began = anyio.current_time()
            try:
                await service.run(task_status=started)
            except _FATAL:
                raise
            except Exception as error:  # one bad plugin never stops another
                if not started.done:
                    raise
                # Only the kind of error: its text may tell of people.
                _log.error("%s failed (%s); starting it again", name, type(error).__name__)
            failures = 1 if anyio.current_time() - began > _SLOWEST_RESTART else failures + 1
            if show is not None:
                show(name, ServiceState(phase=Phase.DEGRADED, reason="it failed and is being started again"))
            await anyio.sleep(min(_SLOWEST_RESTART, _RESTART * 2 ** (failures - 1)))


class _Served:
    """A front end with its App, run like any other service."""

    def __init__(self, front_end: FrontEnd, app: App) -> None:
        self._front_end = front_end
        self._app = app

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        await self._front_end.run(self._app, task_status=task_status)


class _Once:
    """Passes on the first start of a service that may be started again."""

    def __init__(self, task_status: TaskStatus[None]) -> None:
        self._task_status = task_status
        self.done = False

    def started(self, value: None = None) -> None:
        if not self.done:
            self.done = True
            self._task_status.started(value)


class _ended_with:  # noqa: N801  # reads as what it does, in a with statement
    """End a ring of tasks when its body ends."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self._tasks = tasks

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()


def _first(group: BaseExceptionGroup[BalchatError]) -> BalchatError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
