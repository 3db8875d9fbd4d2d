"""A small bot that keeps every promise: the ground in which faults of front ends are planted."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from balchat_host.api.errors import ContactBlocked, CursorTooOld, NoSuch
from balchat_host.api.events import MessageAdded
from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.testing.front_end_kit import FrontEndBench, FrontEndCapabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskStatus

    from balchat_host.api.events import Event
    from balchat_host.api.frontend import App

SUBSCRIBER: Final = "bot"

SERVES: Final = "test_it_starts_and_serves_until_it_is_cancelled"
ONCE: Final = "test_it_reacts_to_a_message_once"
left: Final[list[object]] = []
"""What faults leave behind, for the test to end."""


class Bot(FrontEnd):
    """Answers every ping, and shows the conversation in which it did so last."""

    subscriber: str | None = SUBSCRIBER

    def __init__(self, context: FrontEndContext) -> None:
        self.context = context

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        while True:
            try:
                await self.follow(app)
            except CursorTooOld:
                await self.skip(app)

    async def follow(self, app: App) -> None:
        async for event in app.events.follow(subscriber=self.subscriber):
            await self.handle(app, event)
            await self.done(app, event)

    async def skip(self, app: App) -> None:
        await app.events.acknowledge(SUBSCRIBER, await app.events.cursor())

    async def done(self, app: App, event: Event) -> None:
        await app.events.acknowledge(SUBSCRIBER, event.cursor)

    async def handle(self, app: App, event: Event) -> None:
        if isinstance(event, MessageAdded) and self.asks(event):
            with suppress(ContactBlocked, NoSuch):
                await self.answer(app, event)

    def asks(self, event: MessageAdded) -> bool:
        return event.message.state == "received" and event.message.text == "ping"

    async def answer(self, app: App, event: MessageAdded) -> None:
        await app.messages.send(event.message.conversation, "pong", reply_to=event.message.id)
        await self.attend(app, event.message.conversation)

    async def attend(self, app: App, conversation: str) -> None:
        await app.events.attend(conversation)


def leave(behind: object) -> None:
    """Have the test end what a fault leaves behind."""
    left.append(behind)


class FaultyBot(Bot):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    keeps_files: ClassVar[bool] = False


class BotBench(FrontEndBench):
    capabilities = FrontEndCapabilities(attends=True)

    def __init__(self, make: type[Bot] = Bot) -> None:
        super().__init__()
        self.make = make
        self.capabilities = getattr(make, "capabilities", self.capabilities)
        self.folder: Path | None = None
        if getattr(make, "keeps_files", False):
            self.folder = Path(tempfile.mkdtemp())
            leave(self.folder)

    def context(self) -> FrontEndContext:
        if self.folder is None:
            return super().context()
        return FrontEndContext(profile=self.folder, runtime_directory=self.folder, on_state=self.states)

    def folders(self) -> Sequence[Path]:
        return [] if self.folder is None else [self.folder]

    def front_end(self, context: FrontEndContext) -> FrontEnd:
        return self.make(context)
