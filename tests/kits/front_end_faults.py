"""Faults for the small bot."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import anyio

from balchat_host.api.errors import BalchatError, ConnectionLost, CursorTooOld, StorageFull
from balchat_host.api.events import MessageAdded, MessageChanged
from balchat_host.api.types import Phase, ServiceState
from balchat_host.testing.front_end_kit import FrontEndCapabilities
from tests.kits.bot import SUBSCRIBER, Bot

logger = logging.getLogger(__name__)

SERVES = "test_it_starts_and_serves_until_it_is_cancelled"
ONCE = "test_it_reacts_to_a_message_once"
ERRORS = "test_an_error_of_the_app_ends_nothing_but_itself"
UNKNOWN = "test_it_passes_over_events_and_fields_that_it_does_not_know"
GONE = "test_it_survives_senders_who_are_blocked_or_removed"


class FaultyBot(Bot):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    ended: ClassVar[list[object]] = []
    """What the audit's faults leave behind, for the test to end."""


class NeverStarts(FaultyBot):
    """Never calls `task_status.started()`."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        await anyio.sleep_forever()


class ReturnsAtOnce(FaultyBot):
    """Returns when there is nothing to do."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        task_status.started()


class ReturnsAfterOne(FaultyBot):
    """Returns when it has dealt with an event."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        task_status.started()
        async for event in app.events.follow(subscriber=SUBSCRIBER):
            await self.done(app, event)
            return


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


class EndsWhenEventsAreGone(FaultyBot):
    """Ends of events that are no longer kept, again and again."""

    caught_by = "test_it_goes_on_when_events_are_gone"

    async def run(self, app, *, task_status):
        task_status.started()
        await self.follow(app)


class WaitsWhenEventsAreGone(FaultyBot):
    """Hears nothing any more when events are no longer kept."""

    caught_by = "test_it_goes_on_when_events_are_gone"

    async def skip(self, app):
        await anyio.sleep_forever()


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


class StopsWithoutAConnection(FaultyBot):
    """Hears nothing any more when the connection was lost."""

    caught_by = "test_it_goes_on_after_a_lost_connection"

    async def follow(self, app):
        with suppress(BalchatError):
            await super().follow(app)
        await anyio.sleep_forever()


class AcknowledgesFirst(FaultyBot):
    """Acknowledges an event before it has dealt with it."""

    caught_by = "test_what_it_was_killed_at_is_dealt_with_again"

    async def handle(self, app, event):
        await self.done(app, event)
        await super().handle(app, event)


class NeverAcknowledges(FaultyBot):
    """Acknowledges nothing, and answers everything again at each start."""

    caught_by = ONCE

    async def done(self, app, event):
        pass


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


class ForgetsWhatCameMeanwhile(FaultyBot):
    """Hears of nothing that came while it was away."""

    caught_by = "test_it_reacts_to_what_came_while_it_was_away"
    subscriber = None


class LosesSome(FaultyBot):
    """Lets the newest message take the place of one that waits."""

    caught_by = "test_it_reacts_to_each_of_many"

    async def follow(self, app):
        newest = {}

        async def work():
            while True:
                await anyio.wait_all_tasks_blocked()
                for event in [newest.pop(name) for name in list(newest)]:
                    await self.handle(app, event)
                await anyio.sleep(1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            async for event in app.events.follow(subscriber=SUBSCRIBER):
                if isinstance(event, MessageAdded) and self.asks(event):
                    newest[event.message.conversation] = event
                await self.done(app, event)


class EndsTheAccount(FaultyBot):
    """Ends the account when it ends."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        try:
            await super().run(app, task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await app.account.shut_down()


class AttendsNothing(FaultyBot):
    """Does not say which conversation it shows."""

    caught_by = "test_it_attends_what_it_shows_while_it_runs"

    async def attend(self, app, conversation):
        pass


class ReadsForOthers(FaultyBot):
    """Marks everything as read, though nobody has seen it."""

    caught_by = "test_it_marks_nothing_as_read_that_nobody_has_seen"
    capabilities = FrontEndCapabilities()

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageAdded):
            await app.conversations.mark_read(event.message.conversation, event.message.id)


class LogsTexts(FaultyBot):
    """Logs what people write."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        logger.info("handling %s", event)
        await super().handle(app, event)


class LogsNames(FaultyBot):
    """Logs who writes."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        for contact in await app.contacts.list():
            logger.debug("known: %s", contact.name)
        await super().handle(app, event)


