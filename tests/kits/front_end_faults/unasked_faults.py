"""Faults of bots: what they do that nobody has asked for."""

from __future__ import annotations

from contextlib import suppress

from balchat_host.api.errors import BalchatError
from balchat_host.api.events import MessageAdded
from balchat_host.testing.front_end_kit import FrontEndCapabilities
from tests.kits.bot import FaultyBot

BY_ITSELF = "test_it_changes_nothing_by_itself"


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


class ReadsWhatItDoesNotShow(FaultyBot):
    """Marks as read what comes into conversations that it does not show."""

    caught_by = "test_it_attends_what_it_shows_while_it_runs"

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageAdded):
            await app.conversations.mark_read(event.message.conversation, event.message.id)


class RejectsEverybody(FaultyBot):
    """Turns down whoever asks for contact."""

    caught_by = "test_it_starts_without_a_network_and_without_contacts"

    async def handle(self, app, event):
        for request in await app.requests.list():
            await app.requests.reject(request.peer_id)
        await super().handle(app, event)


class VerifiesEverybody(FaultyBot):
    """Says that safety numbers were compared, which nobody has done."""

    caught_by = BY_ITSELF

    async def answer(self, app, event):
        await super().answer(app, event)
        number = await app.contacts.safety_number(event.message.author)
        await app.contacts.verify(event.message.author, number.safety_number)


class MutesWhatItAnswers(FaultyBot):
    """Mutes the conversations in which it answers."""

    caught_by = BY_ITSELF

    async def answer(self, app, event):
        await super().answer(app, event)
        await app.conversations.mute(event.message.conversation)


class SetsATimer(FaultyBot):
    """Has what is written in a conversation expire."""

    caught_by = BY_ITSELF

    async def answer(self, app, event):
        await app.conversations.set_timer(event.message.conversation, 3600)
        await super().answer(app, event)


class FetchesBackWhatIsArchived(FaultyBot):
    """Fetches conversations back from the archive."""

    caught_by = BY_ITSELF

    async def run(self, app, *, task_status):
        for conversation in await app.conversations.list():
            await app.conversations.unarchive(conversation.id)
        await super().run(app, task_status=task_status)


class ChangesSettings(FaultyBot):
    """Changes what the configuration says."""

    caught_by = BY_ITSELF

    async def run(self, app, *, task_status):
        await app.settings.set("delivery.read_receipts", False)
        await super().run(app, task_status=task_status)


class UsesARelay(FaultyBot):
    """Begins to use a relay of its own choice."""

    caught_by = BY_ITSELF

    async def run(self, app, *, task_status):
        await app.relays.add((await app.account.code()).onion)
        await super().run(app, task_status=task_status)


class BlocksWhoeverWritesMuch(FaultyBot):
    """Blocks whoever writes ten messages."""

    caught_by = "test_it_reacts_to_each_of_many"
    count = 0

    async def answer(self, app, event):
        await super().answer(app, event)
        self.count += 1
        if self.count == 10:
            await app.contacts.block(event.message.author)
