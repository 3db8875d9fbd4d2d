"""How everything is, as it is reported."""

from collections.abc import AsyncIterator
from dataclasses import replace

from balchat_host.api.frontend import Status
from balchat_host.api.views import ServiceStatus
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.local_app.running import Running
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalStatus(LocalArea, Status):
    """How everything is."""

    def __init__(self, runner: UnitOfWorkRunner, live_status: LiveStatus, running: Running | None) -> None:
        self._runner = runner
        self._live_status = live_status
        self._running = running

    async def get(self) -> ServiceStatus:
        status = await self._runner.read(self._live_status.status)
        in_flight = 0 if self._running is None else self._running.in_flight()
        return replace(status, outbox=replace(status.outbox, in_flight=in_flight))

    async def watch(self) -> AsyncIterator[ServiceStatus]:
        while True:
            changed = self._live_status.changed.next_ring()
            yield await self.get()
            await changed.wait()
            self._live_status.raise_if_ended()
