"""Keeps one contact supplied with what waits for it, in order, for as long as the account is up.

A direct sender is told when there is something new, when the contact comes within reach, and what became of what it
handed over. It never has a ticket on its way twice at the same time. When a way breaks, everything that was on it is
handed over again, from the lowest ticket and before anything newer; the other side drops what it already has.
"""

from collections.abc import Callable, MutableMapping, Sequence

import anyio

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outcome, Outgoing, SendReport
from balchat_host.api.types import PeerId
from balchat_host.core import outbox
from balchat_host.runtime.delivery_worker import DeliveryWorker
from balchat_host.runtime.routing import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_BATCH = 64
_MOST_IN_FLIGHT = 256
_IDLE_FACTOR = 3
"""How much longer the wait is for a contact for whom nothing waits."""
_STABLE_AFTER = 30.0
"""Seconds that a contact must stay within reach for its next absence to be taken for a new one."""


class DirectSender(DeliveryWorker):
    """Carries for one peer, to the peer itself."""

    def __init__(
        self,
        peer: PeerId,
        *,
        runner: UnitOfWorkRunner,
        router: Router,
        backoff: Backoff,
        dialling: anyio.CapacityLimiter,
        carrying: MutableMapping[int, DeliveryWorker],
        stopped: Callable[[DeliveryWorker, float | None], None],
    ) -> None:
        super().__init__(carrying, backoff, stopped)
        self._peer = peer
        self._runner = runner
        self._router = router
        self._dialling = dialling
        self._handed_over = 0
        self._from_the_start = False
        self._broken = False
        self._failures = 0
        self._failed_at = 0.0
        self._reached_at = 0.0

    @property
    def gave_up(self) -> bool:
        """Whether the last try to reach the peer has failed."""
        return self._failures > 0 and not self._router.reachable(self._peer)

    def within_reach(self) -> None:
        """Hear that the peer is there: what waits goes out now, whatever failed before."""
        self._reached_at = anyio.current_time()
        self.wake()

    def out_of_reach(self) -> None:
        """Hear that the peer is gone. One that leaves as soon as it comes is like one that cannot be reached."""
        now = anyio.current_time()
        lasted = now - self._reached_at > _STABLE_AFTER
        self._failures = 0 if lasted else self._failures + 1
        self._failed_at = now
        self._broken = True
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
        fresh = [each for each in pending.outgoing if each.ticket not in self._in_flight]
        look_again = None
        if pending.look_again is not None:
            look_again = max(0.0, (pending.look_again - self._runner.clock()) / 1000)
        if self._router.reachable(self._peer):
            if not fresh or len(self._in_flight) >= _MOST_IN_FLIGHT:
                return look_again
        else:
            due = self._failed_at + self._delay(waiting=bool(fresh))
            if (wait := due - anyio.current_time()) > 0:
                return wait
        return await self._hand_over(fresh, look_again)

    async def _hand_over(self, fresh: Sequence[Outgoing], look_again: float | None) -> float | None:
        """Hand these over, connecting where nothing stands; with none, only connect."""
        tickets = {each.ticket for each in fresh}
        taken = False

        def take() -> Sequence[Outgoing]:
            nonlocal taken
            if self._broken or self._from_the_start:
                return ()  # what was lost since we looked goes first
            taken = True
            self._take_up(tickets)
            return fresh

        try:
            if self._router.reachable(self._peer):
                await self._router.send(self._peer, take)
            else:
                async with self._dialling:
                    await self._router.send(self._peer, take)
        except (PeerUnreachable, NetworkUnavailable):
            if taken:
                self._put_down(tickets)
            return self._failed(waiting=bool(fresh))
        except BaseException:
            # Nobody accepted them as far as we know: they go out again, before anything newer.
            self._put_down(tickets)
            self._from_the_start = True
            raise
        if not fresh:
            return look_again
        if taken:
            self._handed_over = max(self._handed_over, *tickets)
        return 0.0

    def _failed(self, *, waiting: bool) -> float:
        self._failures += 1
        self._failed_at = anyio.current_time()
        return self._delay(waiting=waiting)

    def _delay(self, *, waiting: bool) -> float:
        return self._backoff.delay(self._failures) * (1 if waiting else _IDLE_FACTOR)

    def _pending(self, tx: ReadTransaction) -> outbox.Pending:
        limit = _BATCH + len(self._in_flight)
        return outbox.pending(tx, self._peer, after=self._handed_over, now=self._runner.clock(), limit=limit)
