"""Faults of bots: how they follow events, and what they acknowledge."""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress

import anyio

from balchat_host.api.errors import BalchatError, ConnectionLost
from balchat_host.api.events import MessageAdded
from tests.kits.bot import ONCE, SUBSCRIBER, FaultyBot

KILLED = "test_what_it_was_killed_at_is_dealt_with_again"


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

    caught_by = KILLED

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

    caught_by = KILLED

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


class AcknowledgesAtItsEnd(FaultyBot):
    """Acknowledges when it ends, and so nothing where it is killed."""

    caught_by = KILLED
    newest = None

    async def done(self, app, event):
        self.newest = event

    async def run(self, app, *, task_status):
        try:
            await super().run(app, task_status=task_status)
        finally:
            if self.newest is not None:
                with anyio.CancelScope(shield=True):
                    await super().done(app, self.newest)


class AcknowledgesSeldom(FaultyBot):
    """Acknowledges every tenth event."""

    caught_by = KILLED
    count = 0

    async def done(self, app, event):
        self.count += 1
        if self.count % 10 == 0:
            await super().done(app, event)


class AcknowledgesTheOneBefore(FaultyBot):
    """Acknowledges up to the event before the one that it has dealt with."""

    caught_by = KILLED

    async def done(self, app, event):
        await app.events.acknowledge(SUBSCRIBER, event.cursor - 1)


class AcknowledgesAsSomebodyElse(FaultyBot):
    """Acknowledges under another name than that under which it follows."""

    caught_by = ONCE

    async def done(self, app, event):
        await app.events.acknowledge("bot-2", event.cursor)


class DealsWithEachInATask(FaultyBot):
    """Deals with each event in a task, which acknowledges it while earlier ones are still to be dealt with."""

    caught_by = KILLED

    async def follow(self, app):
        async with anyio.create_task_group() as tasks:
            async for event in app.events.follow(subscriber=SUBSCRIBER):
                tasks.start_soon(self.deal, app, event)

    async def deal(self, app, event):
        await self.handle(app, event)
        await self.done(app, event)


class DealsWithTheNewestFirst(FaultyBot):
    """Deals first with what came last."""

    caught_by = "test_it_reacts_to_each_of_many"

    async def follow(self, app):
        waiting = []

        async def work():
            while True:
                await anyio.wait_all_tasks_blocked()
                while waiting:
                    await self.handle(app, waiting.pop())
                await anyio.sleep(1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            async for event in app.events.follow(subscriber=SUBSCRIBER):
                waiting.append(event)
                await self.done(app, event)


class HasAQueue(FaultyBot):
    """Keeps events that wait in a queue without an end, however slowly it works."""

    caught_by = "test_it_takes_no_more_than_it_can_hold"
    room: float = math.inf

    async def follow(self, app):
        put, take = anyio.create_memory_object_stream(self.room)

        async def work():
            async for event in take:
                await self.handle(app, event)
                await self.done(app, event)

        async with put, take, anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            async for event in app.events.follow(subscriber=SUBSCRIBER):
                with suppress(anyio.WouldBlock):
                    put.send_nowait(event)


class DropsTheNewest(HasAQueue, FaultyBot):
    """Drops what comes where its queue is full."""

    caught_by = "test_it_loses_nothing_while_it_is_busy"
    room = 100


class DropsTheOldest(FaultyBot):
    """Drops what has waited longest where much comes."""

    caught_by = "test_it_loses_nothing_while_it_is_busy"

    async def follow(self, app):
        waiting = deque(maxlen=100)
        more = anyio.Event()

        async def work():
            nonlocal more
            while True:
                await more.wait()
                more = anyio.Event()
                while waiting:
                    event = waiting.popleft()
                    await self.handle(app, event)
                    await self.done(app, event)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            async for event in app.events.follow(subscriber=SUBSCRIBER):
                waiting.append(event)
                more.set()


class AnswersTheHistoryAgain(FaultyBot):
    """Goes through the history where events are no longer kept, and answers all of it again."""

    caught_by = "test_it_goes_on_when_events_are_gone"

    async def skip(self, app):
        await super().skip(app)
        for conversation in await app.conversations.list():
            for message in await app.messages.history(conversation.id):
                if message.state == "received" and message.text == "ping":
                    await app.messages.send(message.conversation, "pong")
