"""Faults of bots: what they tell of people, and where they go past the App."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import suppress

import anyio

from balchat_host.api.errors import BalchatError, StorageFull
from balchat_host.api.events import MessageAdded
from balchat_host.api.types import Phase, ServiceState
from tests.kits.bot import SERVES, FaultyBot

logger = logging.getLogger(__name__)

ERRORS = "test_an_error_of_the_app_ends_nothing_but_itself"


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


class LogsConversations(FaultyBot):
    """Logs in which conversation something was written."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            logger.info("in %s", event.message.conversation)
        await super().handle(app, event)


class TellsInItsState(FaultyBot):
    """Tells in its state who writes what."""

    caught_by = SERVES

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            self.context.on_state(ServiceState(phase=Phase.DEGRADED, reason=f"answering {event.message.text}"))
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


class PrintsTexts(FaultyBot):
    """Prints what people write."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            print(event.message.text)  # noqa: T201  # that is the fault
        await super().handle(app, event)


class WritesNamesToTheStandardError(FaultyBot):
    """Writes to the standard error who has written."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            sys.stderr.write(f"from {event.message.author}\n")
        await super().handle(app, event)


class WarnsOfTexts(FaultyBot):
    """Warns of what people write."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.warn(f"no prompt: {event.message.text}", stacklevel=1)
        await super().handle(app, event)


class NamesPeopleInErrors(FaultyBot):
    """Ends with an error whose text says with whom it was in a conversation."""

    caught_by = "test_an_error_of_the_app_ends_nothing_but_itself"
    audited = True
    tells = "an error's text"

    async def answer(self, app, event):
        try:
            await super().answer(app, event)
        except RuntimeError as error:
            raise RuntimeError(f"{event.message.author} has no answer") from error


class LogsTheBeginningOfIds(FaultyBot):
    """Logs the beginning of a conversation's id."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            logger.info("in %s", event.message.conversation[:8])
        await super().handle(app, event)


class TellsOtherPrograms(FaultyBot):
    """Starts a program with what people write among its arguments, which everybody on the machine can see."""

    caught_by = SERVES
    audited = True
    tells = "a program's arguments"

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            await anyio.run_process([sys.executable, "-S", "-c", "", str(event.message.text)])
        await super().handle(app, event)


class KeepsTexts(FaultyBot):
    """Keeps what people write in a file beside the vault."""

    caught_by = SERVES
    keeps_files = True

    async def handle(self, app, event):
        if isinstance(event, MessageAdded):
            file = self.context.profile / "heard.txt"
            file.touch(mode=0o600)
            file.write_text(str(event.message.text))
        await super().handle(app, event)


class KeepsATokenForEverybody(FaultyBot):
    """Keeps a token in a file that other users of the machine can read."""

    caught_by = SERVES
    keeps_files = True

    async def run(self, app, *, task_status):
        file = self.context.runtime_directory / "token"
        file.write_text("0" * 64)
        file.chmod(0o644)
        await super().run(app, task_status=task_status)


class HasASocketForEverybody(FaultyBot):
    """Listens at a socket in the file system that other users of the machine can use."""

    caught_by = SERVES
    keeps_files = True

    async def run(self, app, *, task_status):
        async with await anyio.create_unix_listener(self.context.runtime_directory / "bot", mode=0o666):
            await super().run(app, task_status=task_status)
