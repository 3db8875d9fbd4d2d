"""Who may ask: the checks of a request's Host, Origin and Sec-Fetch-Site, all of them, none instead of another.

- Host is one of ours, exactly. A name that somebody has pointed at this machine (DNS rebinding) is none.
- What changes something, and a WebSocket, has the Origin of the host that it is sent to, exactly. None and `null` are
  wrong. A page of another port is another origin.
- Sec-Fetch-Site, where a browser sends it, is `same-origin`. Only the shell, which holds no data, may be opened from
  elsewhere, and only as a whole document.

Another program of this machine can send whatever headers it likes: only a secret keeps it out.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_NAME_LENGTH: Final = 8


class WrongHost(Exception):
    """The request is not for us."""


class WrongOrigin(Exception):
    """A page of somebody else asks."""


def new_host_name() -> str:
    """Make a name below .localhost, which leads to this machine (RFC 6761, section 6.3) and to nothing else."""
    return f"balchat-{''.join(secrets.choice(_ALPHABET) for _ in range(_NAME_LENGTH))}.localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The names under which a server answers: a random one of its own, and the loopback address."""

    name: str
    port: int

    @property
    def first(self) -> str:
        """The origin to open: what a page keeps under it is no other program's, whichever port that has."""
        return f"http://{self.name}:{self.port}"

    @property
    def second(self) -> str:
        """The origin where a browser does not know what .localhost is."""
        return f"http://127.0.0.1:{self.port}"

    def check_host(self, host: str | None) -> None:
        """Raise WrongHost unless `host` is exactly one of ours."""
        if host is None or f"http://{host}" not in {self.first, self.second}:
            raise WrongHost

    def check_shell(self, headers: Mapping[str, str]) -> None:
        """Check who opens the shell. Raise WrongOrigin."""
        if headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}:
            return
        if headers.get("Sec-Fetch-Mode") != "navigate" or headers.get("Sec-Fetch-Dest") != "document":
            raise WrongOrigin

    def check_read(self, headers: Mapping[str, str]) -> None:
        """Check who reads. Raise WrongOrigin."""
        if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise WrongOrigin
        if "Origin" in headers:
            self.check_change(headers)

    def check_change(self, headers: Mapping[str, str]) -> None:
        """Check who changes something, or opens a WebSocket. Raise WrongOrigin."""
        if headers.get("Origin") != f"http://{headers.get('Host')}":
            raise WrongOrigin
        if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise WrongOrigin
