"""The status as people know it: how everything is, and how their contacts are.

The account tells of the two apart, so that one that has many contacts does not count them for each message. Here they
are put together again: the contacts are asked for when something has changed, and no more often than people can read.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import anyio

from balchat_host.api.following import following
from balchat_host.api.frontend import App
from balchat_host.api.views import ContactView, ServiceStatus

_PAUSE: Final = 0.5
"""Seconds between two looks at the contacts, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus(ServiceStatus):
    """What `balchat status` shows."""

    contacts: Sequence[ContactView]


def joined(status: ServiceStatus, contacts: Sequence[ContactView]) -> AccountStatus:
    """Put the two together."""
    return AccountStatus(
        **{field.name: getattr(status, field.name) for field in fields(ServiceStatus)}, contacts=contacts
    )


async def look(app: App) -> AccountStatus:
    """Return how everything is now."""
    return joined(await app.status.get(), await app.contacts.list())


async def watch(app: App, show: Callable[[AccountStatus], Awaitable[None]]) -> None:
    """Show how everything is, now and after each change, until cancelled or `show` raises."""
    watching = _Watching(app, show)
    async with anyio.create_task_group() as tasks:
        for task in (watching.follow_status, watching.follow_presence, watching.follow_contacts):
            tasks.start_soon(task)


class _Watching:
    def __init__(self, app: App, show: Callable[[AccountStatus], Awaitable[None]]) -> None:
        self._app = app
        self._show = show
        self._showing = anyio.Lock()
        self._status: ServiceStatus | None = None
        self._contacts: Sequence[ContactView] | None = None
        self._changed = anyio.Event()

    async def follow_status(self) -> None:
        async with following(self._app.status.watch()) as states:
            async for self._status in states:
                self._changed.set()  # whatever was written may be about a contact
                await self._show_now()

    async def follow_presence(self) -> None:
        async with following(self._app.events.ephemeral()) as changes:
            async for _ in changes:
                self._changed.set()

    async def follow_contacts(self) -> None:
        while True:
            self._changed = anyio.Event()
            contacts = await self._app.contacts.list()
            if contacts != self._contacts:
                self._contacts = contacts
                await self._show_now()
            await anyio.sleep(_PAUSE)
            await self._changed.wait()

    async def _show_now(self) -> None:
        async with self._showing:
            if self._status is not None and self._contacts is not None:
                await self._show(joined(self._status, self._contacts))
