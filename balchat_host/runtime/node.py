"""An account that is up: network, transports, deliveries and front ends around one unlocked vault.

Three rings of tasks. They begin together, and end from the inside out: what uses a ring ends before the ring does.

    network      { the network }
      transports { every enabled one }
        work     { deliveries, reports, housekeeping, front ends }

A plugin that fails is shown as degraded, and made again (`plugin_supervisor`). Only a vault that failed, or a network
that cannot exist, ends the account, with its own error.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import AccountLocked, BalchatError, StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.frontend import App
from balchat_host.api.transport import Latency
from balchat_host.api.types import DeviceIdentity, PeerId, ServiceState
from balchat_host.core import account, contacts, housekeeping, up_time
from balchat_host.core.unit_of_work import Effect
from balchat_host.runtime.contained_exits import contained_exits
from balchat_host.runtime.delivery_reports import DeliveryReports
from balchat_host.runtime.delivery_scheduler import DeliveryScheduler
from balchat_host.runtime.disk_watch import DiskWatch
from balchat_host.runtime.effects import Effects
from balchat_host.runtime.enabled_front_end import EnabledFrontEnd
from balchat_host.runtime.enabled_network import EnabledNetwork
from balchat_host.runtime.enabled_plugin import EnabledPlugin
from balchat_host.runtime.enabled_transport import EnabledTransport
from balchat_host.runtime.end_limit import EndLimit
from balchat_host.runtime.expiry_timer import ExpiryTimer
from balchat_host.runtime.files.part_putter import WINDOW, PartPutter
from balchat_host.runtime.files.part_server import PartServer
from balchat_host.runtime.files.puller import FilePuller
from balchat_host.runtime.files.receipt_teller import ReceiptTeller
from balchat_host.runtime.idle_lock import IdleLock
from balchat_host.runtime.local_app import Running
from balchat_host.runtime.local_transport_context import LocalTransportContext
from balchat_host.runtime.plugin_setups import FrontEndSetup, NetworkSetup, TransportSetup
from balchat_host.runtime.plugin_supervisor import Supervisor
from balchat_host.runtime.reconnector import Reconnector
from balchat_host.runtime.request_switch import RequestSwitch
from balchat_host.runtime.router import Router
from balchat_host.runtime.search_indexer import SearchIndexer
from balchat_host.runtime.unlocked_vault import UnlockedAccount
from balchat_host.runtime.used_app import used_app

_TIDY_EVERY: Final = 3600.0
_END_TIMEOUT: Final = 20.0
_FAREWELL: Final = 1.0
"""Seconds in which front ends hear that the account locks itself."""
_PATIENCE: Final = 10.0
"""Seconds that the App is held back for plugins that are starting: a network that cannot exist is said first."""


class Node:
    """Runs an account until it is cancelled or told to stop.

    `accept_requests`: whether strangers may ask for contact. `lock_after`: seconds without use after which the account
    locks itself, 0 for never.
    `file_streams`: how many streams fetch files from one contact at a time. `relay_window`: octets of files' parts that
    lie at relays for one contact.
    `hedge`: seconds without a direct answer after which what waits also goes to who stores and forwards.
    `start_timeout`: seconds in which a plugin has to start; `end_timeout`: real seconds in which all have to end, after
    which `stuck` is told, in a thread, of those that have not.
    """

    def __init__(
        self,
        unlocked: UnlockedAccount,
        *,
        network: NetworkSetup,
        transports: Sequence[TransportSetup],
        front_ends: Sequence[FrontEndSetup],
        backoff: Backoff,
        hedge: float,
        start_timeout: float,
        end_timeout: float = _END_TIMEOUT,
        lock_after: float = 0,
        accept_requests: bool = True,
        file_streams: int = 1,
        relay_window: int = WINDOW,
        stuck: Callable[[Sequence[str]], None],
    ) -> None:
        self._live_status = status = unlocked.live_status
        self.runner = runner = unlocked.runner(on_commit=self._on_commit, on_failure=self._fail, on_full=self._on_full)
        self._disk_watch = DiskWatch(runner, status)
        self._network = EnabledNetwork(network, status.set_network, hopeless=self._fail)
        self._storing = [each.name for each in transports if each.latency is Latency.STORE_AND_FORWARD]
        self._transports = [
            EnabledTransport(
                setup,
                partial(self._show_transport, setup.latency),
                new_context=partial(self._context, setup),
                contacts=self._contacts,
                came_up=self._came_up,
            )
            for setup in transports
        ]
        self._router = router = Router(runner, self._transports)
        self._reconnector = Reconnector(runner, router)
        self._scheduler = DeliveryScheduler(runner, router, backoff, hedge=hedge, stopped=status.presence.set_failing)
        self._reports = DeliveryReports(runner, self._scheduler)
        self._effects: Effects | None = None
        self._requests = RequestSwitch(accepted=accept_requests)
        self.accept_requests(accepted=accept_requests)
        self._us: DeviceIdentity | None = None
        running = Running(
            stop=self.stop,
            relays=router.relays,
            routes=router.routes_of,
            in_flight=lambda: self._scheduler.in_flight,
        )
        self.files = files = unlocked.files(runner)
        self._part_server = PartServer(files.parts)
        self._puller = FilePuller(router, router, files.parts, files.changed, backoff=backoff, streams=file_streams)
        self._putter = PartPutter(
            router, runner, files.parts, status.presence, files.changed, backoff=backoff, window=relay_window
        )
        self.app = unlocked.app(runner, self.files, running)
        self._idle = IdleLock(lock_after, self._lock, runner.clock)
        self._used_app = used_app(self.app, self._idle.before)
        self._front_ends = [EnabledFrontEnd(setup, self._used_app, status.set_plugin) for setup in front_ends]
        self._start_timeout = start_timeout
        self._end = EndLimit(end_timeout, stuck)
        self._stop = anyio.Event()
        self._failure: BalchatError | None = None

    def stop(self) -> None:
        """Begin to end."""
        self._stop.set()

    def set_lock_after(self, seconds: float) -> None:
        """Lock after another time without use; 0 is for never."""
        self._idle.set_after(seconds)

    def accept_requests(self, *, accepted: bool) -> None:
        """Let strangers ask for contact from now on, or do not."""
        self.runner.policy = replace(self.runner.policy, accept_requests=accepted)
        self._live_status.set_accepts_requests(accepted=accepted)
        self._requests.set(accepted=accepted)

    async def run(self, *, task_status: TaskStatus[App]) -> None:
        """Run. Return the App once front ends serve it.

        Raise AccountLocked, NetworkUnavailable, StorageFailed, VaultDamaged.
        """
        try:
            with contained_exits():
                await self._run(task_status)
        finally:
            self._end.reached()
        if self._failure is not None:
            # Raised a second time, one exception would mix up two tracebacks.
            raise type(self._failure)(**self._failure.fields)

    async def _run(self, task_status: TaskStatus[App]) -> None:
        await self.runner.open()
        await self.files.open()
        await self.runner.change(lambda unit: up_time.set_storing(unit, self._storing))
        await self._tidy()  # before anything arrives: a key that has had its time opens nothing more
        us = await self.runner.read(account.load)
        self._us = DeviceIdentity(peer=us.peer, device_id=us.device_id)
        async with _ring() as base:
            network = self._supervise(base, self._network)
            async with _ring() as middle:
                transports = [self._supervise(middle, transport) for transport in self._transports]
                async with _ring() as work:
                    front_ends = [self._supervise(work, front_end) for front_end in self._front_ends]
                    work.start_soon(self._settle, transports)
                    await self._work(work, [network, *transports, *front_ends], task_status)

    def _supervise(self, tasks: TaskGroup, plugin: EnabledPlugin[Any]) -> Supervisor:
        supervisor = Supervisor(plugin, start_timeout=self._start_timeout)
        tasks.start_soon(supervisor.run)
        return supervisor

    async def _work(self, work: TaskGroup, supervisors: Sequence[Supervisor], task_status: TaskStatus[App]) -> None:
        self._effects = Effects(self.runner, self._live_status, self._scheduler, self._router, work)
        self._scheduler.start(work)
        self._effects.resume()
        self._live_status.running = True
        try:
            indexer = SearchIndexer(self.runner, self._live_status.changed)
            timer = ExpiryTimer(self.runner, self._live_status.changed)
            files = (self.files, self._puller, self._putter, ReceiptTeller(self.runner, self.files.changed))
            jobs = (self._reports, self._reconnector, self._disk_watch, self._idle, indexer, timer, *files)
            for job in (*(each.run for each in jobs), self._tidy_now_and_then):
                work.start_soon(job)
            with anyio.move_on_after(_PATIENCE):
                await self._decided(supervisors)
            if self._failure is None:
                task_status.started(self._used_app)
            await self._stop.wait()
        finally:
            self._end.begin(supervisors)
            self._live_status.running = False
            # What is committed from here on must not reach tasks that have ended.
            self._effects = None
            self._scheduler.stop()
            await self.files.close()

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

    async def _lock(self, reason: AccountLocked) -> None:
        """End, once those who follow something have had the time to hear why."""
        self._live_status.end(reason)
        await anyio.sleep(_FAREWELL)
        self._fail(reason)

    def _on_commit(self, effects: Iterable[Effect]) -> None:
        (self._effects or self._live_status).carry_out(effects)

    def _on_full(self) -> None:
        self._disk_watch.on_full()

    # -- what transports cause

    def _context(self, setup: TransportSetup, on_state: Callable[[ServiceState], None]) -> LocalTransportContext:
        assert self._us is not None, "transports are made once the account is loaded"
        return LocalTransportContext(
            setup.name,
            setup.latency,
            us=self._us,
            requests=self._requests,
            runner=self.runner,
            network=self._network,
            live_status=self._live_status,
            on_state=on_state,
            on_reports=self._reports.take,
            on_peer=partial(self._on_peer, setup.name),
            on_routes=self._on_routes,
            on_routes_lost=self._on_routes_lost,
            on_bulk=self._part_server.serve,
        )

    async def _contacts(self) -> set[PeerId]:
        return {contact.peer for contact in await self.runner.read(contacts.everyone)}

    def _show_transport(self, latency: Latency, name: str, state: ServiceState) -> None:
        self._live_status.set_transport(name, state)
        if latency is Latency.INTERACTIVE:
            self._reconnector.note(name, state)

    def _came_up(self) -> None:
        self._puller.try_now()
        self._putter.try_now()
        if self._effects is not None:
            self._effects.resume()
        self._on_routes(None)

    def _on_peer(self, transport: str, device: DeviceIdentity, reachable: bool) -> None:  # noqa: FBT001  # it is the callback's only news
        self._live_status.presence.set_reachable(transport, device, reachable=reachable)
        self._scheduler.reach(device, reachable=reachable)
        if reachable:
            self._puller.reach(device.peer)
        else:
            self._putter.look()

    def _on_routes(self, peer: PeerId | None) -> None:
        # Before all transports have come up, everybody is about to be offered everything anyway.
        if self._effects is not None and (peer is not None or self._router.settled.is_set()):
            self._effects.offer(peer)

    def _on_routes_lost(self, peer: PeerId) -> None:
        if self._effects is not None:
            self._effects.offer_again(peer)

    # -- now and then

    async def _tidy(self) -> None:
        try:
            # What has had its time can wait until there is room.
            with suppress(StorageFull):
                await self.runner.change(housekeeping.tidy)
        except BaseException as error:  # noqa: BLE001  # it is tried again in an hour
            contain("housekeeping", error)

    async def _tidy_now_and_then(self) -> None:
        while True:
            await anyio.sleep(_TIDY_EVERY)
            await self._tidy()


@asynccontextmanager
async def _ring() -> AsyncGenerator[TaskGroup]:
    """Run a ring of tasks, which ends when the block does."""
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        finally:
            tasks.cancel_scope.cancel()
