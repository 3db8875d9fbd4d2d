"""An account for the figures of the terminal screen that costs nothing itself: it makes what it is asked for.

It has as many conversations and messages as wanted, all in one process, so that what is measured is the screen alone.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from balchat_host.api.ephemeral import PresentState
from balchat_host.api.errors import NoSuchSetting
from balchat_host.api.events import ConversationChanged, MessageAdded
from balchat_host.api.types import ONLINE
from balchat_host.api.views import (
    ContactState,
    ContactView,
    ConversationKind,
    ConversationView,
    MessageState,
    MessageView,
    OutboxView,
    ServiceStatus,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

_TEXT = "what somebody may write in a message of usual length, a line or two of it, with **marks** "
_LAST = 1_800_000_000_000


def message(conversation: str, number: int) -> MessageView:
    """Return the message of a number; every third one is ours."""
    ours = number % 3 == 0
    return MessageView(
        id=f"{number:032x}",
        conversation=conversation,
        author=None if ours else "Bob",
        author_id="us" if ours else "bob",
        sent_at=_LAST + 90_000 * number,
        content_type="text/markdown;variant=GFM",
        text=_TEXT * (1 + number % 4),
        in_reply_to=None,
        state=MessageState.DELIVERED if ours else MessageState.RECEIVED,
        recipients=1,
        delivered_to=1,
    )


class Account:
    """The `App`, as far as the screen asks. `length` is how many messages each conversation has."""

    def __init__(self, conversations: int, length: int, *, a_second: float = 0) -> None:
        self.length = length
        self._a_second = a_second
        self._views = {name: self._view(name) for name in (f"{number:032x}" for number in range(conversations))}
        self.contacts = self.conversations = self.messages = self.events = self.status = self
        self.told = anyio.Event()
        self.waiting: list[Any] = []

    def _view(self, name: str) -> ConversationView:
        contact = ContactView(
            name=f"Contact {int(name, 16)}", peer_id=name, onion="", conversation=name, state=ContactState.ACTIVE,
            verified=True, blocked=False, unread=0,
        )  # fmt: skip
        return ConversationView(
            id=name, kind=ConversationKind.DIRECT, title=contact.name, unread=0, first_unread=None,
            last_message=message(name, self.length - 1), draft="", muted=False, muted_until=None, archived=False,
            contact=contact,
        )  # fmt: skip

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._views)

    async def cursor(self) -> int:
        return 0

    async def capabilities(self) -> frozenset[str]:
        return frozenset()

    async def list(self) -> Sequence[ConversationView]:
        return tuple(self._views.values())

    async def get(self, conversation: str) -> ConversationView:
        return self._views[conversation]

    async def attend(self, conversation: str | None) -> None:
        pass

    async def draft(self, conversation: str, text: str) -> None:
        pass

    async def mark_read(self, conversation: str, up_to: str) -> None:
        del up_to
        view = replace(self._views[conversation], unread=0, first_unread=None)
        self.tell(ConversationChanged(cursor=0, at=0, conversation=view, changed=("unread",)))

    async def history(
        self,
        conversation: str,
        limit: int,
        *,
        before: str | None = None,
        after: str | None = None,
        around: str | None = None,
        date: int | None = None,
    ) -> Sequence[MessageView]:
        first, last = self.length - limit, self.length
        if before is not None:
            first, last = int(before, 16) - limit, int(before, 16)
        if after is not None:
            first, last = int(after, 16) + 1, int(after, 16) + 1 + limit
        if around is not None or date is not None:
            middle = int(around, 16) if around is not None else 0
            first, last = middle - limit // 2, middle + limit // 2
        return [message(conversation, number) for number in range(max(0, first), min(last, self.length))]

    def tell(self, event: Any) -> None:
        self.waiting.append(event)
        self.told.set()

    def add(self, conversation: str) -> None:
        """Have another message come."""
        self.length += 1
        self.tell(MessageAdded(cursor=self.length, at=0, message=message(conversation, self.length - 1)))

    async def follow(self, after: int) -> AsyncIterator[Any]:
        del after
        while True:
            await self.told.wait()
            self.told = anyio.Event()
            waiting, self.waiting = self.waiting, []
            for event in waiting:
                yield event

    async def ephemeral(self) -> AsyncIterator[Any]:
        yield PresentState(reachable=(), failing=(), attended=())
        await anyio.sleep_forever()

    async def watch(self) -> AsyncIterator[ServiceStatus]:
        yield ServiceStatus(
            vault="open", profile="default", running=True, network={"n": ONLINE}, identity_onion=ONLINE,
            device_onion=ONLINE, transports={"t": ONLINE}, plugins={}, policy="both", works_as="both", requests=0,
            outbox=OutboxView(waiting=0, in_flight=0, oldest=None),
        )  # fmt: skip
        await anyio.sleep_forever()


class BenchProfile:
    """The `Profile` of an endless account."""

    def __init__(self, account: Account | None) -> None:
        self._account = account
        self.name = "default"
        self.directory = Path()
        self.settings = self

    async def get(self, key: str) -> Any:
        raise NoSuchSetting(key=key)

    def exists(self) -> bool:
        return self._account is not None

    def runtime_directory(self) -> Path:
        return self.directory / "absent"

    async def connect(self) -> Any:
        return None if self._account is None else self._connected(self._account)

    @asynccontextmanager
    async def _connected(self, account: Account) -> AsyncGenerator[Any]:
        yield account


class BenchProfiles:
    """The `Profiles` of a machine that has one."""

    def __init__(self, account: Account | None) -> None:
        self._account = account

    def profile(self, name: str | None = None) -> BenchProfile:
        del name
        return BenchProfile(self._account)

    def profiles(self) -> Sequence[BenchProfile]:
        return ()


def cpu() -> float:
    """Return the seconds of a core that this process has used."""
    return time.process_time()
