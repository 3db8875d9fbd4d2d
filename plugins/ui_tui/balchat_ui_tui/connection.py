"""The connection to a running account: made, followed, and made again whenever it is lost.

Events are followed by their cursor, so that nothing is missing after a loss. Only where the account no longer keeps
what happened meanwhile, or went on from a backup, is everything read again.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import anyio

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import BalchatError, ConnectionLost, CursorTooOld
from balchat_host.api.events import AccountRestored
from balchat_host.api.failures import leaves
from balchat_host.api.following import following
from balchat_host.api.frontend import App, Profile
from balchat_ui_tui.actions import AccountRead, Action, ConnectionChanged, Heard, StatusCame, Told
from balchat_ui_tui.connection_state import Connection, Phase

T = TypeVar("T")

BACKOFF: Final = Backoff(first=0.25, longest=5.0)
"""Seconds between two tries to reach an account that was lost."""


class Listener(Protocol):
    """Who learns of the account."""

    def connected(self, app: App | None) -> None:
        """Take the account that can be asked from now on, None while there is none."""
        ...

    def dispatch(self, action: Action) -> None:
        """Take what the account tells."""
        ...


class AccountConnection:
    """Keeps a front end connected to the account of a profile. `describe` puts an error into words."""

    def __init__(self, profile: Profile, listener: Listener, describe: Callable[[BalchatError], str]) -> None:
        self._profile = profile
        self._listener = listener
        self._describe = describe
        self._cursor: int | None = None
        """The newest event that was dealt with."""
        self._hurry = anyio.Event()

    def reconnect(self) -> None:
        """Try to reach the account now, and not when the wait is over."""
        self._hurry.set()

    async def run(self) -> None:
        """Connect, tell what happens, and connect again, for ever."""
        failures = 0
        while True:
            try:
                connection = await self._profile.connect()
                if connection is None:
                    self._say(Phase.STOPPED)
                else:
                    async with connection as app:
                        failures = 0
                        await self._follow(app)
            except BalchatError as error:
                self._lost(error)
            except BaseExceptionGroup as group:
                self._lost(_one_error(group))
            failures += 1
            self._hurry = anyio.Event()
            with anyio.move_on_after(BACKOFF.delay(failures)):
                await self._hurry.wait()

    def _say(self, phase: Phase, reason: str | None = None) -> None:
        self._listener.dispatch(ConnectionChanged(Connection(phase=phase, reason=reason)))

    def _lost(self, error: BalchatError) -> None:
        if isinstance(error, CursorTooOld):
            self._cursor = None
        self._listener.connected(None)
        self._say(Phase.LOST, None if isinstance(error, ConnectionLost) else self._describe(error))

    async def _follow(self, app: App) -> None:
        """Tell what happens until the connection ends. Raise what ended it, ConnectionLost where nothing else did."""
        self._listener.connected(app)
        if self._cursor is None:
            after = await app.events.cursor()
            conversations = tuple(await app.conversations.list())
            read = AccountRead(
                conversations=conversations,
                capabilities=await app.capabilities(),
                cursor=await app.events.cursor(),
            )
            self._cursor = after
            self._listener.dispatch(read)
        self._say(Phase.UP)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow_events, app, self._cursor)
            tasks.start_soon(self._follow_ephemeral, app)
            tasks.start_soon(self._follow_status, app)

    async def _follow_events(self, app: App, after: int) -> None:
        async with following(app.events.follow(after=after)) as events:
            async for event in events:
                self._listener.dispatch(Heard(event))
                self._cursor = None if isinstance(event, AccountRestored) else event.cursor
                if self._cursor is None:
                    break
        raise ConnectionLost

    async def _follow_ephemeral(self, app: App) -> None:
        async with following(app.events.ephemeral()) as changes:
            async for change in changes:
                self._listener.dispatch(Told(change))
        raise ConnectionLost

    async def _follow_status(self, app: App) -> None:
        async with following(app.status.watch()) as states:
            async for status in states:
                self._listener.dispatch(StatusCame(status))
        raise ConnectionLost


def _one_error(group: BaseExceptionGroup) -> BalchatError:
    """Return the error that a group of them is about; the group is raised again where it is about another one."""
    errors = list(leaves(group))
    known = [error for error in errors if isinstance(error, BalchatError)]
    if len(known) < len(errors):
        raise group
    # What ended it says more than that the others were cut off by it.
    return next((error for error in known if not isinstance(error, ConnectionLost)), known[0])
