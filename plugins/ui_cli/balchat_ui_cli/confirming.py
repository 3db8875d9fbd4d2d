"""`listen --confirm`: events go out, and come back as handled by their cursors, one a line on standard input.

Until a cursor has come back, its event counts as not handled, whatever was written: it may be in a pipe, or in a
program that has just died. What is not confirmed is printed again the next time.
"""

import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import anyio

from balchat_host.api.errors import BalchatError, ConnectionLost, OutputUnwritable
from balchat_host.api.events import Event
from balchat_host.api.frontend import App
from balchat_ui_cli.input_lines import InputLine, input_lines
from balchat_ui_cli.output import Lines, Output

_LONGEST: Final = 100
"""Octets of the longest line that can hold a cursor, with room for blanks."""
_DIGITS: Final = 18
"""Digits of the longest cursor: any such number fits the vault's integers."""


class Confirming:
    """One run of `listen --confirm`, for the reader called `subscriber`."""

    def __init__(self, app: App, out: Output, subscriber: str) -> None:
        self._app = app
        self._out = out
        self._subscriber = subscriber
        self._confirmed = 0
        """The newest cursor that came back."""
        self._last: int | None = None
        """The cursor of the last event that is to be printed, once it was."""
        self._printed_all = anyio.Event()
        self._scope = anyio.CancelScope()

    async def run(self, events: AsyncIterator[tuple[Event, Lines]], count: int | None) -> None:
        """Print events and take confirmations, until the input ends.

        With `count`, until as many events were printed, and the last one was confirmed or the input has ended.
        """
        with self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._print, events, count)
                await self._take_confirmations()
                if count is not None:
                    await self._printed_all.wait()
                tasks.cancel_scope.cancel()

    async def _print(self, events: AsyncIterator[tuple[Event, Lines]], count: int | None) -> None:
        printed = 0
        async for event, lines in events:
            try:
                await self._out.patiently(partial(self._out.value, event, lines))
            except OutputUnwritable as error:
                raise OutputUnwritable(problem=error.fields["problem"], done=self._done()) from None
            printed += 1
            if printed == count:
                self._last = event.cursor
                self._printed_all.set()
                self._leave_if_done()
                return

    def _done(self) -> str:
        return f"Events up to {self._confirmed} are confirmed." if self._confirmed else "No event was confirmed."

    async def _take_confirmations(self) -> None:
        async for line in input_lines(sys.stdin.fileno(), _LONGEST):
            try:
                cursor = _cursor(line)
                await self._app.events.acknowledge(self._subscriber, cursor)
            except ConnectionLost:
                raise
            except BalchatError as error:
                self._out.error(error, line=line.number)
            else:
                self._confirmed = max(self._confirmed, cursor)
                self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._last is not None and self._confirmed >= self._last:
            self._scope.cancel()


def _cursor(line: InputLine) -> int:
    """Read a cursor. Raise BadInput, also for the half of a line, which may be the beginning of another number."""
    if line.octets is None:
        raise line.error("it is too long for a cursor")
    text = line.octets.strip()
    if not line.whole:
        raise line.error("it has no end, so it was not taken: what wrote it may have been cut short")
    if not text.isdigit() or len(text) > _DIGITS:
        raise line.error("it is not a cursor, which is the number that an event has")
    return int(text)
