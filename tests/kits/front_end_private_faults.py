"""Faults of bots: what they tell of people, and where they go past the App."""

from __future__ import annotations

import logging
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


FAULTS = [fault for fault in FaultyBot.__subclasses__() if fault.__module__ == __name__]
