"""What a courier and a depositor have in common: each works for one peer, step by step, until dismissed."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, MutableMapping

import anyio

from balchat_host.api.transport import SendReport


class Bearer(ABC):
    """Bears what waits for one peer. `run` does the work; the other methods only tell it something and never wait.

    `carrying` is shared by all of a kind and says who has which ticket on its way; no ticket is on its way twice.
    """

    def __init__(self, carrying: MutableMapping[int, "Bearer"]) -> None:
        self._carrying = carrying
        self._in_flight: set[int] = set()
        self._woken = anyio.Event()

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
                self._woken = woken = anyio.Event()
                pause = await self._step()
                with anyio.move_on_after(pause):
                    await woken.wait()
        finally:
            self._put_down(set(self._in_flight))

    def _take_up(self, tickets: Iterable[int]) -> None:
        self._in_flight.update(tickets)
        self._carrying.update(dict.fromkeys(tickets, self))

    def _put_down(self, tickets: Iterable[int]) -> None:
        self._in_flight.difference_update(tickets)
        for ticket in tickets:
            # Whoever was dismissed may end when another one already has it.
            if self._carrying.get(ticket) is self:
                del self._carrying[ticket]
