"""The last look at every line before the terminal gets it.

Whatever shows a text of others makes it harmless first, since that may change its width. What forgets to, on any
screen, in a notice, or in a plugin's words, is caught here: no control character and nothing that turns text round
reaches the terminal.
"""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from balchat_host.api.text import visible


class LastLook(LineFilter):
    """Makes the text of a line harmless."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments, their texts harmless. Those that control the terminal are ours."""
        del background
        if all(segment.text.isascii() and segment.text.isprintable() for segment in segments):
            return segments
        return [segment if segment.control else segment._replace(text=_harmless(segment.text)) for segment in segments]


def _harmless(text: str) -> str:
    """Return a text harmless. The mark that keeps a row from being turned round, and rows of blocks, are ours."""
    return text if text.isprintable() or text in _OURS else visible(text)


_OURS = frozenset({"\u200e"})
"""What `inks` puts before a row."""
