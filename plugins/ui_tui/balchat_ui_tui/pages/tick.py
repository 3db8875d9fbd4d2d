"""A box to tick that says without colour whether it is ticked."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.widgets import Checkbox
from textual.widgets._toggle_button import ToggleButton


class Tick(Checkbox, inherit_bindings=False):
    """A checkbox with a cross in it only where it is ticked. Space ticks it; Enter is the form's."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "toggle_button", show=False)]
    DEFAULT_CSS = """
    Tick, Tick:focus { border: none; padding: 0; background: transparent; width: auto; max-width: 100%; height: auto;
        text-wrap: wrap; }
    Tick > .toggle--button, Tick.-on > .toggle--button { color: $foreground; background: $surface-lighten-2; }
    """

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return as many rows as the label takes; Textual would cut it off after the first."""
        return super(ToggleButton, self).get_content_height(container, viewport, width)

    def watch_value(self) -> None:
        """Draw the cross, or none."""
        self.BUTTON_INNER = "X" if self.value else " "  # pyright: ignore[reportAttributeAccessIssue, reportConstantRedefinition]  # Textual reads it at each drawing
        super().watch_value()

    def on_mount(self) -> None:
        """Begin as it is."""
        self.watch_value()
