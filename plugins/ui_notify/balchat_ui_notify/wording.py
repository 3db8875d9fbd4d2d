"""What a notification says.

Names and texts are others': they are cut, and made harmless as for a terminal. A body may be read as markup, so what
would begin some is replaced by what looks alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from balchat_host.api.text import visible
from balchat_ui_notify.settings import Show

TITLE: Final = "balchat"
MAX_NAME: Final = 64
"""Characters of the longest name that is shown."""
MAX_TEXT: Final = 200
"""Characters of the longest text that is shown."""
_NAMED: Final = 3
"""Conversations that one notification names."""
_NO_MARKUP: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆"})


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new in one conversation: how many messages, and the text of the last one, where it is one."""

    title: str
    count: int
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What is shown: one line, and a body."""

    title: str
    body: str


def worded(show: Show, news: Sequence[News], requests: int, alarms: Sequence[str] = ()) -> Notification:
    """Return what to show of all that is new since the last time; there is something.

    `alarms` are the names of contacts with whom somebody else may use our keys.
    """
    if len(news) == 1 and not requests and not alarms:
        (only,) = news
        return Notification(title=_cut(only.title, MAX_NAME), body=_body(show, only))
    parts = [f"somebody else may hold your keys ({_cut(name, MAX_NAME)})" for name in alarms[:_NAMED]]
    parts += [f"{_cut(each.title, MAX_NAME)} ({each.count})" for each in news[:_NAMED]]
    if len(news) > _NAMED:
        parts.append(_counted(len(news) - _NAMED, "more conversation"))
    if requests:
        parts.append(_counted(requests, "contact request"))
    return Notification(title=TITLE, body=", ".join(parts).translate(_NO_MARKUP))


def _body(show: Show, news: News) -> str:
    number = _counted(news.count, "new message")
    if show is not Show.ALL or news.text is None:
        return number
    text = _cut(news.text, MAX_TEXT)
    return (text if news.count == 1 else f"{text} ({number})").translate(_NO_MARKUP)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _cut(text: str, length: int) -> str:
    """Return the beginning of a text, on one line and harmless."""
    line = " ".join(text[: length + 1].split())
    return visible(line[:length]) + ("…" if len(text) > length else "")
