"""What a direct sender and a relay sender have in common: each works for one peer, step by step, until dismissed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, MutableMapping
from typing import Final

import anyio

from balchat_host.api.backoff import Backoff
from balchat_host.api.failures import contain
from balchat_host.api.transport import Outcome, SendReport

_FORGIVEN_AFTER: Final = 2
"""So many times the longest wait must pass without a failure for the next one to count as the first."""


class DeliveryWorker(ABC):
    """Bears what waits for one peer. `run` does the work; the other methods only tell it something and never wait.

    `carrying` is shared by all of a kind and says who has which ticket on its way; no ticket is on its way twice.
    An unexpected exception stops the work for this peer, for ever longer, and nothing else; `stopped` is told for how
    many seconds, and None when it goes on.
    """

    def __init__(
        self,
        carrying: MutableMapping[int, "DeliveryWorker"],
        backoff: Backoff,
        stopped: Callable[["DeliveryWorker", float | None], None],
    ) -> None:
        self._carrying = carrying
        self._backoff = backoff
        self._stopped = stopped
        self._in_flight: set[int] = set()
        self._woken = anyio.Event()
        self._faults = 0
        self._fault_at = 0.0
        self._stopped_until = 0.0

    @abstractmethod
    def report(self, report: SendReport) -> None:
        """Hear what became of a ticket, once that is written down."""

    @abstractmethod
    async def _step(self) -> float | None:
        """Do what can be done now; give the seconds after which to look again even when nobody wakes us."""

    def wake(self) -> None:
        """Look again: something waits, or something changed."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await anyio.sleep_until(self._stopped_until)
                self._woken = woken = anyio.Event()
                try:
                    pause = await self._step()
                except BaseException as error:  # noqa: BLE001  # whatever it is, it concerns this peer only
                    contain("sending to a contact", error)
                    self._fault()
                    continue
                if self._stopped_until <= anyio.current_time():
                    self._stopped(self, None)
                with anyio.move_on_after(pause):
                    await woken.wait()
        finally:
            self._put_down(set(self._in_flight))

    def give_up(self, ticket: int) -> None:
        """Hear that what became of a ticket could not be written down: it leaves again, after a while."""
        self._fault()
        self.report(SendReport(ticket=ticket, outcome=Outcome.LOST))

    def _fault(self) -> None:
        now = anyio.current_time()
        forgiven = now - self._fault_at > _FORGIVEN_AFTER * self._backoff.longest
        self._faults = 1 if forgiven else self._faults + 1
        self._fault_at = now
        pause = self._backoff.delay(self._faults)
        self._stopped_until = now + pause
        self._stopped(self, pause)

    def _take_up(self, tickets: Iterable[int]) -> None:
        self._in_flight.update(tickets)
        self._carrying.update(dict.fromkeys(tickets, self))

    def _put_down(self, tickets: Iterable[int]) -> None:
        self._in_flight.difference_update(tickets)
        for ticket in tickets:
            # Whoever was dismissed may end when another one already has it.
            if self._carrying.get(ticket) is self:
                del self._carrying[ticket]
