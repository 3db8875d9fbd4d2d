"""What happens on every page."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from balchat_ui_tui.actions import Action


@dataclass(frozen=True, slots=True)
class Opened(Action):
    """The page is shown for the first time."""


@dataclass(frozen=True, slots=True)
class Pressed(Action):
    """The person pressed a key of the page, or a button. `row` is the one that is marked, None where there is none."""

    name: str
    row: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted(Action):
    """The person sent a form off. What is secret in it is not shown in a trace."""

    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Typed(Action):
    """The person typed into the field of a form whose value is watched."""

    name: str
    value: str = field(repr=False)
