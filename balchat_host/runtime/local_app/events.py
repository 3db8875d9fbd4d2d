"""The event log, read as it grows; and what is true only for the moment."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from balchat_host.api.ephemeral import Ephemeral
from balchat_host.api.events import Event
from balchat_host.api.frontend import Events
from balchat_host.core import conversations, event_log
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

    async def ephemeral(self) -> AsyncIterator[Ephemeral]:
        presence = self._live_status.presence
        with presence.reader() as reader:
            yield presence.present()
            while True:
                changed = reader.changed.next_ring()
                while change := presence.take(reader):
                    yield change
                await changed.wait()
                self._live_status.raise_if_ended()

    async def attend(self, conversation: str | None) -> None:
        await self.attend_as(self, conversation)

    async def attended(self) -> Sequence[str]:
        return self._live_status.presence.attended

    def leave(self, client: object) -> None:
        """Note that a client shows nothing any more."""
        self._live_status.presence.show(client, None)

    async def attend_as(self, client: object, conversation: str | None) -> None:
        """Note which conversation a client shows. Raise NoSuchConversation."""
        identifier = None
        if conversation is not None:
            row = await self._runner.read(lambda tx: conversations.find(tx, conversation))
            identifier = row.conversation_id.hex()
        self._live_status.presence.show(client, identifier)


class ClientEvents(LocalArea, Events):
    """The same for one client: what it attends ends with `close`."""

    def __init__(self, events: LocalEvents) -> None:
        self._events = events
        self._closed = False

    async def cursor(self) -> int:
        return await self._events.cursor()

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        return self._events.follow(after, subscriber)

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        await self._events.acknowledge(subscriber, cursor)

    def ephemeral(self) -> AsyncIterator[Ephemeral]:
        return self._events.ephemeral()

    async def attend(self, conversation: str | None) -> None:
        await self._events.attend_as(self, conversation)
        if self._closed:  # while the conversation was looked for
            self._events.leave(self)

    async def attended(self) -> Sequence[str]:
        return await self._events.attended()

    def close(self) -> None:
        """Attend nothing any more."""
        self._closed = True
        self._events.leave(self)
