"""What a direct sender and a relay sender have in common: each delivers to one device, step by step.

A worker has a task only while it has something to do, or a time at which to look again. It keeps what it has learned,
and `wake` gives it a task when there is news.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import anyio

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.failures import contain
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outcome, Outgoing, SendReport
from balchat_host.api.types import PeerId
from balchat_host.core import peers
from balchat_host.runtime.router import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_FORGIVEN_AFTER: Final = 2
"""So many times the longest wait must pass without a failure for the next one to count as the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What a worker works with.

    `in_flight` is shared by all workers of a kind and says which worker has which ticket in flight; no ticket is in
    flight twice. `start` gives a job a task and returns whether it could: not while the account ends. `stopped` is told
    that sending failed unexpectedly, and that it goes on; `idle` that a worker's task has ended.
    """

    runner: UnitOfWorkRunner
    router: Router
    backoff: Backoff
    in_flight: MutableMapping[int, "DeliveryWorker"]
    start: Callable[[Callable[[], Coroutine[Any, Any, None]]], bool]
    stopped: Callable[["DeliveryWorker", bool], None]
    idle: Callable[[], None]


class DeliveryWorker(ABC):
    """Delivers what waits for one device of a peer. None of its public methods waits.

    `device_id` is None where we know of no device yet, as in first contact. An unexpected exception stops the work for
    this device, for ever longer, and nothing else.
    """

    def __init__(self, peer: PeerId, context: WorkerContext, *, device_id: bytes | None = None) -> None:
        self.peer = peer
        self.device_id = device_id
        self._context = context
        self._runner = context.runner
        self._router = context.router
        self._backoff = context.backoff
        self._in_flight: set[int] = set()
        self._woken = Bell()
        self._scope: anyio.CancelScope | None = None
        self._running = False
        self._dismissed = False
        self._faults = 0
        self._fault_at = 0.0
        self._stopped_until = 0.0

    @property
    def forgettable(self) -> bool:
        """Whether another worker in its place would do the same."""
        return not self._running and not self._in_flight and self._stopped_until <= anyio.current_time()

    @abstractmethod
    def report(self, report: SendReport) -> None:
        """Take note of what became of a ticket, once that is recorded."""

    @abstractmethod
    async def _step(self) -> float | None:
        """Do what can be done now. Return the seconds after which to look again; None where only news can help."""

    def wake(self) -> None:
        """Look again: something waits, or something changed."""
        self._woken.ring()
        if not self._running and not self._dismissed:
            self._running = self._context.start(self._run)

    def dismiss(self) -> None:
        """Deliver nothing more."""
        self._dismissed = True
        self._put_down(set(self._in_flight))
        if self._scope is not None:
            self._scope.cancel()

    def give_up(self, ticket: int) -> None:
        """Take note that what became of a ticket could not be recorded: it leaves again, after a while."""
        self._fault()
        self.report(SendReport(ticket=ticket, outcome=Outcome.LOST))

    def _has_nothing(self, tx: ReadTransaction) -> bool:
        """Return whether what waits for the peer is no longer for this worker: it is for the devices known since."""
        return self.device_id is None and bool(peers.device_ids(tx, self.peer))

    def _is_free(self, each: Outgoing) -> bool:
        """Return whether nobody has it in flight: another worker may, from before a device was known."""
        return each.ticket not in self._context.in_flight

    async def _run(self) -> None:
        try:
            with anyio.CancelScope() as self._scope:
                if not self._dismissed:
                    await self._work()
        finally:
            self._running = False
            self._scope = None
        self._context.idle()

    async def _work(self) -> None:
        while True:
            await anyio.sleep_until(self._stopped_until)
            woken = self._woken.next_ring()
            try:
                pause = await self._step()
            except BaseException as error:  # noqa: BLE001  # whatever it is, it concerns this peer only
                contain("sending to a contact", error)
                self._fault()
                continue
            if self._stopped_until <= anyio.current_time():
                self._context.stopped(self, False)  # noqa: FBT003  # it is the callback's only news
            if woken.is_set():
                continue
            if pause is None:
                return
            with anyio.move_on_after(pause):
                await woken.wait()

    def _fault(self) -> None:
        now = anyio.current_time()
        forgiven = now - self._fault_at > _FORGIVEN_AFTER * self._backoff.longest
        self._faults = 1 if forgiven else self._faults + 1
        self._fault_at = now
        self._stopped_until = now + self._backoff.delay(self._faults)
        self._context.stopped(self, True)  # noqa: FBT003  # as above

    def _take_up(self, tickets: Iterable[int]) -> None:
        self._in_flight.update(tickets)
        self._context.in_flight.update(dict.fromkeys(tickets, self))

    def _put_down(self, tickets: Iterable[int]) -> None:
        self._in_flight.difference_update(tickets)
        for ticket in tickets:
            # Who was dismissed may end when another worker already has it.
            if self._context.in_flight.get(ticket) is self:
                del self._context.in_flight[ticket]
