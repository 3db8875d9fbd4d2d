"""A courier and a depositor for each contact that we may talk to, made when they are first needed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.transport import Latency, SendReport
from balchat_host.api.types import PeerId
from balchat_host.runtime.bearer import Bearer
from balchat_host.runtime.courier import Courier
from balchat_host.runtime.depositor import Depositor
from balchat_host.runtime.keeper import Keeper
from balchat_host.runtime.retry import Backoff
from balchat_host.runtime.routing import Router

_DIALS_AT_ONCE: Final = 8
"""Connecting costs circuits; the contacts of a large account are not all tried in the same moment."""


@dataclass(slots=True)
class _Working:
    """Who works for one contact; None where no transport of its kind is enabled."""

    courier: Courier | None
    depositor: Depositor | None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Couriers:
    """All couriers of an account. None of its methods waits."""

    def __init__(
        self,
        keeper: Keeper,
        router: Router,
        backoff: Backoff,
        *,
        hedge: float,
        explain: Callable[[PeerId, str | None], None],
        stopped: Callable[[PeerId, bool], None],
    ) -> None:
        self._keeper = keeper
        self._router = router
        self._backoff = backoff
        self._hedge = hedge
        self._explain = explain
        self._tell_stopped = stopped
        self._dialling = anyio.CapacityLimiter(_DIALS_AT_ONCE)
        self._working: dict[PeerId, _Working] = {}
        self._carrying: dict[int, Bearer] = {}
        self._depositing: dict[int, Bearer] = {}
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
        for each in (working.courier, working.depositor):
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
        if (bearer := self._bearer(report.ticket, latency)) is not None:
            bearer.report(report)

    def give_up(self, ticket: int, latency: Latency) -> None:
        """Pass on that what became of a ticket could not be written down."""
        if (bearer := self._bearer(ticket, latency)) is not None:
            bearer.give_up(ticket)

    def reach(self, peer: PeerId, *, reachable: bool) -> None:
        """Pass on that a peer came within reach or left it; one that is no contact concerns no courier."""
        working = self._working.get(peer)
        if working is not None and working.courier is not None:
            (working.courier.within_reach if reachable else working.courier.out_of_reach)()
            if working.depositor is not None:
                working.depositor.wake()

    def new_routes(self, peer: PeerId) -> None:
        """Pass on that a peer has named other ways."""
        working = self._working.get(peer)
        if working is not None and working.depositor is not None:
            working.depositor.new_routes()

    @property
    def in_flight(self) -> int:
        """How many envelopes are on their way."""
        return len(self._carrying.keys() | self._depositing.keys())

    def _bearer(self, ticket: int, latency: Latency) -> Bearer | None:
        return (self._carrying if latency is Latency.INTERACTIVE else self._depositing).get(ticket)

    def _make(self, peer: PeerId) -> _Working:
        courier = depositor = None
        at_fault: set[Bearer] = set()

        def stopped(bearer: Bearer, pause: float | None) -> None:
            (at_fault.discard if pause is None else at_fault.add)(bearer)
            self._tell_stopped(peer, bool(at_fault))

        if self._router.interactive:
            courier = Courier(
                peer,
                keeper=self._keeper,
                router=self._router,
                backoff=self._backoff,
                dialling=self._dialling,
                carrying=self._carrying,
                stopped=stopped,
            )
        if self._router.storing:
            depositor = Depositor(
                peer,
                keeper=self._keeper,
                router=self._router,
                backoff=self._backoff,
                hedge=partial(self._patience, courier),
                explain=self._explain,
                carrying=self._depositing,
                stopped=stopped,
            )
        return _Working(courier, depositor)

    def _patience(self, courier: Courier | None) -> float:
        """Give the seconds that what is queued is left to a courier; none where it knows that it cannot reach them."""
        return 0.0 if courier is None or courier.gave_up else self._hedge

    @staticmethod
    async def _run(working: _Working) -> None:
        with working.scope:
            async with anyio.create_task_group() as both:
                for each in (working.courier, working.depositor):
                    if each is not None:
                        both.start_soon(each.run)
