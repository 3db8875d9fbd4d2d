"""An account that is up: network, transports, delivery workers and front ends around one unlocked vault.

Three rings of tasks. They begin together, and end from the inside out: what uses a ring ends before the ring does.

    network      { the network }
      transports { every enabled one }
        work     { delivery workers, delivery reports, housekeeping, front ends }

A plugin that fails is shown as degraded, and made again (`supervision`). Only a vault that failed, or a network that
cannot exist, ends the account, with its own error.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import BalchatError, StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.frontend import App
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId, Secret, ServiceState
from balchat_host.core import account, contacts, housekeeping
from balchat_host.core.unit_of_work import crypto_area
from balchat_host.runtime.current_network import CurrentNetwork
from balchat_host.runtime.delivery_reports import DeliveryReports
from balchat_host.runtime.delivery_scheduler import DeliveryScheduler
from balchat_host.runtime.disk_watch import DiskWatch
from balchat_host.runtime.effects import Effects
from balchat_host.runtime.enabled_transport import EnabledTransport
from balchat_host.runtime.ending import EndLimit
from balchat_host.runtime.exits import contained_exits
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app import LocalApp
from balchat_host.runtime.local_transport_context import LocalTransportContext
from balchat_host.runtime.routing import Router
from balchat_host.runtime.served import ServedFrontEnd
from balchat_host.runtime.setups import FrontEndSetup, NetworkSetup, TransportSetup
from balchat_host.runtime.supervision import PluginService, Supervisor
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_TIDY_EVERY: Final = 3600.0
_END_TIMEOUT: Final = 20.0
_PATIENCE: Final = 10.0
"""Seconds that the App is held back for plugins that are starting: a network that cannot exist is said first."""


class Node:
    """Runs an account until it is cancelled or told to stop.

    `hedge`: seconds without a direct answer after which what waits also goes to who stores and forwards.
    `start_timeout`: seconds in which a plugin has to start; `end_timeout`: real seconds in which all have to end, after
    which `stuck` is told, in a thread, of those that have not.
    """

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        live_status: LiveStatus,
        app: LocalApp,
        *,
        network: NetworkSetup,
        transports: Sequence[TransportSetup],
        front_ends: Sequence[FrontEndSetup],
        backoff: Backoff,
        hedge: float,
        start_timeout: float,
        end_timeout: float = _END_TIMEOUT,
        stuck: Callable[[Sequence[str]], None],
    ) -> None:
        self._runner = runner
        self._live_status = live_status
        self._app = app
        self._network = CurrentNetwork(network, live_status, hopeless=self._fail)
        self._front_ends = [ServedFrontEnd(setup, app, live_status) for setup in front_ends]
        self._start_timeout = start_timeout
        self._end = EndLimit(end_timeout, stuck)
        self._delivery_reports = DeliveryReports(runner)
        self._transports = [self._enabled_transport(setup) for setup in transports]
        self._router = Router(runner, self._transports)
        self._scheduler = DeliveryScheduler(
            runner, self._router, backoff, hedge=hedge, explain=live_status.set_reason, stopped=live_status.set_stopped
        )
        self._stop = anyio.Event()
        self._failure: BalchatError | None = None
        self._effects: Effects | None = None
        self._identity: tuple[PeerId, Secret] | None = None
        app.stop_with(self._stop.set)
        app.relays_with(self._router.relays)
        runner.fail_with(self._fail)

    async def run(self, *, task_status: TaskStatus[App]) -> None:
        """Run. Gives the App once front ends serve it. Raises NetworkUnavailable, StorageFailed, VaultDamaged."""
        try:
            with contained_exits():
                await self._run(task_status)
        finally:
            self._end.reached()
        if self._failure is not None:
            # Raised a second time, one exception would mix up two tracebacks.
            raise type(self._failure)(**self._failure.fields)

    async def _run(self, task_status: TaskStatus[App]) -> None:
        await self._tidy()  # before anything arrives: a key that has had its time opens nothing more
        us = await self._runner.read(account.load)
        self._identity = us.peer, await self._runner.read(self._seed)
        self._delivery_reports.tell_with(self._scheduler.tell)
        self._delivery_reports.give_up_with(self._scheduler.give_up)
        self._live_status.in_flight = lambda: self._scheduler.in_flight
        async with anyio.create_task_group() as base, _ended_with(base):
            network = self._supervise(base, self._network)
            async with anyio.create_task_group() as ways, _ended_with(ways):
                transports = [self._supervise(ways, transport) for transport in self._transports]
                async with anyio.create_task_group() as work, _ended_with(work):
                    front_ends = [self._supervise(work, front_end) for front_end in self._front_ends]
                    work.start_soon(self._settle, transports)
                    await self._work(work, [network, *transports, *front_ends], task_status)

    def _supervise(self, tasks: TaskGroup, service: PluginService) -> Supervisor:
        supervisor = Supervisor(service, start_timeout=self._start_timeout)
        tasks.start_soon(supervisor.run)
        return supervisor

    async def _work(self, work: TaskGroup, supervisors: Sequence[Supervisor], task_status: TaskStatus[App]) -> None:
        self._effects = Effects(self._runner, self._live_status, self._scheduler, self._router, work)
        self._runner.carry_out_with(self._effects.carry_out)
        self._effects.resume()
        self._live_status.running = True
        try:
            work.start_soon(self._delivery_reports.run)
            work.start_soon(self._tidy_now_and_then)
            work.start_soon(DiskWatch(self._runner, self._live_status).run)
            self._scheduler.start(work, await self._runner.read(contacts.talking))
            with anyio.move_on_after(_PATIENCE):
                await self._decided(supervisors)
            if self._failure is None:
                task_status.started(self._app)
            await self._stop.wait()
        finally:
            self._end.begin(supervisors)
            self._live_status.running = False
            # What is committed from here on must not reach tasks that have ended.
            self._effects = None
            self._scheduler.stop()
            self._runner.carry_out_with(self._live_status.carry_out)

    async def _decided(self, supervisors: Sequence[Supervisor]) -> None:
        """Wait until each plugin has started or failed, or the account is told to end."""
        async with anyio.create_task_group() as waiting:

            async def end_with_the_account() -> None:
                await self._stop.wait()
                waiting.cancel_scope.cancel()

            waiting.start_soon(end_with_the_account)
            for supervisor in supervisors:
                await supervisor.decided.wait()
            waiting.cancel_scope.cancel()

    async def _settle(self, transports: Sequence[Supervisor]) -> None:
        for supervisor in transports:
            await supervisor.decided.wait()
        self._router.settled.set()
        self._on_routes(None)

    def _fail(self, error: BalchatError) -> None:
        self._failure = self._failure or error
        self._stop.set()

    # -- what transports cause

    def _enabled_transport(self, setup: TransportSetup) -> EnabledTransport:
        def new_context(on_state: Callable[[ServiceState], None]) -> LocalTransportContext:
            assert self._identity is not None, "transports are made once the account is loaded"
            us, seed = self._identity
            return LocalTransportContext(
                setup.name,
                setup.latency,
                identity=us,
                seed=seed,
                runner=self._runner,
                network=self._network,
                live_status=self._live_status,
                delivery_reports=self._delivery_reports,
                on_state=on_state,
                on_peer=partial(self._on_peer, setup.name),
                on_routes=self._on_routes,
            )

        return EnabledTransport(
            setup, self._live_status, new_context=new_context, contacts=self._contacts, came_up=self._came_up
        )

    async def _contacts(self) -> set[PeerId]:
        return {contact.peer for contact in await self._runner.read(contacts.everyone)}

    def _came_up(self) -> None:
        self._scheduler.wake_all()
        self._on_routes(None)

    def _on_peer(self, transport: str, peer: PeerId, reachable: bool) -> None:  # noqa: FBT001  # it is the callback's only news
        self._live_status.set_reachable(transport, peer, reachable=reachable)
        self._scheduler.reach(peer, reachable=reachable)

    def _on_routes(self, peer: PeerId | None) -> None:
        # Before all transports have come up, everybody is about to be offered everything anyway.
        if self._effects is not None and (peer is not None or self._router.settled.is_set()):
            self._effects.offer(peer)

    # -- the vault

    def _seed(self, tx: ReadTransaction) -> Secret:
        return self._runner.engine.identity_seed(crypto_area(tx))

    async def _tidy(self) -> None:
        try:
            # What has had its time can wait until there is room.
            with suppress(StorageFull):
                await self._runner.change(housekeeping.tidy)
        except BaseException as error:  # noqa: BLE001  # it is tried again in an hour
            contain("housekeeping", error)

    async def _tidy_now_and_then(self) -> None:
        while True:
            await anyio.sleep(_TIDY_EVERY)
            await self._tidy()


class _ended_with:  # noqa: N801  # reads as what it does, in a with statement
    """End a ring of tasks when its body ends."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
