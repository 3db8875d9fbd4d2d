"""`listen --exec COMMAND`: a command for each event, one after the other; its exit code 0 says that it is handled.

The command gets the event as JSON on its standard input, and in its environment only what holds no contents. It runs in
a session of its own, so that a signal reaches it when we pass one on, and never by chance before.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import CommandFailed
from balchat_host.api.events import Event
from balchat_host.api.frontend import App
from balchat_ui_cli.output import Output, to_json

BACKOFF: Final = Backoff(first=1.0, longest=60.0)
"""Seconds between two tries: each pause is twice the one before, up to the longest."""
_GRACE: Final = 10.0
"""Seconds that a command has to end when we are told to."""


class Executing:
    """One run of `listen --exec`, for the reader called `subscriber`. `tries` is 0 where it never gives up."""

    def __init__(
        self,
        app: App,
        out: Output,
        subscriber: str,
        *,
        command: str,
        profile: Path,
        tries: int,
    ) -> None:
        self._app = app
        self._out = out
        self._subscriber = subscriber
        self._command = command
        self._profile = profile
        self._tries = tries

    async def run(self, events: AsyncIterator[Event], count: int | None) -> None:
        """Handle events until there were `count`. Raise CommandFailed."""
        handled = 0
        async for event in events:
            await self._handle(event)
            handled += 1
            if handled == count:
                return

    async def _handle(self, event: Event) -> None:
        """Run the command until it succeeds. Raise CommandFailed when that was tried often enough."""
        attempt = 0
        while True:
            attempt += 1
            how = await self._try(event, attempt)
            if how is None:
                return
            if attempt == self._tries:
                raise CommandFailed(cursor=event.cursor, tries=attempt, how=how)
            pause = BACKOFF.delay(attempt)
            again = f"it is tried again in {pause:g} s"
            self._out.warn("command-failed", f"The command for the event {event.cursor} {how}; {again}.")
            await anyio.sleep(pause)

    async def _try(self, event: Event, attempt: int) -> str | None:
        """Run the command once, and acknowledge the event where it succeeds; return how it ended where it does not."""
        environment = {
            **os.environ,
            "BALCHAT_PROFILE": str(self._profile),
            "BALCHAT_EVENT": event.type,
            "BALCHAT_CURSOR": str(event.cursor),
            "BALCHAT_TRY": str(attempt),
        }
        try:
            process = await anyio.open_process(
                ["/bin/sh", "-c", self._command], stdout=None, stderr=None, env=environment, start_new_session=True
            )
        except OSError as error:
            return f"could not be started ({error.strerror})"
        try:
            code = await _outcome(process, to_json(event).encode() + b"\n")
        except anyio.get_cancelled_exc_class():
            # What it has done by now counts, so that it is not done twice.
            with anyio.CancelScope(shield=True):
                if await _end(process) == 0:
                    await self._app.events.acknowledge(self._subscriber, event.cursor)
            raise
        if code != 0:
            return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        with anyio.CancelScope(shield=True):
            await self._app.events.acknowledge(self._subscriber, event.cursor)
        return None


async def _outcome(process: Process, said: bytes) -> int:
    """Say to a command what it is for, which it need not read, and return its exit code."""
    assert process.stdin
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.send(said)
    await process.stdin.aclose()
    return await process.wait()


async def _end(process: Process) -> int:
    """Have a command and what it has started end, first kindly; return its exit code."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with anyio.move_on_after(_GRACE):
            return await process.wait()
    return await process.wait()
