"""An App that passes everything on, but for what a test puts in its way."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from inspect import currentframe
from types import FrameType
from typing import Any

import anyio

from balchat_host.api.events import Event
from balchat_host.api.frontend import (
    Account,
    App,
    Contacts,
    Conversations,
    Events,
    Messages,
    Relays,
    Requests,
    Settings,
    Status,
)
from balchat_host.api.frontend.files import Files
from balchat_host.testing.waiting import Seen


class WrappedApp(App):
    """Passes everything on."""

    def __init__(self, app: App) -> None:
        self._app = app

    @property
    def contacts(self) -> Contacts:
        return self._app.contacts

    @property
    def requests(self) -> Requests:
        return self._app.requests

    @property
    def conversations(self) -> Conversations:
        return self._app.conversations

    @property
    def messages(self) -> Messages:
        return self._app.messages

    @property
    def files(self) -> Files:
        return self._app.files

    @property
    def relays(self) -> Relays:
        return self._app.relays

    @property
    def account(self) -> Account:
        return self._app.account

    @property
    def settings(self) -> Settings:
        return self._app.settings

    @property
    def events(self) -> Events:
        return self._app.events

    @property
    def status(self) -> Status:
        return self._app.status

    def client(self) -> AbstractContextManager[App]:
        return nullcontext(self)

    async def capabilities(self) -> frozenset[str]:
        return await self._app.capabilities()


class HeldApp(WrappedApp):
    """Its `messages.send` passes some on; then it never returns, sends nothing, and tells `reached`."""

    def __init__(self, app: App, *, passes: int = 0) -> None:
        super().__init__(app)
        self.reached: Seen[None] = Seen()
        self._held = _Held(app.messages, self.reached, passes)

    @property
    def messages(self) -> Any:
        return self._held


class _Held:
    def __init__(self, messages: Messages, reached: Seen[None], passes: int) -> None:
        self._messages = messages
        self._reached = reached
        self._passes = passes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._messages, name)

    async def send(self, *given: Any, **named: Any) -> Any:
        if not self._passes:
            self._reached(None)
            await anyio.sleep_forever()
        self._passes -= 1
        return await self._messages.send(*given, **named)


def _asked_by_host(frame: FrameType | None) -> bool:
    """Return whether the host, or this kit, has called the function that has a frame."""
    caller = frame.f_back if frame is not None else None
    return caller is None or str(caller.f_globals.get("__name__", "")).startswith("balchat_host.")


class ClosingApp(WrappedApp):
    """What the front end gets. It refuses private names.

    It closes what its client has followed and not closed: a generator that is thrown away warns, and harms nobody.
    """

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._events = _ClosingEvents(app.events)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") and not name.startswith("__") and not _asked_by_host(currentframe()):
            raise AssertionError(f"`{name}` of the App is the host's own: the next version may not have it")
        return super().__getattribute__(name)

    @property
    def events(self) -> Events:
        return self._events

    async def aclose(self) -> None:
        """Close what is open."""
        for stream in self._events.opened:
            await stream.aclose()


class StrangeApp(WrappedApp):
    """Its events have `others` before each of them, and `meanwhile` is called before one is given."""

    def __init__(
        self,
        app: App,
        *,
        others: Callable[[Event], Sequence[Event]] = lambda _: (),
        meanwhile: Callable[[Event], Awaitable[object]] | None = None,
    ) -> None:
        super().__init__(app)
        self._events = _StrangeEvents(app.events)
        self._events.others, self._events.meanwhile = others, meanwhile

    @property
    def events(self) -> Events:
        return self._events

    def break_at_the_next(self, error: Exception) -> None:
        """Raise an error once, in place of the next event."""
        self._events.breaks = error


class _WrappedEvents(Events):
    def __init__(self, events: Events) -> None:
        self._events = events

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        return self._events.follow(after, subscriber)

    async def cursor(self) -> int:
        return await self._events.cursor()

    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        await self._events.acknowledge(subscriber, cursor)

    def ephemeral(self) -> Any:
        return self._events.ephemeral()

    async def attend(self, conversation: str | None) -> None:
        await self._events.attend(conversation)

    async def attended(self) -> Sequence[str]:
        return await self._events.attended()


class _ClosingEvents(_WrappedEvents):
    def __init__(self, events: Events) -> None:
        super().__init__(events)
        self.opened: list[Any] = []

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        self.opened.append(super().follow(after, subscriber))
        return self.opened[-1]

    def ephemeral(self) -> Any:
        self.opened.append(super().ephemeral())
        return self.opened[-1]


class _StrangeEvents(_WrappedEvents):
    others: Callable[[Event], Sequence[Event]]
    meanwhile: Callable[[Event], Awaitable[object]] | None
    breaks: Exception | None = None

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        return self._follow(super().follow(after, subscriber))

    async def _follow(self, events: Any) -> AsyncIterator[Event]:
        async with aclosing(events):
            async for event in events:
                if self.breaks is not None:
                    breaks, self.breaks = self.breaks, None
                    raise breaks
                for other in self.others(event):
                    yield other
                if self.meanwhile is not None:
                    await self.meanwhile(event)
                yield event
