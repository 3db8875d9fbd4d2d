"""Gives work to a direct sender and a relay sender for each device of a contact for which something waits.

A contact for whom nothing waits costs nothing: no task, no query, and no worker unless there is something to remember.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.backoff import Backoff
from balchat_host.api.transport import Latency, SendReport
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.core.delivery import outgoing
from balchat_host.runtime.delivery_worker import DeliveryWorker, WorkerContext
from balchat_host.runtime.direct_sender import DirectSender
from balchat_host.runtime.relay_sender import RelaySender
from balchat_host.runtime.router import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_DIALS_AT_ONCE: Final = 8
"""Connecting costs circuits; the contacts of a large account are not all tried in the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workers:
    """Who works for one device; None where no transport of its kind is enabled."""

    direct: DirectSender | None
    relay: RelaySender | None

    def each(self) -> list[DeliveryWorker]:
        return [worker for worker in (self.direct, self.relay) if worker is not None]


class DeliveryScheduler:
    """All delivery workers of an account. Only `resume` waits.

    `explain` is told why a contact is not found for the first time, `stopped` whether sending to one failed in a way
    that nobody expected.
    """

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        router: Router,
        backoff: Backoff,
        *,
        hedge: float,
        stopped: Callable[[PeerId, bool], None],
    ) -> None:
        self._runner = runner
        self._router = router
        self._backoff = backoff
        self._hedge = hedge
        self._tell_stopped = stopped
        self._dialling = anyio.CapacityLimiter(_DIALS_AT_ONCE)
        self._workers: dict[PeerId, dict[bytes | None, _Workers]] = {}
        """By peer and device id; by None where we know of no device."""
        self._sent: dict[int, DeliveryWorker] = {}
        self._stored: dict[int, DeliveryWorker] = {}
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup) -> None:
        """Let workers have their tasks in `tasks`."""
        self._tasks = tasks

    def stop(self) -> None:
        """Give nobody a task any more: the tasks end."""
        self._tasks = None

    async def resume(self) -> None:
        """Have everything looked at that waits: we have just started, or a transport has come up."""
        for peer, device_id in await self._runner.read(outgoing.recipients):
            self.wake(peer, device_id)

    def wake(self, peer: PeerId, device_id: bytes | None) -> None:
        """Have what waits for a device looked at."""
        if self._tasks is not None:
            for worker in self._of(peer, device_id).each():
                worker.wake()

    def dismiss(self, peer: PeerId) -> None:
        """Have nothing delivered to a peer any more."""
        dismissed = self._workers.pop(peer, {})
        for workers in dismissed.values():
            for worker in workers.each():
                worker.dismiss()
        if dismissed:
            self._tell_stopped(peer, False)  # noqa: FBT003  # it is the callback's only news

    def tell(self, report: SendReport, latency: Latency) -> None:
        """Pass on what became of a ticket to the worker that has it in flight."""
        if (worker := self._in_flight(latency).get(report.ticket)) is not None:
            worker.report(report)
            self._wake_successors(worker)

    def give_up(self, ticket: int, latency: Latency) -> None:
        """Pass on that what became of a ticket could not be recorded."""
        if (worker := self._in_flight(latency).get(ticket)) is not None:
            worker.give_up(ticket)

    def reach(self, device: DeviceIdentity, *, reachable: bool) -> None:
        """Pass on that a device came within reach or left it. What is for no device yet goes to whichever is there."""
        if self._tasks is None or (not reachable and device.peer not in self._workers):
            return
        for device_id in (device.device_id, None):
            if not reachable and device_id not in self._workers[device.peer]:
                continue
            workers = self._of(device.peer, device_id)
            if workers.direct is not None:
                (workers.direct.within_reach if reachable else workers.direct.out_of_reach)()
            if workers.relay is not None and not reachable:
                workers.relay.wake()

    def new_routes(self, peer: PeerId) -> None:
        """Pass on that a device of a peer has named other routes."""
        for workers in self._workers.get(peer, {}).values():
            if workers.relay is not None:
                workers.relay.new_routes()

    def withdrawn(self, peer: PeerId) -> None:
        """Pass on that something that waited for a peer must not leave any more."""
        for workers in self._workers.get(peer, {}).values():
            if workers.direct is not None:
                workers.direct.look_again()

    @property
    def in_flight(self) -> int:
        """How many envelopes are in flight."""
        return len(self._sent.keys() | self._stored.keys())

    def _in_flight(self, latency: Latency) -> dict[int, DeliveryWorker]:
        return self._sent if latency is Latency.INTERACTIVE else self._stored

    def _of(self, peer: PeerId, device_id: bytes | None) -> _Workers:
        of_peer = self._workers.setdefault(peer, {})
        workers = of_peer.get(device_id)
        if workers is None:
            workers = of_peer[device_id] = self._make(peer, device_id)
        return workers

    def _wake_successors(self, worker: DeliveryWorker) -> None:
        """Have looked again at what a worker had in flight that began before a device was known."""
        if worker.device_id is None:
            for device_id, workers in self._workers.get(worker.peer, {}).items():
                if device_id is not None:
                    for each in workers.each():
                        each.wake()

    def _make(self, peer: PeerId, device_id: bytes | None) -> _Workers:
        stopped: set[DeliveryWorker] = set()

        def tell_stopped(worker: DeliveryWorker, now: bool) -> None:  # noqa: FBT001  # it is the callback's only news
            (stopped.add if now else stopped.discard)(worker)
            self._tell_stopped(peer, bool(stopped))

        def context(in_flight: dict[int, DeliveryWorker]) -> WorkerContext:
            return WorkerContext(
                runner=self._runner,
                router=self._router,
                backoff=self._backoff,
                in_flight=in_flight,
                start=self._start,
                stopped=tell_stopped,
                idle=partial(self._forget_if_idle, peer, device_id),
            )

        direct = relay = None
        if self._router.interactive:
            direct = DirectSender(peer, context(self._sent), device_id=device_id, dialling=self._dialling)
        if self._router.storing:
            hedge = partial(self._patience, direct)
            relay = RelaySender(peer, context(self._stored), device_id=device_id, hedge=hedge)
        return _Workers(direct=direct, relay=relay)

    def _start(self, job: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        if self._tasks is None:
            return False
        self._tasks.start_soon(job)
        return True

    def _forget_if_idle(self, peer: PeerId, device_id: bytes | None) -> None:
        of_peer = self._workers.get(peer, {})
        workers = of_peer.get(device_id)
        if workers is not None and all(worker.forgettable for worker in workers.each()):
            del of_peer[device_id]
            if not of_peer:
                del self._workers[peer]

    def _patience(self, direct: DirectSender | None) -> float:
        """Return the seconds for which what is queued is left to the direct sender; 0 where it cannot reach them."""
        return 0.0 if direct is None or direct.gave_up else self._hedge
