"""A chat that tests type into."""

# A prompt has no other way to show what stands in it.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from balchat_ui_cli.chat.chat import Chat
from balchat_ui_cli.output import Output, spans
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.peer import Peer


@dataclass
class Room:
    """A chat that goes on."""

    chat: Chat
    keys: PipeInput
    scrollback: StringIO

    def type(self, text: str) -> None:
        self.keys.send_text(text)

    def lose_terminal(self) -> None:
        """Have nothing be written to the terminal any more."""

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        self.chat._screen._session.app.renderer.erase = fail

    @property
    def above(self) -> str:
        """What stands between the scrollback and the prompt."""
        return "\n".join("".join(span.text for span in spans(line)) for line in self.chat._pending())

    @property
    def line(self) -> str:
        """What is being typed."""
        return self.chat._screen._session.default_buffer.text

    @property
    def prompt(self) -> str:
        """What stands before the line."""
        return "\n" + self.chat._screen._above().value

    @property
    def shown(self) -> str:
        return self.scrollback.getvalue()

    async def until(self, condition: Callable[[], object]) -> None:
        with anyio.fail_after(30):
            while not condition():
                await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def chatting(alice: MemoryAccount, bob: Peer) -> AsyncGenerator[Room, None]:
    scrollback = StringIO()
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        out = Output(as_json=False, stdout=scrollback, stderr=scrollback, environment={})
        chat = Chat(alice.app, out, await alice.app.conversations.get(bob.name))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chat.run)
            room = Room(chat, keys, scrollback)
            await room.until(lambda: chat._screen._session.app.is_running)
            yield room
            keys.send_text("\x04")
