"""Where a message is written. A paste is one event and never sends; Enter does, or begins a line, by choice."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import DocumentNavigator, WrappedDocument

from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_ui_tui.actions import Action
from balchat_ui_tui.chat import actions as do
from balchat_ui_tui.chat.completion import Completion, complete, find
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.drawing.cells import grapheme_after, grapheme_before
from balchat_ui_tui.typed_app import program

_LONGEST_PASTE: Final = 2 * MAX_TEXT_SIZE
"""Characters of the longest paste. With a megabyte in the field, each key would take seconds."""
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What could reach the terminal as a command. Line ends and tabs are dealt with before."""


def harmless(text: str) -> str:
    """Return a text as it can be edited here: its line ends are one kind, its controls are gone."""
    joined = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return _CONTROLS.sub("", joined)


class _Rows(WrappedDocument):
    """The text broken into rows. There are no tabs in it."""

    def get_sections(self, line_index: int) -> list[str]:
        """Return the rows of a line. Textual makes a `Text` of each, which costs milliseconds where there are many."""
        line = self.document.get_line(line_index)
        return [line[start:end] for start, end in pairwise((0, *self.get_offsets(line_index), len(line)))]


class Composer(TextArea):
    """The text that is being written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j", "new_line", id="composer.new-line-portable"),
        Binding("alt+enter,shift+enter", "other_enter", id="composer.other-enter"),
        Binding("ctrl+x", "editor", id="composer.editor"),
        Binding("ctrl+underscore,ctrl+slash", "undo", id="composer.undo"),
        Binding("ctrl+y", "redo", id="composer.redo"),
        Binding("pageup", "scroll_messages(-1)", id="composer.page-up"),
        Binding("pagedown", "scroll_messages(1)", id="composer.page-down"),
    ]

    class Did(Message):
        """Something happened that the state is to know."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    class Pasted(Message):
        """Something was pasted. It stands in the text already."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class PastedTooMuch(Message):
        """So many octets were pasted, which is more than can be edited here. None of it stands in the text."""

        def __init__(self, size: int) -> None:
            super().__init__()
            self.size = size

    class ScrollMessages(Message):
        """Scroll the messages by so many pages."""

        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

    class Completing(Message):
        """There is something to complete, or nothing any more (an empty list)."""

        def __init__(self, completions: tuple[Completion, ...]) -> None:
            super().__init__()
            self.completions = completions

    def __init__(self) -> None:
        super().__init__(id="composer", soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True)
        self.cursor_blink = False
        self.enter_sends = True
        self.names: tuple[str, ...] = ()
        """Who can be mentioned."""
        self._number = -1
        self._conversation = ""
        self._completions: tuple[Completion, ...] = ()
        self._break()

    def load_text(self, text: str) -> None:
        """Put a text in place of what is there."""
        super().load_text(text)
        self._break()

    def _break(self) -> None:
        self.wrapped_document = _Rows(self.document, self.wrap_width, self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)

    def show(self, state: ChatState) -> None:
        """Show the text of a state, where it was not typed here."""
        if (state.conversation, state.text_number) != (self._conversation, self._number):
            self._conversation, self._number = state.conversation, state.text_number
            text = harmless(state.text)
            if text != self.text:
                self.load_text(text)
                self.move_cursor(self.document.end)

    def _on_text_area_changed(self) -> None:
        self.post_message(self.Did(do.Typed(self.text)))
        self._look_for_completions()

    async def _on_key(self, event: events.Key) -> None:
        key = event.key
        if key == "enter":
            self._stop(event)
            self._enter(sends=self.enter_sends)
        elif key == "tab" and self._completions:
            self._stop(event)
            self._take(self._completions[0])
        elif key == "up" and not self.text:
            self._stop(event)
            self.post_message(self.Did(do.EditLast()))
        else:
            await super()._on_key(event)
            if event.character == ":":
                self._replace_emoji()

    @staticmethod
    def _stop(event: events.Key) -> None:
        event.stop()
        event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self._paste(event.text)

    def action_paste(self) -> None:
        """Paste what was copied or cut in this program: the terminal pastes the rest."""
        self._paste(program(self).clipboard)

    def _paste(self, pasted: str) -> None:
        if len(pasted) > _LONGEST_PASTE:
            self.post_message(self.PastedTooMuch(len(pasted.encode())))
            return
        text = harmless(pasted)
        start, end = self.selection
        self.replace(text, start, end, maintain_selection_offset=False)
        self.post_message(self.Pasted(text))

    def action_new_line(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_other_enter(self) -> None:
        """Do what Enter does not."""
        self._enter(sends=not self.enter_sends)

    def _enter(self, *, sends: bool) -> None:
        if sends:
            self.post_message(self.Did(do.Typed(self.text)))
            self.post_message(self.Did(do.SendIt()))
        else:
            self.insert("\n")

    def action_editor(self) -> None:
        """Open the text in the person's own editor."""
        self.post_message(self.Did(do.OpenEditor()))

    def action_scroll_messages(self, pages: int) -> None:
        """Scroll the messages."""
        self.post_message(self.ScrollMessages(pages))

    # -- rows: Textual would go through all of a line for each row of it, and a line can have 32,000 characters

    def render_line(self, y: int) -> Strip:
        """Return a row of the text, or what Textual draws where there is none."""
        row = self.scroll_offset.y + y
        if not self.text or row >= self.wrapped_document.height:
            return super().render_line(y)
        line, start, end = self._place(row)
        whole = self.document.get_line(line)
        text = Text(whole[start:end] + " " * (end == len(whole)), end="")  # the cursor can stand behind the last one
        for first, last, style in self._marks(line, whole):
            text.stylize(style, max(0, first - start), max(0, last - start))
        strip = Strip(text.render(program(self).console), text.cell_len)
        return strip.extend_cell_length(self.scrollable_content_region.width).apply_style(self.rich_style)

    def _place(self, row: int) -> tuple[int, int, int]:
        """Return in which line a row is, where it begins there, and where it ends."""
        rows = self.wrapped_document
        line, _ = rows.offset_to_location(Offset(0, row))
        cuts = (0, *rows.get_offsets(line), len(self.document.get_line(line)))
        number = row - rows.location_to_offset((line, 0)).y
        return line, cuts[number], cuts[number + 1]

    def _marks(self, line: int, whole: str) -> Iterator[tuple[int, int, Style]]:
        """Return from where to where a line looks different, and how: the selection, brackets, the cursor."""
        top, bottom = sorted(self.selection)
        if top != bottom and top[0] <= line <= bottom[0]:
            first = top[1] if line == top[0] else 0
            last = bottom[1] if line == bottom[0] else max(len(whole), 1)  # of an empty line, a space
            yield first, last, self.get_component_rich_style("text-area--selection")
        cursor, bracket = self.cursor_location, self.matching_bracket_location
        if bracket is not None and top == bottom:
            style = self.get_component_rich_style("text-area--matching-bracket")
            yield from ((column, column + 1, style) for at, column in (cursor, bracket) if at == line)
        if self.has_focus and cursor[0] == line:
            column = cursor[1]
            after = grapheme_after(whole, column) if column < len(whole) else column + 1
            yield column, after, self.get_component_rich_style("text-area--cursor")

    # -- graphemes: Textual would take the parts of a family or a flag one by one

    def get_cursor_left_location(self) -> tuple[int, int]:
        """Return the place before the grapheme to the left, or the end of the line above."""
        row, column = self.cursor_location
        line = self.document.get_line(row)
        return (row, grapheme_before(line, column)) if column else super().get_cursor_left_location()

    def get_cursor_right_location(self) -> tuple[int, int]:
        """Return the place behind the grapheme to the right, or the beginning of the line below."""
        row, column = self.cursor_location
        line = self.document.get_line(row)
        return (row, grapheme_after(line, column)) if column < len(line) else super().get_cursor_right_location()

    # -- completion

    def _before_cursor(self) -> str:
        row, column = self.cursor_location
        return self.document.get_line(row)[:column]

    def _look_for_completions(self) -> None:
        found = find(self._before_cursor(), self.names)
        if found != self._completions:
            self._completions = found
            self.post_message(self.Completing(found))

    def _take(self, completion: Completion) -> None:
        row, column = self.cursor_location
        self.replace(completion.text, (row, column - completion.typed), (row, column))

    def _replace_emoji(self) -> None:
        """Put an emoji in place of its whole short name."""
        found = complete(self._before_cursor())
        if found is not None:
            self._take(found)
