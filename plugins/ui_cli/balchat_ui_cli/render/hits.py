"""How messages look that a search found."""

from collections.abc import Sequence

from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.views import SearchHit
from balchat_ui_cli.output import Line
from balchat_ui_cli.render.names import author
from balchat_ui_cli.text import moment, short_ids


def hit_lines(hits: Sequence[SearchHit], *, titles: bool = True) -> list[Line]:
    """Show hits, one a line. Without `titles` it goes without saying in which conversation they are."""
    ids = short_ids([hit.message.id for hit in hits])
    lines: list[Line] = []
    for hit in hits:
        message = hit.message
        head = Span(f"{moment(message.sent_at)}  {ids[message.id]}  ", Style.FAINT)
        title = [Span(visible(hit.title), Style.STRONG), "  "] if titles else []
        lines.append([head, *title, f"{visible(author(message))}: {visible(hit.excerpt)}"])
    return lines