class Blocks(FaultyBot):
    """Blocks the event loop."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        with suppress(Exception):
            time.sleep(0.001)  # noqa: ASYNC251  # that is the fault
        await super().handle(app, event)


class LeavesATask(FaultyBot):
    """Leaves a task behind."""

    caught_by = SERVES
    audited = True

    async def run(self, app, *, task_status):
        self.ended.append(asyncio.get_running_loop().create_task(anyio.sleep_forever()))
        await super().run(app, task_status=task_status)


class LeavesAThread(FaultyBot):
    """Leaves a thread behind."""

    caught_by = SERVES
    audited = True

    async def run(self, app, *, task_status):
        end = threading.Event()
        self.ended.append(end)
        threading.Thread(target=end.wait).start()
        await super().run(app, task_status=task_status)


class KeepsAFile(FaultyBot):
    """Keeps what it knows in a file, where nobody expects one."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        path = Path(tempfile.gettempdir()) / f"balchat-bot-{id(self)}"
        self.ended.append(path)
        await anyio.to_thread.run_sync(path.touch)
        await super().handle(app, event)


class LogsStrangers(FaultyBot):
    """Logs who asks for contact."""

    caught_by = "test_it_starts_without_a_network_and_without_contacts"
    audited = True

    async def handle(self, app, event):
        for request in await app.requests.list():
            logger.info("asked by %s", request.name)
        await super().handle(app, event)


class LogsErrors(FaultyBot):
    """Logs the words of an error, which tell of people."""

    caught_by = ERRORS
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded) and self.asks(event):
            try:
                await self.answer(app, event)
            except BalchatError as error:
                logger.warning("not sent: %s", error)
                if isinstance(error, StorageFull):
                    raise


class ReadsAllAgain(FaultyBot):
    """Reads all events again when the connection was lost, and answers them again."""

    caught_by = "test_it_goes_on_after_a_lost_connection"

    async def follow(self, app):
        try:
            await super().follow(app)
        except ConnectionLost:
            async for event in app.events.follow(after=0):
                await self.handle(app, event)
                await self.done(app, event)


class AttendsTheFirst(FaultyBot):
    """Goes on saying that it shows the conversation that it has shown first."""

    caught_by = "test_it_attends_what_it_shows_while_it_runs"
    shown: str | None = None

    async def attend(self, app, conversation):
        self.shown = self.shown or conversation
        await super().attend(app, self.shown)


class AnswersChanges(FaultyBot):
    """Answers a message again when something about it changes."""

    caught_by = "test_it_reacts_no_more_when_a_message_changes"

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageChanged) and self.asks(event):
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


class AcknowledgesTheNewest(FaultyBot):
    """Acknowledges more than it has dealt with."""

    caught_by = "test_what_it_was_killed_at_is_dealt_with_again"

    async def done(self, app, event):
        await app.events.acknowledge(SUBSCRIBER, await app.events.cursor())


class TakesDrafts(FaultyBot):
    """Writes over what a person has begun to write."""

    caught_by = "test_it_bears_everything_else_that_happens"

    async def answer(self, app, event):
        await super().answer(app, event)
        await app.conversations.draft(event.message.conversation, "")


class EndsLate(FaultyBot):
    """Goes on for half a minute when it is cancelled."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        try:
            await super().run(app, task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)


class LogsConversations(FaultyBot):
    """Logs in which conversation something was written."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            logger.info("in %s", event.message.conversation)
        await super().handle(app, event)


class ListensToEverybody(FaultyBot):
    """Listens at a port that others can reach."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        async with await anyio.create_tcp_listener(local_host="0.0.0.0"):  # that is the fault
            await super().run(app, task_status=task_status)


class LooksForUpdates(FaultyBot):
    """Asks somebody on the internet for something, and hides it."""

    caught_by = SERVES

    async def handle(self, app, event):
        with suppress(OSError):
            await anyio.getaddrinfo("updates.invalid", 443)
        await super().handle(app, event)


class ReadsPrivateNames(FaultyBot):
    """Reads what is the host's own of the App."""

    caught_by = SERVES

    async def handle(self, app, event):
        assert app._app is not None
        await super().handle(app, event)


class TellsInItsState(FaultyBot):
    """Tells in its state who writes what."""

    caught_by = SERVES

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            self.context.on_state(ServiceState(phase=Phase.DEGRADED, reason=f"answering {event.message.text}"))
        await super().handle(app, event)


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


class KnowsContactsOfItsStart(FaultyBot):
    """Answers nobody who became a contact after its start."""

    caught_by = "test_it_reacts_to_whoever_became_a_contact_while_it_runs"

    async def run(self, app, *, task_status):
        self.known = {contact.conversation for contact in await app.contacts.list()}
        await super().run(app, task_status=task_status)

    def asks(self, event):
        return super().asks(event) and event.message.conversation in self.known


class SkipsWhatABreakHeldUp(FaultyBot):
    """Goes on with the newest event when the connection was lost."""

    caught_by = "test_it_goes_on_after_a_lost_connection"

    async def follow(self, app):
        try:
            await super().follow(app)
        except ConnectionLost:
            await self.skip(app)


class ForgetsWhatFoundNoRoom(FaultyBot):
    """Forgets what it could not answer because the disk was full."""

    caught_by = ERRORS

    async def handle(self, app, event):
        with suppress(StorageFull):
            await super().handle(app, event)


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


FAULTS = list(FaultyBot.__subclasses__())
