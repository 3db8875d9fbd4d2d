"""The desktop's own notifications, by desktop-notifier. Nothing that goes wrong there is raised or logged."""

import asyncio
import logging
from typing import Final, Protocol

import anyio
from desktop_notifier import DesktopNotifier, Icon, Urgency

from balchat_ui_notify.wording import Notification

# It would log notifications, and with each failure a traceback. That there is no desktop is a state, not a failure.
logging.getLogger("desktop_notifier").setLevel(logging.CRITICAL + 1)

_ICON: Final = Icon(name="mail-unread")
NO_DESKTOP: Final = "there is no desktop that shows notifications"
_PATIENCE: Final = 10.0
"""Seconds that the desktop has to answer."""


class Notifier(Protocol):
    """Where notifications go."""

    async def open(self) -> str | None:
        """Reach it; return why that cannot be, or None."""
        ...

    async def show(self, notification: Notification) -> bool:
        """Show something; return whether it was taken."""
        ...

    async def close(self) -> None:
        """Let go of it. What is shown stays."""
        ...


class Desktop:
    """The desktop session that we run in, if we run in one."""

    def __init__(self) -> None:
        self._notifier: DesktopNotifier | None = None

    async def open(self) -> str | None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return "desktop notifications need asyncio"
        notifier = DesktopNotifier(app_name="balchat", app_icon=_ICON)
        try:
            with anyio.fail_after(_PATIENCE):
                await notifier.get_capabilities()
        except Exception:  # noqa: BLE001  # no session, no bus, no service, no answer: it is all the same here
            _disconnect(notifier)
            return NO_DESKTOP
        self._notifier = notifier
        return None

    async def show(self, notification: Notification) -> bool:
        if self._notifier is None:
            return False
        taken: list[bool] = []
        # It raises nothing where it fails, and calls back where it does not.
        with anyio.move_on_after(_PATIENCE):
            await self._notifier.send(
                notification.title,
                notification.body,
                urgency=Urgency.Normal,
                on_dispatched=lambda: taken.append(True),
            )
        return bool(taken)

    async def close(self) -> None:
        if self._notifier is not None:
            _disconnect(self._notifier)
            self._notifier = None


def _disconnect(notifier: DesktopNotifier) -> None:
    # The library has no way to end its connection to the bus.
    bus = getattr(getattr(notifier, "_backend", None), "bus", None)
    if bus is not None:
        bus.disconnect()
