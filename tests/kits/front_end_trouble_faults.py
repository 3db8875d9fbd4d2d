"""Faults of bots: what ends them, or has them hear nothing any more."""

from __future__ import annotations

from contextlib import suppress

import anyio

from balchat_host.api.errors import CursorTooOld, StorageFull
from balchat_host.api.events import MessageAdded
from tests.kits.bot import FaultyBot

ERRORS = "test_an_error_of_the_app_ends_nothing_but_itself"
UNKNOWN = "test_it_passes_over_events_and_fields_that_it_does_not_know"
GONE = "test_it_survives_senders_who_are_blocked_or_removed"


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

    caught_by = "test_it_survives_whatever_people_write"

    def asks(self, event):
        return bool(event.message.text.encode("ascii")) and super().asks(event)


class TakesTextsForFormats(FaultyBot):
    """Takes what people write for a format, and ends of what that asks for."""

    caught_by = "test_it_survives_whatever_people_write"

    def asks(self, event):
        return super().asks(event) or event.message.text.format() == "ping"


class ForgetsWhatFoundNoRoom(FaultyBot):
    """Forgets what it could not answer because the disk was full."""

    caught_by = ERRORS

    async def handle(self, app, event):
        with suppress(StorageFull):
            await super().handle(app, event)


FAULTS = [fault for fault in FaultyBot.__subclasses__() if fault.__module__ == __name__]
