"""Apps that pass everything on, but for what a test puts in a front end's way."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from balchat_host.api.ephemeral import Ephemeral
from balchat_host.api.errors import ConnectionLost
from balchat_host.api.events import Event
from balchat_host.api.frontend import App, Events
from balchat_host.testing.front_end_kit.wrapped_app import WrappedApp, WrappedEvents
from balchat_host.testing.waiting import Seen


class HeldApp(WrappedApp):
    """Its `messages.send` passes some on; then it waits, sends nothing until it is released, and tells `reached`.

    With `only`, the id of a conversation, whatever goes to other conversations passes.
    """

    def __init__(self, app: App, *, passes: int = 0, only: str | None = None) -> None:
        super().__init__(app)
        self.reached: Seen[None] = Seen()
        self._passes = passes
        self._only = only
        self._killed = False
        self._refusal: Exception | None = None
        self._released = anyio.Event()
        self._messages = _HeldMessages(app.messages, self.pass_on)
        self._events = _MortalEvents(app.events)

    @property
    def messages(self) -> Any:
        return self._messages

    @property
    def events(self) -> Events:
        return self._events

    def release(self) -> None:
        """Let everything pass."""
        self._released.set()

    def kill(self) -> None:
        """Do nothing any more of what is asked, as if the process had been killed."""
        self._killed = self._events.killed = True

    def refuse(self, error: Exception) -> None:
        """Refuse everything that is to be sent from now on."""
        self._refusal = error

    async def pass_on(self, conversation: str) -> None:
        """Wait until something may be sent to a conversation. Raise what it is refused with."""
        if self._refusal is not None:
            await checkpoint()
            raise self._refusal
        if self._only is None or (await self.conversations.get(conversation)).id == self._only:
            self._passes -= 1
            if self._passes < 0 and not self._released.is_set():
                self.reached(None)
                await self._released.wait()
        if self._killed:
            raise ConnectionLost


class _HeldMessages:
    def __init__(self, messages: Any, pass_on: Callable[[str], Awaitable[None]]) -> None:
        self._messages = messages
        self._pass_on = pass_on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._messages, name)

    async def send(self, conversation: str, *given: Any, **named: Any) -> Any:
        await self._pass_on(conversation)
        return await self._messages.send(conversation, *given, **named)


class _MortalEvents(WrappedEvents):
    killed = False

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        if self.killed:
            raise ConnectionLost
        await super().acknowledge(subscriber, cursor)


class StrangeApp(WrappedApp):
    """Its events have `others` before each of them, and `meanwhile` is called before one is given.

    `moments` come after each one of what is true for the moment.
    """

    def __init__(
        self,
        app: App,
        *,
        others: Callable[[Event], Sequence[Event]] = lambda _: (),
        meanwhile: Callable[[Event], Awaitable[object]] | None = None,
        moments: Sequence[Ephemeral] = (),
    ) -> None:
        super().__init__(app)
        self._events = _StrangeEvents(app.events)
        self._events.others, self._events.meanwhile, self._events.moments = others, meanwhile, moments

    @property
    def events(self) -> Events:
        return self._events

    @property
    def given(self) -> int:
        """How many events it has given."""
        return self._events.given

    def break_at_the_next(self, error: Exception) -> None:
        """Raise an error once, in place of the next event."""
        self._events.breaks = error


class _StrangeEvents(WrappedEvents):
    others: Callable[[Event], Sequence[Event]]
    meanwhile: Callable[[Event], Awaitable[object]] | None
    moments: Sequence[Ephemeral]
    breaks: Exception | None = None
    given = 0

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        return self._follow(super().follow(after, subscriber))

    async def _follow(self, events: Any) -> AsyncIterator[Event]:
        async with aclosing(events):
            async for event in events:
                if self.breaks is not None:
                    breaks, self.breaks = self.breaks, None
                    raise breaks
                for other in self.others(event):
                    self.given += 1
                    yield other
                if self.meanwhile is not None:
                    await self.meanwhile(event)
                self.given += 1
                yield event

    def ephemeral(self) -> AsyncIterator[Ephemeral]:
        return self._ephemeral(super().ephemeral())

    async def _ephemeral(self, moments: Any) -> AsyncIterator[Ephemeral]:
        async with aclosing(moments):
            async for moment in moments:
                yield moment
                for each in self.moments:
                    yield each
