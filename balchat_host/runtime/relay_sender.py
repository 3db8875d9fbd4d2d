"""Leaves with those who store and forward what a contact has not confirmed yet.

It is a direct sender's counterpart for contacts who are away. What is sent to them directly is given a while to be
answered (*hedging*). One batch is answered before the next one leaves, so that nothing overtakes what was lost or
refused. Who cannot be reached at all, and was never talked to, may have left KeyPackages to claim.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import anyio

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable, StorageFull
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.transport import Outcome, SendReport
from balchat_host.api.types import PeerId
from balchat_host.core import contacts, routes
from balchat_host.core.delivery import outgoing
from balchat_host.core.first_contact import asking
from balchat_host.runtime.delivery_worker import DeliveryWorker, WorkerContext

_BATCH: Final = 64
_REFUSED_FOR_NOW: Final = 300.0
"""Seconds to wait after a refusal for good. It is one route's only: another relay, or a new route, may come first."""


class RelaySender(DeliveryWorker):
    """Stores for one device of a peer. `hedge` returns the seconds that what was queued waits for a direct answer."""

    def __init__(
        self,
        peer: PeerId,
        context: WorkerContext,
        *,
        device_id: bytes | None = None,
        hedge: Callable[[], float],
    ) -> None:
        super().__init__(peer, context, device_id=device_id)
        self._hedge = hedge
        self._lost = False
        self._moved = False
        self._failures = 0
        self._resume_at = 0.0

    @property
    def forgettable(self) -> bool:
        return super().forgettable and not self._failures and self._resume_at <= anyio.current_time()

    def new_routes(self) -> None:
        """Take note that the peer has named other routes: what was refused or failed by the old ones counts no more."""
        self._resume_at, self._failures = 0.0, 0
        self._moved = bool(self._in_flight)
        self.wake()

    def report(self, report: SendReport) -> None:
        self._put_down({report.ticket})
        match report.outcome:
            case Outcome.REFUSED:
                wait = _REFUSED_FOR_NOW if report.retry_after is None else report.retry_after
                self._resume_at = max(self._resume_at, anyio.current_time() + wait)
            case Outcome.LOST:
                self._lost = True
            case _:
                self._failures = 0
        if not self._in_flight:
            if self._moved:
                self._resume_at, self._lost = 0.0, False
            # What came behind a refusal was lost by it; then the wait is the one that was asked for.
            if self._lost and self._resume_at <= anyio.current_time():
                self._failed()
            self._lost = False
            self.wake()

    async def _step(self) -> float | None:
        if self._in_flight or not self._router.can_store:
            return None  # a report, or whoever comes up, wakes us
        if (wait := self._resume_at - anyio.current_time()) > 0:
            return wait
        # The vault reads in another thread, where the loop's time cannot be asked for.
        pending = await self._runner.read(partial(self._pending, hedge=self._hedge()))
        try:
            if pending.wants_key_package:
                return await self._claim()
            free = [each for each in pending.outgoing if self._is_free(each)]
            if free:
                tickets = {each.ticket for each in free}
                self._moved = False
                self._take_up(tickets)
                try:
                    await self._router.store(self.peer, free, device_id=self.device_id)
                except BaseException:
                    self._put_down(tickets)
                    raise
                return None
        except (PeerUnreachable, NetworkUnavailable, StorageFull):
            return self._failed()
        if pending.look_again is None:
            return None
        return max(0.0, (pending.look_again - self._runner.clock()) / 1000)

    async def _claim(self) -> float:
        """Take a KeyPackage that they left, as if they had answered; then the contact request can be made."""
        # The request names the routes by which they can answer, so these come first.
        allocated = await self._router.allocate(self.peer)
        await self._runner.change(lambda unit: routes.offer(unit, self.peer, allocated))
        named = await self._runner.read(lambda tx: contacts.relays_of(tx, self.peer))
        try:
            key_package = await self._router.claim(self.peer, named)
        except (PeerUnreachable, NetworkUnavailable):
            await self._runner.change(lambda unit: asking.on_no_key_package(unit, self.peer, "relay-unreachable"))
            raise
        if key_package is None:
            await self._runner.change(lambda unit: asking.on_no_key_package(unit, self.peer, "no-key-package"))
            return self._failed()
        useful = await self._runner.change(lambda unit: asking.on_claimed_key_package(unit, self.peer, key_package))
        return 0.0 if useful else self._failed()

    def _failed(self) -> float:
        self._failures += 1
        wait = self._backoff.delay(self._failures)
        self._resume_at = max(self._resume_at, anyio.current_time() + wait)
        return wait

    def _pending(self, tx: ReadTransaction, *, hedge: float) -> outgoing.Pending:
        if self._has_nothing(tx):
            return outgoing.NOTHING
        now = self._runner.clock()
        return outgoing.to_store(
            tx,
            self.peer,
            device_id=self.device_id,
            queued_until=now - int(hedge * 1000),
            now=now,
            limit=_BATCH,
        )
