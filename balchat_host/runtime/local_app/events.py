"""The event log, read as it grows."""

from collections.abc import AsyncIterator
from typing import Final

from balchat_host.api.events import Event
from balchat_host.api.frontend import Events
from balchat_host.core import event_log
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_EVENTS_AT_ONCE: Final = 100


class LocalEvents(LocalArea, Events):
    """What happens, as it happens."""

    def __init__(self, runner: UnitOfWorkRunner, live_status: LiveStatus) -> None:
        self._runner = runner
        self._live_status = live_status

    async def cursor(self) -> int:
        return await self._runner.read(event_log.newest)

    async def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        cursor = await self._runner.read(lambda tx: event_log.start(tx, after=after, subscriber=subscriber))
        while True:
            changed = self._live_status.changed.next_ring()
            while True:
                now = self._runner.clock()
                page, next_cursor = await self._runner.read(
                    lambda tx, cursor=cursor, now=now: event_log.read(tx, after=cursor, limit=_EVENTS_AT_ONCE, now=now)
                )
                for event in page:
                    yield event
                if next_cursor == cursor:
                    break
                cursor = next_cursor
            await changed.wait()
            self._live_status.raise_if_ended()

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        await self._runner.change(lambda unit: event_log.acknowledge(unit, subscriber, cursor))
