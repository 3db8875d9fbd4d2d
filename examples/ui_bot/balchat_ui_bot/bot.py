"""The bot itself. It follows the events of the account, and answers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from balchat_host.api.errors import ContactBlocked, CursorTooOld, NoSuch
from balchat_host.api.events import Event, MessageAdded
from balchat_host.api.frontend import App, FrontEnd, FrontEndContext
from balchat_host.api.views import MessageState

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from balchat_ui_bot.settings import BotSettings

SUBSCRIBER: Final = "ui_bot"


class Bot(FrontEnd):
    """Answers every ping, also those that came while it was away."""

    def __init__(self, context: FrontEndContext, settings: BotSettings) -> None:
        del context  # for a bot that shows a state, or has files of its own
        self._answer = settings.answer

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        while True:
            try:
                async for event in app.events.follow(subscriber=SUBSCRIBER):
                    await self._handle(app, event)
                    await app.events.acknowledge(SUBSCRIBER, event.cursor)
            except CursorTooOld:
                # It was away for so long that events are gone. What came meanwhile is in the history; it goes on now.
                await app.events.acknowledge(SUBSCRIBER, await app.events.cursor())

    async def _handle(self, app: App, event: Event) -> None:
        if not isinstance(event, MessageAdded) or event.message.state is not MessageState.RECEIVED:
            return
        message = event.message
        if message.text == "ping":
            # An event tells of the past: by now they may be blocked or removed, or the message may be gone.
            with suppress(ContactBlocked, NoSuch):
                await app.messages.send(message.conversation, self._answer, reply_to=message.id)
