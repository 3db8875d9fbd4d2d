"""Markdown as plain text: people who are mentioned by name, other links with their address, and no escapes.

Emphasis stays as it was typed. Nothing is opened or fetched. A link's host is shown in ASCII, so that none looks like
another one.
"""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_LINK: Final = re.compile(r"\\.|\[((?:[^\[\]\\\n]|\\.){0,200})\]\(([^()\s]{1,2000})\)")
"""What is escaped, which begins no link, or a link. So a text is gone through once, whatever is in it."""
_ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_HARD_BREAK: Final = re.compile(r"\\\n")
_MAX_HOST: Final = 253
"""Characters of the longest name of a host (RFC 1035, section 2.3.4, without the last dot)."""
_PERSON: Final = "balchat:"
_MENTION: Final = re.compile(r"\\(?:[!-/:-@\[-`{-~]|\n)|\[(@(?:[^\[\]\\\n]|\\.){0,200})\]\(balchat:[a-z2-7]{56}\)")
"""What is escaped, or a link to a person."""
_MARKS: Final = re.compile(r"[\\`*_{}\[\]()<>#+.!|~&-]")
"""What may mean something in markdown."""


def plain(text: str) -> str:
    """Return markdown as text for a terminal."""
    pieces: list[str] = []
    end = 0
    for link in _LINK.finditer(text):
        if link[2] is None:
            continue
        pieces += [_unescaped(text[end : link.start()]), _shown(_unescaped(link[1]), link[2])]
        end = link.end()
    return "".join([*pieces, _unescaped(text[end:])])


def as_typed(text: str) -> tuple[str, bool]:
    """Return a text as a person would type it, with `@` and the names of who is mentioned, and whether it is markdown.

    It is none where all that could mean something is escaped: that is how a plain text with mentions is written.
    """
    if not _MARKS.search(_MENTION.sub("", text)):
        return plain(text), False
    return _MENTION.sub(lambda found: _unescaped(found[1]) if found[1] else found[0], text), True


def _unescaped(text: str) -> str:
    """Drop backslashes that only say that what follows means nothing (GFM, sections 6.1 and 6.12)."""
    return _ESCAPE.sub(r"\1", without_hard_breaks(text))


def without_hard_breaks(text: str) -> str:
    """Return a text in which a line end is one without a backslash before it (GFM, section 6.12)."""
    return _HARD_BREAK.sub("\n", text)


def _shown(label: str, address: str) -> str:
    return label + link_address(address)


def link_address(address: str) -> str:
    """Return what stands behind the text of a link: its address, unless it is a person's."""
    return "" if address.startswith(_PERSON) else f" <{_ascii(address)}>"


def _host(name: str) -> str:
    """Return a host's name in ASCII. Raise ValueError where it is none."""
    if len(name) > _MAX_HOST:
        raise ValueError("no host has so long a name")
    return name.encode("idna").decode()


def _ascii(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = _host(parts.hostname or "")
        port = "" if parts.port is None else f":{parts.port}"
        return urlunsplit(parts._replace(netloc=f"{host}{port}"))
    except (ValueError, UnicodeError):
        return address.encode("unicode_escape").decode()
