"""The terminal side of a chat: scrollback above, our unsettled messages and a prompt below, a bar at the bottom.

What is written to the scrollback goes through `Output`; what is redrawn goes through prompt_toolkit, painted by
`Output` as well, so that both are harmless. Nothing that is typed is kept on disk.
"""

from collections.abc import Callable, Iterable, Sequence

from anyio.abc import TaskStatus
from prompt_toolkit import PromptSession
from prompt_toolkit.application.run_in_terminal import in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style as PromptStyle

from balchat_ui_cli.chat.commands import NAMES, OF_MESSAGES
from balchat_ui_cli.output import Line, Output

_PENDING_ROWS = 6
"""Rows that unsettled messages take at most; the newest are shown."""

Choices = Callable[[], Iterable[tuple[str, str]]]
"""Gives what can be answered: the beginning of each message's id, and how the message begins."""


class Screen:
    """A prompt that goes on until it is left. `typed` gets each line that is entered."""

    def __init__(
        self,
        out: Output,
        *,
        typed: Callable[[str], None],
        pending: Callable[[], Sequence[Line]],
        bar: Callable[[], Line],
        answerable: Choices,
    ) -> None:
        self._out = out
        self._pending = pending
        self._bar = bar
        self._session: PromptSession[str] = PromptSession(
            message=self._above,
            bottom_toolbar=self._below,
            completer=_ChatCompleter(answerable),
            complete_while_typing=False,
            key_bindings=_keys(typed),
            multiline=True,
            prompt_continuation="  ",
            erase_when_done=True,
            style=PromptStyle.from_dict({"bottom-toolbar": "noreverse"}),
            color_depth=None if out.colour else ColorDepth.DEPTH_1_BIT,
        )

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Show the prompt and read what is typed, until it is left."""
        await self._session.prompt_async(pre_run=task_status.started, set_exception_handler=False, handle_sigint=False)

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
        return ANSI("".join(f"{self._out.painted(row)}\n" for row in shown) + "> ")

    def _below(self) -> ANSI:
        return ANSI(self._out.painted(self._bar()))


def _keys(typed: Callable[[str], None]) -> KeyBindings:
    keys = KeyBindings()
    # Not while a search through what was typed before is on.
    writing = has_focus(DEFAULT_BUFFER)

    @keys.add("enter", filter=writing)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        typed(buffer.text)
        buffer.reset(append_to_history=True)

    @keys.add("escape", "enter", filter=writing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(result="")

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    @keys.add("c-d", filter=writing)
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.delete()
        else:
            event.app.exit(result="")

    return keys


class _ChatCompleter(Completer):
    """Completes the commands, and the ids of what can be answered, the newest first."""

    def __init__(self, answerable: Choices) -> None:
        self._answerable = answerable

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002  # the signature is prompt_toolkit's
        text = document.text_before_cursor
        if not text.startswith("/"):
            return
        name, space, rest = text.partition(" ")
        if not space:
            for known in NAMES:
                if known.startswith(name):
                    yield Completion(known, start_position=-len(name))
        elif name in OF_MESSAGES and " " not in rest:
            for identifier, meta in self._answerable():
                if identifier.startswith(rest):
                    yield Completion(f"{identifier} ", start_position=-len(rest), display=identifier, display_meta=meta)
