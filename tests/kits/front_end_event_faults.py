"""Faults of bots: how they follow events, and what they acknowledge."""

from __future__ import annotations

from contextlib import suppress

import anyio

from balchat_host.api.errors import BalchatError, ConnectionLost
from balchat_host.api.events import MessageAdded
from tests.kits.bot import ONCE, SUBSCRIBER, FaultyBot


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


class AcknowledgesTheNewest(FaultyBot):
    """Acknowledges more than it has dealt with."""

    caught_by = "test_what_it_was_killed_at_is_dealt_with_again"

    async def done(self, app, event):
        await app.events.acknowledge(SUBSCRIBER, await app.events.cursor())


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


class SkipsWhatABreakHeldUp(FaultyBot):
    """Goes on with the newest event when the connection was lost."""

    caught_by = "test_it_goes_on_after_a_lost_connection"

    async def follow(self, app):
        try:
            await super().follow(app)
        except ConnectionLost:
            await self.skip(app)


FAULTS = [fault for fault in FaultyBot.__subclasses__() if fault.__module__ == __name__]
