"""Faults of bots: what they keep and tell past the vault under another name, and whom they pass over."""

from __future__ import annotations

import os
import shlex
import syslog
import threading
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import anyio

from balchat_host.api.errors import ContactBlocked, NoSuch, StorageFull
from balchat_host.api.events import MessageAdded, MessageChanged
from balchat_host.testing.front_end_kit import FrontEndCapabilities
from tests.kits.bot import ONCE, SUBSCRIBER, Bot, FaultyBot

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN: Final = "test_it_survives_whatever_people_write"
ERRORS: Final = "test_an_error_of_the_app_ends_nothing_but_itself"


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


class _Keeps(Bot):
    keeps_files = True
    caught_by = ONCE

    async def answer(self, app, event):
        await super().answer(app, event)
        await anyio.to_thread.run_sync(self.keep, self.context.profile, event.message)


class NamesFilesAfterPeople(_Keeps, FaultyBot):
    """Keeps something in a file that is called like who wrote."""

    def keep(self, folder, message):
        _write(folder / f"{message.author}.state", "1")


class NamesFoldersAfterPeople(_Keeps, FaultyBot):
    """Makes a folder that is called like who wrote."""

    def keep(self, folder, message):
        (folder / message.author).mkdir(mode=0o700, exist_ok=True)


class KeepsIdsInAFile(_Keeps, FaultyBot):
    """Keeps in a file of its own in which conversation it has answered."""

    def keep(self, folder, message):
        _write(folder / "answered", message.conversation)


class KeepsNamesInBase64(_Keeps, FaultyBot):
    """Keeps in a file who has written, in base64."""

    def keep(self, folder, message):
        _write(folder / "answered", b64encode(message.author.encode()).decode())


class AcknowledgesPastOthers(FaultyBot):
    """Works for each conversation in a task, which acknowledges its own events while others' are not dealt with."""

    caught_by = "test_what_waits_for_one_person_is_not_passed_over_by_another"

    async def run(self, app, *, task_status):
        async with anyio.create_task_group() as self.tasks:
            self.queues = {}
            try:
                await super().run(app, task_status=task_status)
            finally:
                for queue in self.queues.values():
                    queue.close()

    async def follow(self, app):
        async for event in app.events.follow(subscriber=SUBSCRIBER):
            whose = event.message.conversation if isinstance(event, MessageAdded) else None
            if whose not in self.queues:
                self.queues[whose], receive = anyio.create_memory_object_stream(100)
                self.tasks.start_soon(self.work, app, receive)
            await self.queues[whose].send(event)

    async def work(self, app, receive):
        async with receive:
            async for event in receive:
                await self.handle(app, event)
                await self.done(app, event)


class AnswersWhoIsBlocked(FaultyBot):
    """Unblocks whom it could not answer, for as long as the answer takes."""

    caught_by = "test_it_survives_senders_who_are_blocked_or_removed"

    async def answer(self, app, event):
        try:
            await super().answer(app, event)
        except ContactBlocked:
            await app.contacts.unblock(event.message.author)
            await super().answer(app, event)
            await app.contacts.block(event.message.author)


class MarksWhatItAnswers(FaultyBot):
    """Marks as read what it has answered, though it shows it to nobody."""

    caught_by = "test_it_marks_nothing_as_read_that_nobody_has_seen"
    capabilities = FrontEndCapabilities(attends=False)

    async def attend(self, app, conversation):
        with suppress(NoSuch):
            await app.conversations.mark_read(conversation)


class _Reads(Bot):
    caught_by = WRITTEN

    def asks(self, event):
        return event.message.state == "received" and bool(event.message.text) and self.reads(event.message.text)


class TakesTextsForCommands(_Reads, FaultyBot):
    """Takes what people write apart as a shell does, and ends of a quotation mark that nothing closes."""

    def reads(self, text):
        return shlex.split(text) == ["ping"]


class TakesTextsForAddresses(_Reads, FaultyBot):
    """Takes every text for the address of a page, and ends of what is none."""

    def reads(self, text):
        return urlsplit(text).path == "ping"


class TakesDigitsForNumbers(_Reads, FaultyBot):
    """Takes whatever has digits alone for a number, and ends of one that is none."""

    def reads(self, text):
        return text == "ping" or (text.isdigit() and int(text) < 0)


class LooksUpWhatWasAnswered(FaultyBot):
    """Looks up the message that another one answers, though it may be deleted here."""

    caught_by = "test_it_bears_whatever_becomes_of_messages_and_files"

    async def handle(self, app, event):
        if isinstance(event, MessageAdded) and event.message.in_reply_to is not None:
            await app.messages.get(event.message.in_reply_to)
        await super().handle(app, event)


class TellsTheSystemsLog(FaultyBot):
    """Writes to the system's log who has written."""

    caught_by = ONCE
    audited = True

    async def answer(self, app, event):
        await super().answer(app, event)
        await anyio.to_thread.run_sync(self.tell, event.message.author)

    @staticmethod
    def tell(name: str) -> None:
        with suppress(OSError):
            syslog.syslog(syslog.LOG_DEBUG, f"answered {name}")


class NamesTasksAfterPeople(FaultyBot):
    """Has a task for each person, with their name."""

    caught_by = ONCE
    audited = True
    tells = "a task's name"

    async def run(self, app, *, task_status):
        async with anyio.create_task_group() as tasks:
            for contact in await app.contacts.list():
                tasks.start_soon(anyio.sleep_forever, name=f"for {contact.name}")
            await super().run(app, task_status=task_status)


class NamesThreadsAfterPeople(FaultyBot):
    """Has a thread for a moment that is called like who wrote."""

    caught_by = ONCE
    audited = True

    async def answer(self, app, event):
        await super().answer(app, event)
        await anyio.to_thread.run_sync(self.work, event.message.author)

    @staticmethod
    def work(name: str) -> None:
        thread = threading.Thread(target=int, name=f"for {name}")
        thread.start()
        thread.join()


class AnswersEdits(FaultyBot):
    """Answers a message once more that is edited into what asks for an answer."""

    caught_by = "test_it_reacts_no_more_when_a_message_changes"

    async def handle(self, app, event):
        await super().handle(app, event)
        if isinstance(event, MessageChanged) and "text" in event.changed and self.asks(event):
            await self.answer(app, event)


class RaisesFromAName(FaultyBot):
    """Ends with an error that was raised from one whose text says who has written."""

    caught_by = ERRORS
    audited = True
    tells = "an error's text"

    async def answer(self, app, event):
        try:
            await super().answer(app, event)
        except StorageFull:
            raise RuntimeError("it cannot be answered") from ValueError(event.message.author)
