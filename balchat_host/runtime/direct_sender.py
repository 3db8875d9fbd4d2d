"""Sends to one device of a contact directly what waits for it, in order.

A direct sender is told when there is something new, when the contact comes within reach, and what became of what it
handed over. It never has a ticket in flight twice at the same time. When a connection breaks, everything that was on
it is handed over again, from the lowest ticket and before anything newer; the other side drops what it already has.
"""

from collections.abc import Sequence
from typing import Final

import anyio

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outcome, Outgoing, SendReport
from balchat_host.api.types import PeerId
from balchat_host.core.delivery import outgoing
from balchat_host.runtime.delivery_worker import DeliveryWorker, WorkerContext

_BATCH: Final = 64
_MOST_IN_FLIGHT: Final = 256
_STABLE_AFTER: Final = 30.0
"""Seconds that a contact must stay within reach for its next absence to be taken for a new one."""


class DirectSender(DeliveryWorker):
    """Delivers to the peer itself. `dialling` limits how many are connected to at the same time."""

    def __init__(
        self,
        peer: PeerId,
        context: WorkerContext,
        *,
        device_id: bytes | None = None,
        dialling: anyio.CapacityLimiter,
    ) -> None:
        super().__init__(peer, context, device_id=device_id)
        self._dialling = dialling
        self._handed_over = 0
        self._from_the_start = False
        self._broken = False
        self._failures = 0
        self._failed_at = 0.0
        self._reached_at = 0.0

    @property
    def forgettable(self) -> bool:
        return super().forgettable and not self._failures

    @property
    def gave_up(self) -> bool:
        """Whether the peer could not be reached just now."""
        lately = anyio.current_time() - self._failed_at <= self._backoff.longest
        return self._failures > 0 and lately and not self._within_reach()

    def within_reach(self) -> None:
        """Take note that the peer is there: what waits goes out now, whatever failed before."""
        self._reached_at = anyio.current_time()
        self.wake()

    def out_of_reach(self) -> None:
        """Take note that the peer is gone. One that leaves as soon as it comes is like one that cannot be reached."""
        now = anyio.current_time()
        lasted = now - self._reached_at > _STABLE_AFTER
        self._failures = 0 if lasted else self._failures + 1
        self._failed_at = now
        self._broken = True
        self.wake()

    def look_again(self) -> None:
        """Take note that something waits no more: what no transport has yet is looked for once more."""
        self._from_the_start = True
        self.wake()

    def report(self, report: SendReport) -> None:
        self._put_down({report.ticket})
        if report.outcome in (Outcome.LOST, Outcome.REFUSED):
            self._from_the_start = True
        else:
            self._failures = 0
        self.wake()

    async def _step(self) -> float | None:
        if self._broken and self._in_flight:
            return None  # each of them still gets its final report, which wakes us; nothing may overtake one
        self._broken = False
        if not self._router.can_reach:
            return None  # whoever comes up wakes us
        if self._from_the_start:
            self._from_the_start, self._handed_over = False, 0
        pending = await self._runner.read(self._pending)
        fresh = [each for each in pending.outgoing if self._is_free(each)]
        look_again = None
        if pending.look_again is not None:
            look_again = max(0.0, (pending.look_again - self._runner.clock()) / 1000)
        if not fresh:
            return look_again
        if self._within_reach():
            if len(self._in_flight) >= _MOST_IN_FLIGHT:
                return look_again
        elif (wait := self._failed_at + self._backoff.delay(self._failures) - anyio.current_time()) > 0:
            return wait
        return await self._hand_over(fresh)

    async def _hand_over(self, fresh: Sequence[Outgoing]) -> float:
        """Hand these over, connecting where no connection stands. Return the seconds until the next step."""
        tickets = {each.ticket for each in fresh}
        taken = False

        def take() -> Sequence[Outgoing]:
            nonlocal taken
            if self._broken or self._from_the_start or not all(self._is_free(each) for each in fresh):
                return ()  # what was lost since we looked goes first
            taken = True
            self._take_up(tickets)
            return fresh

        try:
            if self._within_reach():
                await self._router.send(self.peer, take, device_id=self.device_id)
            else:
                async with self._dialling:
                    # Every second time, or whoever is only away would cost two dials each time.
                    every_second = self._failures % 2 == 1
                    await self._router.send(self.peer, take, device_id=self.device_id, or_by_first_routes=every_second)
        except (PeerUnreachable, NetworkUnavailable):
            if taken:
                self._put_down(tickets)
            self._failures += 1
            self._failed_at = anyio.current_time()
            return self._backoff.delay(self._failures)
        except BaseException:
            # Nobody accepted them as far as we know: they go out again, before anything newer.
            self._put_down(tickets)
            self._from_the_start = True
            raise
        if taken:
            self._handed_over = max(self._handed_over, *tickets)
        return 0.0

    def _within_reach(self) -> bool:
        return self._router.reachable(self.peer, self.device_id)

    def _pending(self, tx: ReadTransaction) -> outgoing.Pending:
        if self._has_nothing(tx):
            return outgoing.NOTHING
        limit = _BATCH + len(self._in_flight)
        return outgoing.pending(
            tx,
            self.peer,
            device_id=self.device_id,
            after=self._handed_over,
            now=self._runner.clock(),
            limit=limit,
        )
