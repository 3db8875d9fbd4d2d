"""Faults of bots: how they start, serve and end, and what they leave behind."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
import time
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

import anyio
from anyio import from_thread, to_thread

from balchat_host.api.events import MessageAdded
from balchat_host.testing.front_end_kit import FrontEndCapabilities
from tests.kits.bot import ONCE, SERVES, SUBSCRIBER, FaultyBot, leave


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


class EndsTheAccount(FaultyBot):
    """Ends the account when it ends."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        try:
            await super().run(app, task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await app.account.shut_down()


class EndsLate(FaultyBot):
    """Goes on for half a minute when it is cancelled."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        try:
            await super().run(app, task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)


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
        leave(asyncio.get_running_loop().create_task(anyio.sleep_forever()))
        await super().run(app, task_status=task_status)


class LeavesAThread(FaultyBot):
    """Leaves a thread behind."""

    caught_by = SERVES
    audited = True

    async def run(self, app, *, task_status):
        end = threading.Event()
        leave(end)
        threading.Thread(target=end.wait).start()
        await super().run(app, task_status=task_status)


class KeepsAFile(FaultyBot):
    """Keeps what it knows in a file, where nobody expects one."""

    caught_by = SERVES
    audited = True

    async def handle(self, app, event):
        path = Path(tempfile.gettempdir()) / f"balchat-bot-{id(self)}"
        leave(path)
        await anyio.to_thread.run_sync(path.touch)
        await super().handle(app, event)


class ReadsPrivateNames(FaultyBot):
    """Reads what is the host's own of the App."""

    caught_by = SERVES

    async def handle(self, app, event):
        assert app._app is not None
        await super().handle(app, event)


class StartsWhenSomethingHappens(FaultyBot):
    """Calls `task_status.started()` when the first message comes."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        async for event in app.events.follow(subscriber=SUBSCRIBER):
            if isinstance(event, MessageAdded):
                break
        await super().run(app, task_status=task_status)


class StartsBeforeItListens(FaultyBot):
    """Calls `task_status.started()` a second before it follows anything, and misses what comes in it."""

    caught_by = ONCE
    capabilities = FrontEndCapabilities(remembers=False, attends=True)
    subscriber = None

    async def run(self, app, *, task_status):
        task_status.started()
        await anyio.sleep(1)
        await self.follow(app)


class AsksWithoutEnd(FaultyBot):
    """Asks again and again for what has changed, without waiting."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.ask, app)
            await super().run(app, task_status=task_status)

    async def ask(self, app):
        while True:
            await app.events.cursor()


class FollowsWithoutEnd(FaultyBot):
    """Begins to follow again and again, without waiting."""

    caught_by = SERVES

    async def run(self, app, *, task_status):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.begin, app)
            await super().run(app, task_status=task_status)

    async def begin(self, app):
        while True:
            async with aclosing(app.events.follow(after=0)) as events:
                async for _ in events:
                    break
            await anyio.lowlevel.checkpoint()


class AsksNowAndThen(FaultyBot):
    """Looks every ten seconds whether there is something new, and follows nothing."""

    caught_by = "test_it_waits_for_what_happens_and_does_not_ask_for_it"

    async def run(self, app, *, task_status):
        task_status.started()
        while True:
            await app.events.cursor()
            await anyio.sleep(10)


class LeavesASocket(FaultyBot):
    """Leaves a socket open when it has ended."""

    caught_by = SERVES
    audited = True

    async def run(self, app, *, task_status):
        leave(socket.socket())
        await super().run(app, task_status=task_status)


class AbandonsAThread(FaultyBot):
    """Abandons what it does in a worker thread, which goes on."""

    caught_by = SERVES
    audited = True
    tells = "work that goes on in a worker thread"

    async def run(self, app, *, task_status):
        begun, end = anyio.Event(), threading.Event()
        leave(end)

        def work():
            from_thread.run_sync(begun.set)
            end.wait()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(to_thread.run_sync, work, abandon_on_cancel=True))
            await begun.wait()
            tasks.cancel_scope.cancel()
        await super().run(app, task_status=task_status)


class ChangesTheEnvironment(FaultyBot):
    """Keeps state in the environment, which is everybody's."""

    caught_by = SERVES
    audited = True
    tells = "BALCHAT_BOT"

    async def run(self, app, *, task_status):
        os.environ["BALCHAT_BOT"] = "runs"
        await super().run(app, task_status=task_status)


class KeepsInItsClass(FaultyBot):
    """Keeps in its class what it has answered, and answers all of it again in the next process."""

    caught_by = ONCE
    answered: ClassVar[set[str]] = set()

    async def done(self, app, event):
        pass

    async def answer(self, app, event):
        leave(self.answered)
        if event.message.id not in self.answered:
            self.answered.add(event.message.id)
            await super().answer(app, event)


class ReadsPrivateNamesOfAnArea(FaultyBot):
    """Reads what is the host's own of an area of the App, and hides what that raises."""

    caught_by = SERVES

    async def handle(self, app, event):
        with suppress(AssertionError):
            assert app.messages._runner is not None
        await super().handle(app, event)


class EndsLateWhileItWorks(FaultyBot):
    """Goes on for half a minute when it is cancelled in the middle of an answer."""

    caught_by = "test_it_ends_while_it_works"

    async def answer(self, app, event):
        try:
            await super().answer(app, event)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)
            raise


class StartsOnce(FaultyBot):
    """Leaves a file behind by which it takes itself for running, and does not start again."""

    caught_by = "test_several_starts_leave_nothing_behind"
    keeps_files = True

    async def run(self, app, *, task_status):
        (self.context.runtime_directory / "lock").touch(mode=0o600, exist_ok=False)
        await super().run(app, task_status=task_status)
