"""Faults of bots: what ends them, or has them hear nothing any more."""

from __future__ import annotations

import struct
from contextlib import suppress

import anyio

from balchat_host.api.ephemeral import ephemeral_types
from balchat_host.api.errors import ConnectionLost, ContactBlocked, CursorTooOld, StorageFull
from balchat_host.api.events import ContactAlarm, FileChanged, MessageAdded, MessageChanged, MessageRemoved
from tests.kits.bot import FaultyBot

ERRORS = "test_an_error_of_the_app_ends_nothing_but_itself"
UNKNOWN = "test_it_passes_over_events_and_fields_that_it_does_not_know"
GONE = "test_it_survives_senders_who_are_blocked_or_removed"

CHANGES = "test_it_bears_whatever_becomes_of_messages_and_files"
REFUSED = "test_what_is_refused_again_and_again_is_not_tried_without_a_pause"
WHATEVER = "test_it_survives_whatever_people_write"


class EndsAtBlocked(FaultyBot):
    """Ends of a sender who was blocked or removed, again and again."""

    caught_by = GONE

    async def handle(self, app, event):
        if isinstance(event, MessageAdded) and self.asks(event):
            await self.answer(app, event)


class AsksForWhoIsGone(FaultyBot):
    """Looks a sender up who was removed meanwhile, and ends of it."""

    caught_by = "test_it_survives_senders_who_go_while_it_works"

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            await app.conversations.get(event.message.conversation)
        await super().handle(app, event)


class KnowsMessagesOnly(FaultyBot):
    """Takes every event for a message."""

    caught_by = UNKNOWN

    async def handle(self, app, event):
        if self.asks(event):
            await self.answer(app, event)


class RefusesWhatIsNew(FaultyBot):
    """Ends of an event that it does not know."""

    caught_by = UNKNOWN

    async def handle(self, app, event):
        if event.type not in {"message.added", "message.changed", "contact.changed", "conversation.changed"}:
            raise ValueError(event.type)
        await super().handle(app, event)


class NeedsAText(FaultyBot):
    """Takes every message for one with a text."""

    caught_by = UNKNOWN

    def asks(self, event):
        return event.message.state == "received" and event.message.text.lower() == "ping"


class StopsAtAnError(FaultyBot):
    """Hears nothing any more after an error."""

    caught_by = ERRORS

    async def follow(self, app):
        try:
            await super().follow(app)
        except CursorTooOld:
            raise
        except Exception:  # noqa: BLE001  # that is the fault
            await anyio.sleep_forever()


class EndsAtEveryError(FaultyBot):
    """Ends of an error that is about one message alone."""

    caught_by = ERRORS

    async def handle(self, app, event):
        if isinstance(event, MessageAdded) and self.asks(event):
            await self.answer(app, event)


class KnowsLettersOnly(FaultyBot):
    """Ends of what is no English text, again and again."""

    caught_by = WHATEVER

    def asks(self, event):
        return bool(event.message.text.encode("ascii")) and super().asks(event)


class TakesTextsForFormats(FaultyBot):
    """Takes what people write for a format, and ends of what that asks for."""

    caught_by = WHATEVER

    def asks(self, event):
        return super().asks(event) or event.message.text.format() == "ping"


class ForgetsWhatFoundNoRoom(FaultyBot):
    """Forgets what it could not answer because the disk was full."""

    caught_by = ERRORS

    async def handle(self, app, event):
        with suppress(StorageFull):
            await super().handle(app, event)


class EndsAtDeletedMessages(FaultyBot):
    """Takes every message that changes for one that still has a text."""

    caught_by = CHANGES

    async def handle(self, app, event):
        if isinstance(event, MessageChanged) and event.message.state == "received":
            assert event.message.text.strip() is not None
        await super().handle(app, event)


class EndsAtExpiredMessages(FaultyBot):
    """Looks up a message that is no longer shown."""

    caught_by = CHANGES

    async def handle(self, app, event):
        if isinstance(event, MessageRemoved):
            await app.messages.get(event.id)
        await super().handle(app, event)


class EndsAtFiles(FaultyBot):
    """Reads a file as soon as something is said of it."""

    caught_by = CHANGES

    async def handle(self, app, event):
        if isinstance(event, FileChanged):
            async for _ in app.files.read(event.file.id):
                pass
        await super().handle(app, event)


class EndsAtAlarms(FaultyBot):
    """Looks up whom an alarm is about, who is gone."""

    caught_by = CHANGES

    async def handle(self, app, event):
        if isinstance(event, ContactAlarm):
            await app.contacts.get(event.peer_id)
        await super().handle(app, event)


class KnowsWhatChangesOfItsDay(FaultyBot):
    """Ends of a field that has changed and that it does not know."""

    caught_by = CHANGES

    async def handle(self, app, event):
        if isinstance(event, MessageChanged):
            known = {"state": 1, "delivered_to": 1, "text": 1, "edited": 1, "deleted": 1}
            assert all(known[name] for name in event.changed)
        await super().handle(app, event)


class EndsWithoutANetwork(FaultyBot):
    """Ends while the network is away."""

    caught_by = "test_it_bears_everything_else_that_happens"

    async def run(self, app, *, task_status):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.watch, app)
            await super().run(app, task_status=task_status)

    async def watch(self, app):
        async for status in app.status.watch():
            if status.network.phase != "online":
                raise ConnectionLost


class KnowsTheMomentsOfItsDay(FaultyBot):
    """Ends of something that is true for the moment and that it does not know."""

    caught_by = UNKNOWN

    async def run(self, app, *, task_status):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.watch, app)
            await super().run(app, task_status=task_status)

    async def watch(self, app):
        async for moment in app.events.ephemeral():
            if moment.type not in ephemeral_types:
                raise ValueError(moment.type)


class TriesWithoutAPause(FaultyBot):
    """Tries again at once what found no room, again and again."""

    caught_by = REFUSED

    async def answer(self, app, event):
        while True:
            with suppress(StorageFull):
                return await super().answer(app, event)


class TriesEverySecond(FaultyBot):
    """Tries again every second what will never be taken."""

    caught_by = REFUSED

    async def answer(self, app, event):
        while True:
            with suppress(ContactBlocked):
                return await super().answer(app, event)
            await anyio.sleep(1)


class KnowsShortTextsOnly(FaultyBot):
    """Ends of the longest text that may be written."""

    caught_by = WHATEVER

    def asks(self, event):
        return bool(struct.pack(">h", len(event.message.text.encode()))) and super().asks(event)


class TakesNamesForFormats(FaultyBot):
    """Takes what people call themselves for a format, and ends of what that asks for."""

    caught_by = WHATEVER

    def asks(self, event):
        return bool((event.message.author or "us").format()) and super().asks(event)
