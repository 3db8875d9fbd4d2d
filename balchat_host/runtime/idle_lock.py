"""Locks an account that nobody uses any more.

What counts as use
------------------
A call of an App that a person causes: to write, to open a conversation (`events.attend`, or a page of its history), to
search, to add, to change, to look at a code or a number. What a front end does by itself does not count, nor does what
follows from something that arrived: otherwise whoever writes to us would keep the account open. So these do not:
streams, events and their acknowledgement, states, capabilities, lists and single values, and marking as read. That a
conversation stays attended does not count either: a window may be open on a desk that somebody has left.

A program that acts for its owner (a bot that answers) counts as its owner.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.errors import AccountLocked

AUTOMATIC: Final = frozenset(
    {
        "account.shut_down",
        "capabilities",
        "contacts.get",
        "contacts.list",
        "conversations.get",
        "conversations.list",
        "conversations.mark_read",
        "events.acknowledge",
        "events.attended",
        "events.cursor",
        "events.ephemeral",
        "events.follow",
        "files.fetch",
        "files.get",
        "files.list",
        "files.pause",
        "files.picture",
        "files.preview",
        "files.read",
        "files.write",
        "messages.get",
        "relays.list",
        "requests.list",
        "settings.get",
        "settings.list",
        "settings.watch",
        "status.get",
        "status.watch",
    }
)
"""The wire names that do not count as use."""

_LOOK: Final = 30.0
"""Seconds between two looks: a machine that slept wakes no timer, and finds out by the time of day."""


class IdleLock:
    """Calls `lock` once an account has not been used for `after` seconds; 0 is for ever."""

    def __init__(
        self, after: float, lock: Callable[[AccountLocked], Awaitable[None]], clock: Callable[[], int]
    ) -> None:
        self._after = after
        self._lock = lock
        self._clock = clock
        self._changed = Bell()
        self._used = 0.0
        self._used_at = 0
        self._locked: AccountLocked | None = None

    def set_after(self, seconds: float) -> None:
        """Lock after another time from now on. That somebody says so is use."""
        self._after = seconds
        self._note()
        self._changed.ring()

    def before(self, name: str) -> None:
        """Take note of a call by its wire name. Raise AccountLocked once the account is locking itself."""
        if self._locked is not None:
            raise AccountLocked(**self._locked.fields)
        if name not in AUTOMATIC:
            self._note()

    async def run(self) -> None:
        """Work until the account is locked."""
        self._note()
        while True:
            if not self._after:
                await self._changed.wait()
                continue
            left = self._after - self._idle()
            if left <= 0:
                self._locked = AccountLocked(minutes=round(self._after / 60))
                await self._lock(self._locked)
                return
            with anyio.move_on_after(min(left, _LOOK)):
                await self._changed.wait()

    def _note(self) -> None:
        self._used, self._used_at = anyio.current_time(), self._clock()

    def _idle(self) -> float:
        # Neither clock is enough: one stands still while the machine sleeps, the other one is set by people.
        return max(anyio.current_time() - self._used, (self._clock() - self._used_at) / 1000)
