"""Lines that begin with a label, so that what follows stands in a column."""

from balchat_host.api.spans import Span, Style
from balchat_ui_cli.output import Line

LABEL = 12
"""Cells of the first column."""


def labelled(label: str, *value: Span | str) -> Line:
    """Return a line that begins with a label."""
    return [Span(f"{label:<{LABEL - 1}} ", Style.FAINT), *value]
