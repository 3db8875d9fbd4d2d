"""One courier for each contact that we may talk to, made when it is first needed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.abc import TaskGroup

from balchat_host.api.transport import SendReport
from balchat_host.api.types import PeerId
from balchat_host.runtime.courier import Courier
from balchat_host.runtime.keeper import Keeper
from balchat_host.runtime.retry import Backoff
from balchat_host.runtime.routing import Router

_DIALS_AT_ONCE: Final = 8
"""Connecting costs circuits; the contacts of a large account are not all tried in the same moment."""


@dataclass(slots=True)
class _Working:
    courier: Courier
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Couriers:
    """All couriers of an account. None of its methods waits."""

    def __init__(self, keeper: Keeper, router: Router, backoff: Backoff) -> None:
        self._keeper = keeper
        self._router = router
        self._backoff = backoff
        self._dialling = anyio.CapacityLimiter(_DIALS_AT_ONCE)
        self._working: dict[PeerId, _Working] = {}
        self._carrying: dict[int, Courier] = {}
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup, peers: Iterable[PeerId]) -> None:
        """Begin to work, in `tasks`, for these contacts."""
        self._tasks = tasks
        for peer in peers:
            self.wake(peer)

    def wake(self, peer: PeerId) -> None:
        """Have a contact's courier look again."""
        if self._tasks is None:
            return
        working = self._working.get(peer)
        if working is None:
            courier = Courier(
                peer,
                keeper=self._keeper,
                router=self._router,
                backoff=self._backoff,
                dialling=self._dialling,
                carrying=self._carrying,
            )
            working = self._working[peer] = _Working(courier)
            self._tasks.start_soon(self._run, working)
        working.courier.wake()

    def dismiss(self, peer: PeerId) -> None:
        """Have nothing carried to a peer any more."""
        working = self._working.pop(peer, None)
        if working is not None:
            working.scope.cancel()

    def tell(self, report: SendReport) -> None:
        """Pass on what became of a ticket to whoever has it on its way."""
        courier = self._carrying.get(report.ticket)
        if courier is not None:
            courier.report(report)

    def reach(self, peer: PeerId, *, reachable: bool) -> None:
        """Pass on that a peer came within reach or left it; one that is no contact concerns no courier."""
        working = self._working.get(peer)
        if working is not None:
            (working.courier.within_reach if reachable else working.courier.out_of_reach)()

    @property
    def in_flight(self) -> int:
        """How many envelopes are on their way."""
        return len(self._carrying)

    @staticmethod
    async def _run(working: _Working) -> None:
        with working.scope:
            await working.courier.run()
