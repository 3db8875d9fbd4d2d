"""What happens on every page."""

from collections.abc import Mapping

from balchat_ui_tui.actions import Action


class Opened(Action, frozen=True):
    """The page is shown for the first time."""


class Pressed(Action, frozen=True):
    """The person pressed a key of the page, or a button. `row` is the one that is marked, None where there is none."""

    name: str
    row: str | None = None


class Submitted(Action, frozen=True):
    """The person sent a form off. What is secret in it is not shown in a trace."""

    values: Mapping[str, str]

    def __repr__(self) -> str:
        """Return which fields there are."""
        return f"Submitted(fields={', '.join(self.values)})"


class Typed(Action, frozen=True):
    """The person typed into the field of a form whose value is watched."""

    name: str
    value: str

    def __repr__(self) -> str:
        """Return which field it was."""
        return f"Typed(name={self.name!r})"
