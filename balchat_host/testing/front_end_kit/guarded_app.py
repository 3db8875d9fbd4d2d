"""The App as a front end gets it from the kit: what it must not do with it is noticed."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from inspect import currentframe
from types import FrameType
from typing import Any, Final

import anyio

from balchat_host.api.events import Event
from balchat_host.api.frontend import App, Area, Events
from balchat_host.testing.front_end_kit.wrapped_app import WrappedApp, WrappedEvents

MOST_CALLS: Final = 5000
"""Calls of the App in one run after which it is plain that a front end asks without end."""


class Watched:
    """What a front end has done with its App, over all its starts."""

    def __init__(self) -> None:
        self.calls = 0
        self.wrong: list[str] = []
        """What it must not do, in words."""

    def call(self, method: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Call a method; one call too many waits for ever, so that whoever asks in a loop comes to rest."""
        self.calls += 1
        if self.calls == MOST_CALLS:
            self.wrong.append(f"it has called the App {MOST_CALLS} times: it asks again and again without waiting")
        return method(*given, **named) if self.calls < MOST_CALLS else anyio.sleep_forever()

    def refuse(self, name: str) -> None:
        """Refuse a name that is private."""
        self.wrong.append(f"it uses `{name}` of the App, which is the host's own: the next version may not have it")
        raise AssertionError(self.wrong[-1])


def _asked_by_host(frame: FrameType | None) -> bool:
    """Return whether the host, or this kit, has called the function that has a frame."""
    caller = frame.f_back if frame is not None else None
    return caller is None or str(caller.f_globals.get("__name__", "")).startswith("balchat_host.")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


class GuardedApp(WrappedApp):
    """Refuses private names, of its areas too, and counts calls.

    It closes what its client has followed and not closed: a generator that is thrown away warns, and harms nobody.
    """

    def __init__(self, app: App, watched: Watched) -> None:
        super().__init__(app)
        self._watched = watched
        self._events = _ClosingEvents(app.events)

    def __getattribute__(self, name: str) -> Any:
        by_host = _asked_by_host(currentframe())
        if not by_host and _is_private(name):
            object.__getattribute__(self, "_watched").refuse(name)
        found = super().__getattribute__(name)
        return _GuardedArea(found, self._watched) if not by_host and isinstance(found, Area) else found

    @property
    def events(self) -> Events:
        return self._events

    async def aclose(self) -> None:
        """Close what is open."""
        for stream in self._events.opened:
            await stream.aclose()


class _GuardedArea:
    def __init__(self, area: Area, watched: Watched) -> None:
        self._area = area
        self._watched = watched

    def __getattribute__(self, name: str) -> Any:
        if _is_private(name):
            if not _asked_by_host(currentframe()):
                object.__getattribute__(self, "_watched").refuse(name)
            return super().__getattribute__(name)
        found = getattr(self._area, name)
        return partial(self._watched.call, found) if callable(found) else found


class _ClosingEvents(WrappedEvents):
    def __init__(self, events: Events) -> None:
        super().__init__(events)
        self.opened: list[Any] = []

    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        self.opened.append(super().follow(after, subscriber))
        return self.opened[-1]

    def ephemeral(self) -> Any:
        self.opened.append(super().ephemeral())
        return self.opened[-1]
