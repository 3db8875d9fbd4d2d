"""Follows an account, and shows on the desktop what a person has not seen.

Theory of operation
-------------------
One task reads events and gathers what they say; another one shows it. After the first of some events it waits for a
moment, so that a burst becomes one notification, and after each notification for longer. What is about to be shown is
acknowledged first: after a crash, something may have been shown by nobody, and nothing is shown twice.

What is not shown (because of the settings, the hours, a muted or attended conversation, or since there is no desktop)
is past: it is acknowledged like everything else, and never shown later.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import anyio
from anyio.abc import TaskStatus
from balchat_common.settings import updated

from balchat_host.api.bell import Bell
from balchat_host.api.errors import CursorTooOld, NoSuch
from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_ui_notify.desktop import NO_DESKTOP, Notifier
from balchat_ui_notify.gathering import Arrived, Gathered
from balchat_ui_notify.settings import NotifySettings, Show
from balchat_ui_notify.wording import News, worded

SUBSCRIBER: Final = "ui_notify"
BURST: Final = 1.0
"""Seconds to wait for more, after something has happened."""
PAUSE: Final = 5.0
"""Seconds between two notifications."""
FRESH: Final = 300.0
"""Seconds after which an event is past: what came while nothing ran, a person sees when they look."""
AGAIN: Final = 60.0
"""Seconds between two looks for a desktop, where there is none."""
_TABLE: Final = "settings.ui_notify"


def _wall_clock() -> float:
    return time.time()


def _local_time() -> datetime:
    return datetime.now().astimezone()


class NotifyFrontEnd(FrontEnd):
    """Shows notifications. `clock` returns Unix seconds, `local` the time where we are."""

    def __init__(
        self,
        notifier: Notifier,
        settings: NotifySettings,
        on_state: Callable[[ServiceState], None],
        *,
        clock: Callable[[], float] = _wall_clock,
        local: Callable[[], datetime] = _local_time,
    ) -> None:
        self._notifier = notifier
        self._settings = settings
        self._on_state = on_state
        self._clock = clock
        self._local = local
        self._gathered = Gathered()
        self._news = Bell()
        self._open = False
        self._looked = float("-inf")

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        """Follow the account until cancelled."""
        await self._look_for_desktop()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow_settings, app)
                tasks.start_soon(self._show_all, app)
                task_status.started()
                await self._follow(app)
        finally:
            with anyio.CancelScope(shield=True):
                await self._notifier.close()

    async def _follow(self, app: App) -> None:
        while True:
            try:
                async for event in app.events.follow(subscriber=SUBSCRIBER):
                    self._gathered.add(event, fresh=self._clock() - event.at / 1000 < FRESH)
                    self._news.ring()
            except CursorTooOld:
                # What is no longer kept is past as well.
                await app.events.acknowledge(SUBSCRIBER, await app.events.cursor())

    async def _follow_settings(self, app: App) -> None:
        async for views in app.settings.watch():
            self._settings = updated(self._settings, {view.key: view.value for view in views}, table=_TABLE)

    async def _show_all(self, app: App) -> None:
        while True:
            if not self._gathered.cursor:
                await self._news.wait()
            await anyio.sleep(BURST)
            gathered, self._gathered = self._gathered, Gathered()
            await app.events.acknowledge(SUBSCRIBER, gathered.cursor)
            if await self._show(app, gathered):
                await anyio.sleep(PAUSE)

    async def _show(self, app: App, gathered: Gathered) -> bool:
        """Show what is to be shown of some events; return whether there was something."""
        settings = self._settings
        if settings.show is Show.NOTHING or settings.is_quiet(self._local().time()):
            return False
        if not gathered.messages and not gathered.requests and not gathered.alarms:
            return False
        if not self._open and not await self._look_for_desktop():
            return False
        attended = await app.events.attended()
        found = [
            await self._news_in(app, conversation, arrived)
            for conversation, arrived in reversed(gathered.messages.items())
            if conversation not in attended
        ]
        news = [each for each in found if each is not None]
        if not news and not gathered.requests and not gathered.alarms:
            return False
        if not await self._notifier.show(worded(settings.show, news, gathered.requests, tuple(gathered.alarms))):
            await self._lose_desktop()
        return True

    async def _news_in(self, app: App, name: str, arrived: Arrived) -> News | None:
        """Return what is new in a conversation, None where nobody is to be told: of a muted one, all but mentions."""
        try:
            conversation = await app.conversations.get(name)
            count, unread, last = arrived.count, conversation.unread, arrived.last
            if conversation.muted:
                count, unread, last = arrived.mentions, conversation.mentions, arrived.last_mention
            # What another front end has shown is read by now.
            if last is None or not unread:
                return None
            # It may have been edited or deleted since.
            last = await app.messages.get(last.id)
        except NoSuch:
            return None  # it was removed meanwhile
        return News(title=conversation.title, count=min(count, unread), text=last.text)

    # -- the desktop

    async def _look_for_desktop(self) -> bool:
        now = anyio.current_time()
        if now - self._looked < AGAIN:
            return False
        self._looked = now
        reason = await self._notifier.open()
        self._open = reason is None
        code = "notify.no-desktop" if reason == NO_DESKTOP else None
        self._on_state(ONLINE if reason is None else ServiceState(phase=Phase.STOPPED, reason=reason, code=code))
        return self._open

    async def _lose_desktop(self) -> None:
        self._open = False
        await self._notifier.close()
        reason = "the desktop took no notification; it is asked again"
        self._on_state(ServiceState(phase=Phase.STOPPED, reason=reason, code="notify.not-taken"))
