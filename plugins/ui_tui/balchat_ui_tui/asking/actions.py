"""What a person does in a list of choices."""

from balchat_ui_tui.actions import Action


class Words(Action, frozen=True):
    """The field holds other words."""

    words: str


class Step(Action, frozen=True):
    """Select a choice further up or down."""

    by: int


class Point(Action, frozen=True):
    """Take the choice at a place of the list."""

    place: int


class Take(Action, frozen=True):
    """Take the selected choice."""


class Leave(Action, frozen=True):
    """Choose nothing."""
