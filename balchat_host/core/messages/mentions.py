"""Mentions: in markdown, a link to a person's URI. Whoever reads it sees their own name for the person.

Ask [@Ann](balchat:25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid) about it
"""

import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from balchat_host.api.types import PeerId
from balchat_host.core.chat_codes import SCHEME, peer_uri
from balchat_host.core.content import Shown, is_markdown

MAX_MENTIONS: Final = 100
"""How many mentions of a text are shown under the reader's names; more are links like others."""
_LINK: Final = re.compile(rf"\\.|\[@?((?:[^\[\]\\\n]|\\.){{0,200}})\]\(({SCHEME}:[a-z2-7]{{56}})\)")
"""What is escaped, which begins no link, or a link to a person. So a text is gone through once, whatever is in it."""
_ESCAPE: Final = re.compile(r"\\(.)")
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()<>#+.!|~&-])")


def mentioned(what: Shown, peer: PeerId) -> bool:
    """Return whether a text mentions a peer."""
    return what.text is not None and is_markdown(what.content_type) and f"]({peer_uri(peer)})" in what.text


def under_names(text: str, name: Callable[[str], str | None]) -> str:
    """Return a text in which mentions have the names that `name` has for URIs, where it has one."""
    room = count(MAX_MENTIONS, -1)

    def link(found: re.Match[str]) -> str:
        known = None if found[2] is None or next(room) <= 0 else name(found[2])
        return found[0] if known is None else f"[@{escaped(known)}]({found[2]})"

    return _LINK.sub(link, text)


def as_names(text: str) -> str:
    """Return a text in which people are named and not linked, for an excerpt of it."""

    def named(found: re.Match[str]) -> str:
        at = "@" if found[0].startswith("[@") else ""
        return found[0] if found[2] is None else at + _ESCAPE.sub(r"\1", found[1])

    return _LINK.sub(named, text)


def written(text: str, people: Mapping[str, PeerId], *, markdown: bool) -> str:
    """Return as markdown a text in which `@` and a name, as a word, mentions that person; the longest that fits counts.

    Unless it is markdown, nothing else in it means anything.
    """
    names = sorted(people, key=len, reverse=True)
    # Neither an address such as ann@bob.example nor the beginning of a longer word mentions anybody.
    found = re.split(r"(?<!\w)(" + "|".join(re.escape(f"@{name}") for name in names) + r")(?!\w)", text)
    pieces: list[str] = []
    for place, piece in enumerate(found):
        if place % 2:
            name = piece[1:]
            pieces.append(f"[@{escaped(name)}]({peer_uri(people[name])})")
        else:
            pieces.append(piece if markdown else escaped(piece).replace("\n", "\\\n"))
    return "".join(pieces)


def escaped(text: str) -> str:
    """Return a text as markdown that shows it as it is (GFM, section 6.1)."""
    return _MARKS.sub(r"\\\1", text)
