"""What a person does in a list of choices."""

from dataclasses import dataclass

from balchat_ui_tui.actions import Action


@dataclass(frozen=True, slots=True)
class Words(Action):
    """The field holds other words."""

    words: str


@dataclass(frozen=True, slots=True)
class Step(Action):
    """Select a choice further up or down."""

    by: int


@dataclass(frozen=True, slots=True)
class Point(Action):
    """Take the choice at a place of the list."""

    place: int


@dataclass(frozen=True, slots=True)
class Take(Action):
    """Take the selected choice."""


@dataclass(frozen=True, slots=True)
class Leave(Action):
    """Choose nothing."""
