"""The fake account's memory of what happened: the durable event stream, and a clock that counts in whole seconds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

from balchat_host.api.errors import BadInput, CursorTooOld
from balchat_host.api.events import Event

T = TypeVar("T")

MAX_SUBSCRIBER_LENGTH = 64
_BEGINNING = 1_750_000_000_000


class Clock:
    """Time that passes only when somebody asks for it: one second each time. Unix milliseconds."""

    def __init__(self) -> None:
        self._now = _BEGINNING

    def __call__(self) -> int:
        self._now += 1000
        return self._now


class Bell:
    """Wakes everybody who waits for the next change. `version` counts the changes."""

    def __init__(self) -> None:
        self.version = 0
        self._next = anyio.Event()

    def ring(self) -> None:
        """Say that something changed."""
        self.version += 1
        rung, self._next = self._next, anyio.Event()
        rung.set()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._next.wait()


class Pull(AsyncIterator[T], Generic[T]):
    """A stream that never ends and holds nothing open: each step calls `step`."""

    def __init__(self, step: Callable[[], Awaitable[T]]) -> None:
        self._step = step

    async def __anext__(self) -> T:
        return await self._step()


class EventLog:
    """Every event since the account began, except for those that were forgotten."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._events: list[Event] = []
        self._forgotten = 0
        self._acknowledged: dict[str, int] = {}

    @property
    def last(self) -> int:
        """The cursor of the newest event."""
        return self._forgotten + len(self._events)

    def write(self, make: Callable[[int], Event]) -> None:
        """Add the event that `make` makes of its cursor."""
        self._events.append(make(self.last + 1))
        self._bell.ring()

    def forget(self, up_to: int) -> None:
        """Delete the events up to a cursor."""
        count = max(0, min(up_to, self.last) - self._forgotten)
        del self._events[:count]
        self._forgotten += count

    def acknowledge(self, subscriber: str, cursor: int) -> None:
        """Remember how far a subscriber has come. It never goes back. Raises BadInput."""
        self._check(cursor, subscriber)
        self._acknowledged[subscriber] = max(cursor, self._acknowledged.get(subscriber, 0), self._forgotten)

    def read(self, after: int | None, subscriber: str | None) -> AsyncIterator[Event]:
        """Give every event after a cursor, for ever; `App.events` says from where."""
        cursor = after

        async def following() -> Event:
            nonlocal cursor
            await anyio.lowlevel.checkpoint()
            if cursor is None:
                cursor = (
                    self.last if subscriber is None else max(self._acknowledged.get(subscriber, 0), self._forgotten)
                )
            self._check(cursor, subscriber)
            if cursor < self._forgotten:
                raise CursorTooOld(cursor=cursor + 1, oldest=self._forgotten + 1)
            while cursor >= self.last:
                await self._bell.wait()
            event = self._events[cursor - self._forgotten]
            cursor = event.cursor
            return event

        return Pull(following)

    def _check(self, cursor: int, subscriber: str | None) -> None:
        if not 0 <= cursor <= self.last:
            raise BadInput(what="The cursor", problem="there has never been such an event")
        if subscriber is not None and not 1 <= len(subscriber) <= MAX_SUBSCRIBER_LENGTH:
            raise BadInput(what="The subscriber", problem=f"its name has 1 to {MAX_SUBSCRIBER_LENGTH} characters")
