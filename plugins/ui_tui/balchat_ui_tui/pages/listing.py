"""A page that is a list: rows, one of which is marked, and keys that do something with it."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from balchat_ui_tui.pages.actions import Pressed
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.pages.rows import Row, column, content

S = TypeVar("S")


class ListPage(Page[S], Generic[S]):
    """A page with a list below a line or two of text."""

    DEFAULT_CSS = """
    ListPage > .page-body { padding: 0; }
    ListPage .page-text { padding: 0 2; margin: 1 0 0 0; color: $foreground 75%; height: auto; }
    ListPage.-narrow .page-text { padding: 0 1; margin: 0; }
    ListPage OptionList { border: none; height: auto; max-height: 100%; background: $background; padding: 1 1;
        scrollbar-size-vertical: 1; }
    ListPage OptionList:focus { border: none; background-tint: $background 0%; }
    ListPage.-narrow OptionList { padding: 0; }
    ListPage OptionList > .option-list--option-disabled { text-opacity: 100%; color: $foreground; }
    """

    WITHOUT_ROW: ClassVar[frozenset[str]] = frozenset()
    """Keys of the page that do something where there is no row, too."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something now."""
        if action == "do" and parameters[0] not in self.WITHOUT_ROW and not self._has_rows:
            return False
        return super().check_action(action, parameters)

    def compose_body(self) -> Iterable[Widget]:
        """Put text and list together."""
        yield Static(classes="page-text", markup=False)
        yield OptionList(markup=False)

    _has_rows = False

    @abstractmethod
    def rows(self) -> Sequence[Row]:
        """Return the rows of the state."""

    def text(self) -> str:
        """Return what stands above the list, empty for nothing."""
        return ""

    def draw(self, before: S | None) -> None:
        """Show the rows; the one that is marked stays marked."""
        del before
        text = self.text()
        above = self.query_one(".page-text", Static)
        above.display = bool(text)
        above.update(Content(text))
        listing = self.query_one(OptionList)
        marked, was = self.marked(), listing.highlighted
        rows = self.rows()
        self._has_rows = any(row.id is not None for row in rows)
        self.refresh_bindings()
        room = listing.content_size.width or self.size.width
        cells = column(rows, room)
        options = [
            Option(content(row, cells, room, first=place == 0), id=row.id, disabled=row.id is None)
            for place, row in enumerate(rows)
        ]
        listing.set_options(options)
        places = [index for index, row in enumerate(rows) if row.id is not None]
        if places:
            same = next((index for index in places if rows[index].id == marked), None)
            near = min(places, key=lambda index: abs(index - (was or 0)))
            listing.highlighted = near if same is None else same

    def marked(self) -> str | None:
        """Return the row that is marked."""
        listing = self.query_one(OptionList)
        if listing.highlighted is None or listing.highlighted >= listing.option_count:
            return None
        return listing.get_option_at_index(listing.highlighted).id

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Do what Enter or a click stands for."""
        event.stop()
        self.dispatch(Pressed("choose", event.option.id))
