"""Faults of bots: how they start, serve and end, and what they leave behind."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import anyio

from tests.kits.bot import SERVES, SUBSCRIBER, FaultyBot, leave


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


FAULTS = [fault for fault in FaultyBot.__subclasses__() if fault.__module__ == __name__]
