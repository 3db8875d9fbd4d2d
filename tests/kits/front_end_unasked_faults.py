"""Faults of bots: what they do that nobody has asked for."""

from __future__ import annotations

from contextlib import suppress

from balchat_host.api.errors import BalchatError
from balchat_host.api.events import MessageAdded
from balchat_host.testing.front_end_kit import FrontEndCapabilities
from tests.kits.bot import FaultyBot


class ReadsForOthers(FaultyBot):
    """Marks everything as read, though nobody has seen it."""

    caught_by = "test_it_marks_nothing_as_read_that_nobody_has_seen"
    capabilities = FrontEndCapabilities()

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageAdded):
            await app.conversations.mark_read(event.message.conversation, event.message.id)


class TakesDrafts(FaultyBot):
    """Writes over what a person has begun to write."""

    caught_by = "test_it_bears_everything_else_that_happens"

    async def answer(self, app, event):
        await super().answer(app, event)
        await app.conversations.draft(event.message.conversation, "")


class AcceptsEverybody(FaultyBot):
    """Accepts whoever asks for contact."""

    caught_by = "test_it_starts_without_a_network_and_without_contacts"

    async def handle(self, app, event):
        for request in await app.requests.list():
            await app.requests.accept(request.peer_id)
        await super().handle(app, event)


class FetchesEveryFile(FaultyBot):
    """Fetches every file that is offered."""

    caught_by = "test_it_bears_everything_else_that_happens"

    async def handle(self, app, event):
        for file in await app.files.list():
            with suppress(BalchatError):
                await app.files.fetch(file.id)
        await super().handle(app, event)


FAULTS = [fault for fault in FaultyBot.__subclasses__() if fault.__module__ == __name__]
