"""The App as a front end gets it from the kit: what it must not do with it is noticed."""

from collections.abc import Callable, Generator
from inspect import currentframe
from types import FrameType
from typing import Any, Final, Self

import anyio

from balchat_host.api.frontend import App
from balchat_host.api.frontend.area import areas_of
from balchat_host.testing.front_end_kit.wrapped_app import WrappedApp

MOST_CALLS: Final = 3000
"""Calls of the App in one run after which it is plain that a front end asks without end."""


class _Never:
    """What is waited for in vain, by `await` or by `async for`."""

    def __await__(self) -> Generator[Any, Any, None]:
        return anyio.sleep_forever().__await__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        await self

    async def aclose(self) -> None:
        pass


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
        return method(*given, **named) if self.calls < MOST_CALLS else _Never()

    def refuse(self, name: str) -> None:
        """Refuse a name that is private."""
        self.wrong.append(f"it uses `{name}` of the App, which is the host's own: the next version may not have it")
        raise AssertionError(self.wrong[-1])


_AREAS: Final = frozenset(areas_of(App))


def _asked_by_host(frame: FrameType | None) -> bool:
    """Return whether the host, or this kit, has called the function that has a frame."""
    caller = frame.f_back if frame is not None else None
    return caller is None or str(caller.f_globals.get("__name__", "")).startswith("balchat_host.")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


class GuardedApp(WrappedApp):
    """Refuses private names, of its areas too, and counts calls.

    It closes the streams that its client has not closed: a generator that is thrown away warns, and harms nobody.
    """

    def __init__(self, app: App, watched: Watched) -> None:
        super().__init__(app)
        self._watched = watched
        self._opened: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        by_host = _asked_by_host(currentframe())
        if not by_host and _is_private(name):
            object.__getattribute__(self, "_watched").refuse(name)
        found = super().__getattribute__(name)
        return found if by_host or name not in _AREAS else _GuardedArea(found, self._watched, self._opened)

    async def aclose(self) -> None:
        """Close what is open."""
        for stream in self._opened:
            await stream.aclose()


class _GuardedArea:
    def __init__(self, area: Any, watched: Watched, opened: list[Any]) -> None:
        self._area = area
        self._watched = watched
        self._opened = opened

    def __getattribute__(self, name: str) -> Any:
        if _is_private(name):
            if not _asked_by_host(currentframe()):
                object.__getattribute__(self, "_watched").refuse(name)
            return super().__getattribute__(name)
        found = getattr(self._area, name)

        def call(*given: Any, **named: Any) -> Any:
            result = self._watched.call(found, *given, **named)
            if hasattr(result, "aclose"):
                self._opened.append(result)
            return result

        return call if callable(found) else found
