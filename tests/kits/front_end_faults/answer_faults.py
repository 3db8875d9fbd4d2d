"""Faults of bots: what they do about a message, and what they show."""

from __future__ import annotations

import anyio

from balchat_host.api.events import MessageAdded, MessageChanged
from tests.kits.bot import ONCE, FaultyBot


class AnswersTwice(FaultyBot):
    """Answers a message when it comes and when it changes."""

    caught_by = ONCE

    async def answer(self, app, event):
        await super().answer(app, event)
        await super().answer(app, event)


class AnswersEverything(FaultyBot):
    """Answers what asks for nothing."""

    caught_by = ONCE

    def asks(self, event):
        return event.message.state == "received"


class AnswersItself(FaultyBot):
    """Answers what we have written."""

    caught_by = "test_it_does_not_react_to_what_we_write"

    def asks(self, event):
        return event.message.text == "ping"


class AnswersChanges(FaultyBot):
    """Answers a message again when something about it changes."""

    caught_by = "test_it_reacts_no_more_when_a_message_changes"

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageChanged) and self.asks(event):
            await self.answer(app, event)


class KnowsContactsOfItsStart(FaultyBot):
    """Answers nobody who became a contact after its start."""

    caught_by = "test_it_reacts_to_whoever_became_a_contact_while_it_runs"

    async def run(self, app, *, task_status):
        self.known = {contact.conversation for contact in await app.contacts.list()}
        await super().run(app, task_status=task_status)

    def asks(self, event):
        return super().asks(event) and event.message.conversation in self.known


class AttendsNothing(FaultyBot):
    """Does not say which conversation it shows."""

    caught_by = "test_it_attends_what_it_shows_while_it_runs"

    async def attend(self, app, conversation):
        pass


class AttendsTheFirst(FaultyBot):
    """Goes on saying that it shows the conversation that it has shown first."""

    caught_by = "test_it_attends_what_it_shows_while_it_runs"
    shown: str | None = None

    async def attend(self, app, conversation):
        self.shown = self.shown or conversation
        await super().attend(app, self.shown)


class GreetsAtItsStart(FaultyBot):
    """Writes to everybody when it starts."""

    caught_by = ONCE

    async def run(self, app, *, task_status):
        for contact in await app.contacts.list():
            await app.messages.send(contact.conversation, "I am here.")
        await super().run(app, task_status=task_status)


class DeletesWhatItAnswers(FaultyBot):
    """Deletes what it has answered."""

    caught_by = ONCE

    async def answer(self, app, event):
        await super().answer(app, event)
        await app.messages.delete(event.message.id)


class AnswersNotes(FaultyBot):
    """Answers what we have written to ourselves."""

    caught_by = "test_it_does_not_react_to_what_we_write"

    def asks(self, event):
        return event.message.text == "ping" and (event.message.author is not None or not event.message.recipients)


class AnswersWhoeverWroteLast(FaultyBot):
    """Answers in the conversation in which something was written last."""

    caught_by = "test_it_reacts_to_each_of_many"

    async def answer(self, app, event):
        newest = (await app.conversations.list())[0]
        await app.messages.send(newest.id, "pong")


class CopiesWhatItHears(FaultyBot):
    """Copies what people write into our notes."""

    caught_by = ONCE

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageAdded) and event.message.state == "received" and event.message.text:
            await app.messages.send("me", event.message.text)


class SaysGoodbye(FaultyBot):
    """Writes to everybody when it is cancelled."""

    caught_by = ONCE

    async def run(self, app, *, task_status):
        try:
            await super().run(app, task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                for contact in await app.contacts.list():
                    await app.messages.send(contact.conversation, "I am off.")
