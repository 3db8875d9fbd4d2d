"""The terminal side of a chat: scrollback above, our unsettled messages and a prompt below, a bar at the bottom.

What is written to the scrollback goes through `Output`; what is redrawn goes through prompt_toolkit, painted by
`Output` as well, so that both are harmless. What was typed before is not kept on disk.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from anyio.abc import TaskStatus
from prompt_toolkit import PromptSession
from prompt_toolkit.application.run_in_terminal import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style as PromptStyle

from balchat_host.api.text import visible
from balchat_ui_cli.chat.commands import NAMES, OF_MESSAGES
from balchat_ui_cli.output import Line, Output

_PENDING_ROWS = 6
"""Rows that unsettled messages take at most; the newest are shown."""

Editable = Callable[[], tuple[str, str] | None]
"""Gives the message that can be edited, if there is one: the beginning of its id, and its text."""


class Completed(Protocol):
    """What Tab completes."""

    @property
    def answerable(self) -> Iterable[tuple[str, str]]:
        """What can be answered: the beginning of each message's id, and how the message begins."""
        ...

    @property
    def members(self) -> Iterable[str]:
        """Names of who can be mentioned."""
        ...


class Screen:
    """A prompt that goes on until it is left. `typed` gets each line that is entered."""

    def __init__(
        self,
        out: Output,
        *,
        typed: Callable[[str], None],
        pending: Callable[[], Sequence[Line]],
        bar: Callable[[], Line],
        completed: Completed,
        editable: Editable,
    ) -> None:
        self._typed = typed
        self._editable = editable
        self._editing: tuple[str, str] | None = None
        """The message that the line is about to change, and its text so far."""
        self._out = out
        self._pending = pending
        self._bar = bar
        self._session: PromptSession[str] = PromptSession(
            message=self._above,
            bottom_toolbar=self._below,
            completer=_ChatCompleter(completed),
            complete_while_typing=False,
            key_bindings=self._keys(),
            multiline=True,
            prompt_continuation="  ",
            erase_when_done=True,
            style=PromptStyle.from_dict({"bottom-toolbar": "noreverse"}),
            color_depth=None if out.colour else ColorDepth.DEPTH_1_BIT,
        )
        self._session.default_buffer.on_text_changed += self._on_text_changed

    async def run(self, begun: str, *, task_status: TaskStatus[None]) -> None:
        """Show the prompt, `begun` in it, and read what is typed, until it is left."""
        await self._session.prompt_async(
            default=begun, pre_run=task_status.started, set_exception_handler=False, handle_sigint=False
        )

    @property
    def unsent(self) -> str:
        """What stands in the prompt, and is to be no edit."""
        return "" if self._editing else self._session.default_buffer.text

    async def print(self, make: Callable[[], Iterable[Line]]) -> None:
        """Write to the scrollback what `make` gives, and draw the rest again, as one step."""
        async with in_terminal():
            self._out.say(*make())

    def redraw(self) -> None:
        """Draw again what may change."""
        self._session.app.invalidate()

    def go_on(self) -> None:
        """Take the terminal again after a stop, in which the shell had it: set its modes and draw everything."""
        application = self._session.app
        if application.is_running and not application.is_done:
            application.input.raw_mode().__enter__()
            application.renderer.reset()
            application.invalidate()

    def leave(self) -> None:
        """End `run`."""
        if self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(result="")

    def _above(self) -> ANSI:
        rows = list(self._pending())
        hidden = len(rows) - _PENDING_ROWS
        shown: list[Line] = rows if hidden <= 0 else [["  …"], *rows[-_PENDING_ROWS:]]
        prompt = f"edit {self._editing[0]}> " if self._editing else "> "
        return ANSI("".join(f"{self._out.painted(row)}\n" for row in shown) + prompt)

    def _below(self) -> ANSI:
        return ANSI(self._out.painted(self._bar()))

    # -- keys

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        # Not while a search through what was typed before is on.
        writing = has_focus(DEFAULT_BUFFER)
        editing = writing & Condition(lambda: self._editing is not None)

        keys.add("enter", filter=writing)(self._enter)
        keys.add("up", filter=writing & ~editing & Condition(lambda: not self._session.default_buffer.text))(self._up)
        keys.add("escape", filter=editing)(self._leave_edit)
        # What was typed before is no version of this message.
        for key in ("up", "c-p"):
            keys.add(key, filter=editing)(lambda event: event.current_buffer.cursor_up())
        for key in ("down", "c-n"):
            keys.add(key, filter=editing)(lambda event: event.current_buffer.cursor_down())
        keys.add("escape", "enter", filter=writing)(lambda event: event.current_buffer.insert_text("\n"))
        keys.add("c-z")(lambda event: event.app.suspend_to_background())

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                self._leave_edit(event)
            else:
                event.app.exit(result="")

        @keys.add("c-d", filter=writing)
        def _(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                event.current_buffer.delete()
            else:
                event.app.exit(result="")

        return keys

    def _enter(self, event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        menu = buffer.complete_state
        if menu and menu.current_completion and len(menu.completions) > 1:
            buffer.complete_state = None
            return
        line, editing, self._editing = buffer.text, self._editing, None
        if editing is not None:
            identifier, before = editing
            line = "" if line == before else f"/edit {identifier} {line}"
        if line:
            buffer.history.append_string(line)
        buffer.reset()
        self._typed(line)

    def _up(self, event: KeyPressEvent) -> None:
        """Edit the last message of ours, or go through what was typed before where there is none."""
        found = self._editable()
        if found is None:
            event.current_buffer.auto_up(count=event.arg)
        else:
            self._editing = found
            event.current_buffer.document = Document(found[1])

    def _leave_edit(self, event: KeyPressEvent) -> None:
        self._editing = None
        event.current_buffer.reset()

    def _on_text_changed(self, buffer: Buffer) -> None:
        if not buffer.text:
            self._editing = None


class _ChatCompleter(Completer):
    """Completes the commands, the ids of what can be answered, the newest first, and names behind an `@`."""

    def __init__(self, completed: Completed) -> None:
        self._completed = completed

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002  # the signature is prompt_toolkit's
        text = document.text_before_cursor
        name, space, rest = text.partition(" ")
        if text.startswith("/") and not space:
            for known in NAMES:
                if known.startswith(name):
                    yield Completion(known, start_position=-len(name))
        elif name in OF_MESSAGES and " " not in rest:
            for identifier, meta in self._completed.answerable:
                if identifier.startswith(rest):
                    yield Completion(f"{identifier} ", start_position=-len(rest), display=identifier, display_meta=meta)
        else:
            yield from self._names(text)

    def _names(self, text: str) -> Iterable[Completion]:
        before, at, begun = text.rpartition("@")
        if at and not (before and before[-1].isalnum()):
            for name in self._completed.members:
                if name.casefold().startswith(begun.casefold()) and visible(name) == name:
                    yield Completion(f"@{name} ", start_position=-len(begun) - 1, display=f"@{name}")
