"""The links in a message, and opening one: only after a question, and with the host in ASCII.

What is shown is what is opened: an address is taken apart and put together again, without a user name in it, so that
none looks like another one.
"""

import re
import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

import anyio.to_thread

from balchat_host.api.errors import BadInput
from balchat_ui_tui.jobs import Job, Tell

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

_ADDRESS: Final = re.compile(r"https?://[^\s<>()\[\]\"'`]{1,2000}", re.IGNORECASE)
_END: Final = ".,;:!?*_~"
"""What belongs to the sentence where an address ends with it."""
_HOST: Final = re.compile(r"[a-z0-9._-]{1,253}")
_SAFE: Final = "/%:@!$&'()*+,;=~-._?"
_MOST: Final = 20
"""How many links of one message are offered."""


@dataclass(frozen=True, slots=True)
class Link:
    """An address in ASCII, and where it leads."""

    host: str
    address: str


def links_in(text: str) -> tuple[Link, ...]:
    """Return the links in a text, each once."""
    found: dict[str, Link] = {}
    for each in _ADDRESS.finditer(text):
        link = _link(each[0].rstrip(_END))
        if link is not None:
            found.setdefault(link.address, link)
        if len(found) == _MOST:
            break
    return tuple(found.values())


def _link(address: str) -> Link | None:
    """Return a link, None where the address is none."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").encode("idna").decode().lower()
        port = "" if parts.port is None else f":{parts.port}"
    except (ValueError, UnicodeError):
        return None
    if not _HOST.fullmatch(host):
        return None
    whole = urlunsplit(
        (parts.scheme, host + port, *(quote(part, safe=_SAFE) for part in (parts.path, parts.query, parts.fragment)))
    )
    return Link(host, whole)


class OpenLink(Job, frozen=True, kw_only=True):
    """Open an address in the person's browser."""

    address: str

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """Open it. Raise BadInput where there is no browser."""
        del tell
        # A browser in the terminal needs the terminal until it ends; any other one returns at once.
        with tui.suspend():
            opened = await anyio.to_thread.run_sync(webbrowser.open, self.address)
        if not opened:
            raise BadInput(what=self.address, problem=tui.t("tui.no-browser"))
