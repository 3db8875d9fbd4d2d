"""`balchat chat --json`: a conversation for a program, one JSON value a line in both directions."""

import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from balchat_host.api.errors import BadInput, BalchatError, ConnectionLost
from balchat_host.api.events import ContactChanged, Event, MessageAdded, MessageStateChanged
from balchat_host.api.frontend import MAX_TEXT_SIZE, App
from balchat_host.api.views import ContactView
from balchat_ui_cli.output import Output
from balchat_ui_cli.session import following

# Each character of a text may be spelt with six in JSON, and the line has two short fields besides.
MAX_LINE_SIZE = 6 * MAX_TEXT_SIZE + 1024
_CHUNK = 65536


class ChatLines:
    """One run of `balchat chat --json`."""

    def __init__(self, app: App, out: Output, contact: ContactView) -> None:
        self._app = app
        self._out = out
        self._contact = contact
        self._dealt_with = 0
        """The cursor of the last event that was printed or is none of ours."""
        self._progress = anyio.Condition()

    async def run(self) -> None:
        """Print what happens and send what is read, until the input ends and what it brought about is printed."""
        self._dealt_with = await self._app.cursor()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._print_events, self._dealt_with)
            async for line in _lines_of(sys.stdin.fileno()):
                await self._send(line)
            last = await self._app.cursor()
            async with self._progress:
                while self._dealt_with < last:
                    await self._progress.wait()
            tasks.cancel_scope.cancel()

    async def _send(self, line: bytes) -> None:
        try:
            text, reply_to = _message(line)
            await self._app.send(self._contact.peer_id, text, reply_to)
        except ConnectionLost:
            raise
        except BalchatError as error:
            self._out.error(error)

    async def _print_events(self, after: int) -> None:
        async with following(self._app.events(after=after)) as events:
            async for event in events:
                if _conversation(event) == self._contact.conversation:
                    await self._out.patiently(self._out.value, event, list)
                    if isinstance(event, MessageAdded) and event.message.author is not None:
                        await self._app.mark_read(self._contact.peer_id, event.message.id)
                async with self._progress:
                    self._dealt_with = event.cursor
                    self._progress.notify_all()


def _conversation(event: Event) -> str | None:
    match event:
        case MessageAdded(message=message):
            return message.conversation
        case MessageStateChanged(conversation=conversation):
            return conversation
        case ContactChanged(contact=contact):
            return contact.conversation
        case _:
            return None


def _message(line: bytes) -> tuple[str, str | None]:
    """Read one line of input: the text, and the id of what it answers."""
    problem = 'a line is {"text": "…", "reply_to": null or an id}'
    try:
        value: object = json.loads(line)
    except ValueError as error:
        raise BadInput(what="The input", problem=problem) from error
    if not isinstance(value, dict):
        raise BadInput(what="The input", problem=problem)
    fields = cast(dict[str, Any], value)
    text, reply_to = fields.get("text"), fields.get("reply_to")
    if not isinstance(text, str) or not isinstance(reply_to, str | None) or fields.keys() - {"text", "reply_to"}:
        raise BadInput(what="The input", problem=problem)
    return text, reply_to


async def _lines_of(descriptor: int) -> AsyncIterator[bytes]:
    """Read lines as they come. Raises BadInput for one that is longer than any message."""
    rest = b""
    while True:
        try:
            await anyio.wait_readable(descriptor)
        except PermissionError:
            # An ordinary file: it cannot be waited for, and need not be.
            await anyio.lowlevel.checkpoint()
        chunk = await anyio.to_thread.run_sync(os.read, descriptor, _CHUNK)
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_SIZE:
            raise BadInput(what="The input", problem=f"a line is longer than {MAX_LINE_SIZE} octets")
        for line in lines:
            yield line
        if not chunk:
            if rest:
                yield rest
            return
