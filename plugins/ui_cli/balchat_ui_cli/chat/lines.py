"""`balchat chat --json`: a conversation for a program, one JSON value a line in both directions.

That a message was printed does not make it read: the program says so, with a line of its own.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any, Final, cast

import anyio

from balchat_host.api.errors import BalchatError, ConnectionLost
from balchat_host.api.events import (
    ContactAlarm,
    ContactChanged,
    ConversationChanged,
    Event,
    MessageAdded,
    MessageChanged,
)
from balchat_host.api.following import following
from balchat_host.api.frontend import MAX_TEXT_SIZE, App
from balchat_host.api.views import ConversationView
from balchat_ui_cli.chat.commands import Say
from balchat_ui_cli.input_lines import InputLine, input_lines
from balchat_ui_cli.output import Output

# Each character of a text may be spelt with six in JSON, and the line has two short fields besides.
MAX_LINE_SIZE: Final = 6 * MAX_TEXT_SIZE + 1024
_PROBLEM: Final = 'it must be {"text": "…", "reply_to": null or an id}, or {"read": an id}; nothing was done with it'


@dataclass(frozen=True, slots=True)
class Read:
    """Mark the messages of the other side, up to this one, as read."""

    up_to: str


class ChatLines:
    """One run of `balchat chat --json`."""

    def __init__(self, app: App, out: Output, conversation: ConversationView) -> None:
        self._app = app
        self._out = out
        self._id = conversation.id
        self._dealt_with = 0
        """The cursor of the last event that was printed or is none of ours."""
        self._progress = anyio.Condition()
        self._lines = 0
        """How many lines of the input were read."""

    async def run(self) -> None:
        """Print what happens and send what is read, until the input ends and what it brought about is printed."""
        self._dealt_with = await self._app.events.cursor()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._print_events, self._dealt_with)
            async for line in input_lines(sys.stdin.fileno(), MAX_LINE_SIZE):
                await self._do(line)
            last = await self._app.events.cursor()
            async with self._progress:
                while self._dealt_with < last:
                    await self._progress.wait()
            tasks.cancel_scope.cancel()

    async def _do(self, line: InputLine) -> None:
        self._lines = line.number
        try:
            match _understand(line):
                case Say(text=text, reply_to=reply_to):
                    await self._app.messages.send(self._id, text, reply_to)
                case Read(up_to=up_to):
                    await self._app.conversations.mark_read(self._id, up_to)
        except ConnectionLost:
            raise
        except BalchatError as error:
            self._out.error(error, line=line.number)

    def _done(self) -> str | None:
        if not self._lines:
            return None
        return f"Standard input was read up to line {self._lines}; `balchat history` shows what was sent."

    async def _print_events(self, after: int) -> None:
        async with following(self._app.events.follow(after=after)) as events:
            async for event in events:
                if _conversation(event) == self._id:
                    with self._out.telling(self._done):
                        await self._out.patiently(self._out.value, event, list)
                async with self._progress:
                    self._dealt_with = event.cursor
                    self._progress.notify_all()


def _conversation(event: Event) -> str | None:
    match event:
        case MessageAdded(message=message) | MessageChanged(message=message):
            return message.conversation
        case ConversationChanged(conversation=view):
            return view.id
        case ContactChanged(contact=contact):
            return contact.conversation
        case ContactAlarm(conversation=conversation):
            return conversation
        case _:
            return None


def _understand(line: InputLine) -> Say | Read:
    """Read one line of input. Raise BadInput."""
    if line.octets is None:
        raise line.error(f"it is longer than {MAX_LINE_SIZE} octets, and so than any message; nothing was sent")
    try:
        value: object = json.loads(line.octets)
    except (ValueError, RecursionError) as error:
        raise line.error(_PROBLEM) from error
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    text, reply_to, read = fields.get("text"), fields.get("reply_to"), fields.get("read")
    if isinstance(read, str) and fields.keys() == {"read"}:
        return Read(read)
    if isinstance(text, str) and isinstance(reply_to, str | None) and fields.keys() <= {"text", "reply_to"}:
        return Say(text, reply_to)
    raise line.error(_PROBLEM)
