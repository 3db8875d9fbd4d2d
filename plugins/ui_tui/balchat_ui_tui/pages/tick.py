"""A box to tick that says without colour whether it is ticked."""

from textual.widgets import Checkbox


class Tick(Checkbox):
    """A checkbox with a cross in it only where it is ticked."""

    DEFAULT_CSS = """
    Tick, Tick:focus { border: none; padding: 0; background: transparent; width: auto; max-width: 100%; }
    """

    def watch_value(self) -> None:
        """Draw the cross, or none."""
        self.BUTTON_INNER = "X" if self.value else " "  # pyright: ignore[reportAttributeAccessIssue, reportConstantRedefinition]  # Textual reads it at each drawing
        super().watch_value()

    def on_mount(self) -> None:
        """Begin as it is."""
        self.watch_value()
