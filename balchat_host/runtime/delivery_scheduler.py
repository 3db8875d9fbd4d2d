"""A direct sender and a relay sender for each contact that we may talk to, made when they are first needed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.backoff import Backoff
from balchat_host.api.transport import Latency, SendReport
from balchat_host.api.types import PeerId
from balchat_host.runtime.delivery_worker import DeliveryWorker
from balchat_host.runtime.direct_sender import DirectSender
from balchat_host.runtime.relay_sender import RelaySender
from balchat_host.runtime.routing import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_DIALS_AT_ONCE: Final = 8
"""Connecting costs circuits; the contacts of a large account are not all tried in the same moment."""


@dataclass(slots=True)
class _Working:
    """Who works for one contact; None where no transport of its kind is enabled."""

    direct_sender: DirectSender | None
    relay_sender: RelaySender | None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class DeliveryScheduler:
    """All delivery workers of an account. None of its methods waits."""

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        router: Router,
        backoff: Backoff,
        *,
        hedge: float,
        explain: Callable[[PeerId, str | None], None],
        stopped: Callable[[PeerId, bool], None],
    ) -> None:
        self._runner = runner
        self._router = router
        self._backoff = backoff
        self._hedge = hedge
        self._explain = explain
        self._tell_stopped = stopped
        self._dialling = anyio.CapacityLimiter(_DIALS_AT_ONCE)
        self._working: dict[PeerId, _Working] = {}
        self._carrying: dict[int, DeliveryWorker] = {}
        self._depositing: dict[int, DeliveryWorker] = {}
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup, peers: Iterable[PeerId]) -> None:
        """Begin to work, in `tasks`, for these contacts."""
        self._tasks = tasks
        for peer in peers:
            self.wake(peer)

    def stop(self) -> None:
        """Begin to work for nobody more: the tasks end."""
        self._tasks = None

    def wake_all(self) -> None:
        """Have all who work look again: a transport has come up."""
        for peer in tuple(self._working):
            self.wake(peer)

    def wake(self, peer: PeerId) -> None:
        """Have who works for a contact look again."""
        if self._tasks is None:
            return
        working = self._working.get(peer)
        if working is None:
            working = self._working[peer] = self._make(peer)
            self._tasks.start_soon(self._run, working)
        for each in (working.direct_sender, working.relay_sender):
            if each is not None:
                each.wake()

    def dismiss(self, peer: PeerId) -> None:
        """Have nothing carried to a peer any more."""
        working = self._working.pop(peer, None)
        if working is not None:
            working.scope.cancel()
            self._explain(peer, None)
            self._tell_stopped(peer, False)  # noqa: FBT003  # it is the callback's only news

    def tell(self, report: SendReport, latency: Latency) -> None:
        """Pass on what became of a ticket to whoever has it on its way."""
        if (worker := self._worker(report.ticket, latency)) is not None:
            worker.report(report)

    def give_up(self, ticket: int, latency: Latency) -> None:
        """Pass on that what became of a ticket could not be written down."""
        if (worker := self._worker(ticket, latency)) is not None:
            worker.give_up(ticket)

    def reach(self, peer: PeerId, *, reachable: bool) -> None:
        """Pass on that a peer came within reach or left it; one that is no contact concerns no direct sender."""
        working = self._working.get(peer)
        if working is not None and working.direct_sender is not None:
            (working.direct_sender.within_reach if reachable else working.direct_sender.out_of_reach)()
            if working.relay_sender is not None:
                working.relay_sender.wake()

    def new_routes(self, peer: PeerId) -> None:
        """Pass on that a peer has named other ways."""
        working = self._working.get(peer)
        if working is not None and working.relay_sender is not None:
            working.relay_sender.new_routes()

    @property
    def in_flight(self) -> int:
        """How many envelopes are on their way."""
        return len(self._carrying.keys() | self._depositing.keys())

    def _worker(self, ticket: int, latency: Latency) -> DeliveryWorker | None:
        return (self._carrying if latency is Latency.INTERACTIVE else self._depositing).get(ticket)

    def _make(self, peer: PeerId) -> _Working:
        direct_sender = relay_sender = None
        at_fault: set[DeliveryWorker] = set()

        def stopped(worker: DeliveryWorker, pause: float | None) -> None:
            (at_fault.discard if pause is None else at_fault.add)(worker)
            self._tell_stopped(peer, bool(at_fault))

        if self._router.interactive:
            direct_sender = DirectSender(
                peer,
                runner=self._runner,
                router=self._router,
                backoff=self._backoff,
                dialling=self._dialling,
                carrying=self._carrying,
                stopped=stopped,
            )
        if self._router.storing:
            relay_sender = RelaySender(
                peer,
                runner=self._runner,
                router=self._router,
                backoff=self._backoff,
                hedge=partial(self._patience, direct_sender),
                explain=self._explain,
                carrying=self._depositing,
                stopped=stopped,
            )
        return _Working(direct_sender, relay_sender)

    def _patience(self, direct_sender: DirectSender | None) -> float:
        """Return the seconds for which the queue is left to a direct sender; 0 where it cannot reach the contact."""
        return 0.0 if direct_sender is None or direct_sender.gave_up else self._hedge

    @staticmethod
    async def _run(working: _Working) -> None:
        with working.scope:
            async with anyio.create_task_group() as both:
                for each in (working.direct_sender, working.relay_sender):
                    if each is not None:
                        both.start_soon(each.run)
