"""The bridge itself. Both ways go on after a restart where they were, and bear that a message comes twice.

**A bridge ends the encryption.** What goes through it can be read by the other network. Its users have to know that.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio

from balchat_host.api.errors import ContactBlocked, CursorTooOld, NoSuch, TextTooLong
from balchat_host.api.events import Event, MessageAdded
from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.views import MessageState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.abc import TaskStatus

    from balchat_ui_bridge.remote import Remote

SUBSCRIBER: Final = "ui_bridge"


class Bridge(FrontEnd):
    """Carries what contacts write to their rooms, and what others write there to the contacts."""

    def __init__(self, remote: Remote, rooms: Mapping[str, str]) -> None:
        self._remote = remote
        self._rooms = rooms
        self._contacts = {room: contact for contact, room in rooms.items()}

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._carry_out, app)
            tasks.start_soon(self._carry_in, app)

    async def _carry_out(self, app: App) -> None:
        while True:
            try:
                async for event in app.events.follow(subscriber=SUBSCRIBER):
                    await self._post(event)
                    await app.events.acknowledge(SUBSCRIBER, event.cursor)
            except CursorTooOld:
                # What came meanwhile is in the history; the rooms go on from now.
                await app.events.acknowledge(SUBSCRIBER, await app.events.cursor())

    async def _post(self, event: Event) -> None:
        if not isinstance(event, MessageAdded) or event.message.state is not MessageState.RECEIVED:
            return
        message = event.message
        room = self._rooms.get(message.author or "")
        if room is not None and message.text is not None:
            # The message's id as the key: what is posted again after a crash is dropped there.
            await self._remote.post(room, key=message.id, sender=message.author or "", text=message.text)

    async def _carry_in(self, app: App) -> None:
        async for message in self._remote.messages(list(self._contacts)):
            # Whoever was blocked or removed, or writes too much, holds up nobody else.
            with suppress(ContactBlocked, NoSuch, TextTooLong):
                await app.messages.send(self._contacts[message.room], f"{message.sender}: {message.text}")
            await self._remote.done(message)
