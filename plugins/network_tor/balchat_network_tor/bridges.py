"""Bridge lines and pluggable transports: their shape, checked before tor sees them.

The lines are those of the torrc options `Bridge` and `ClientTransportPlugin` (tor manual), without the option's name:

    [TRANSPORT] ADDRESS:PORT [FINGERPRINT] [KEY=VALUE]...
    TRANSPORT[,TRANSPORT]... exec PATH [ARGUMENT]...
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final

from balchat_common.words import one_line

_TRANSPORT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FINGERPRINT: Final = re.compile(r"[0-9A-Fa-f]{40}")
_MAX_BRIDGES: Final = 64
_MAX_LINE: Final = 2048

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"obfs4": ("cert", "iat-mode"), "webtunnel": ("url",)}
"""What a line of a transport must have among its KEY=VALUE. A snowflake line may leave everything to its program."""


def check_bridges(lines: Sequence[str]) -> None:
    """Raise ValueError, naming the setting `bridges`, unless all lines have the shape of one."""
    if len(lines) > _MAX_BRIDGES:
        raise ValueError(f"bridges: there are {len(lines)}; at most {_MAX_BRIDGES}")
    for number, line in enumerate(lines, start=1):
        problem = _problem(line)
        if problem:
            raise ValueError(
                f"bridges: line {number}: {problem}; [TRANSPORT] ADDRESS:PORT [FINGERPRINT] [KEY=VALUE]..."
            )


def transport_of(line: str) -> str | None:
    """Return the transport that a bridge line names, or None for a plain bridge."""
    first = line.split(maxsplit=1)[0]
    return first if _TRANSPORT.fullmatch(first) else None


def transports_of(line: str) -> tuple[str, ...]:
    """Return the transports that a `client_transport_plugins` line provides. Raise ValueError for a wrong shape."""
    allowed = "TRANSPORT[,TRANSPORT]... exec PATH [ARGUMENT]..."
    words = line.split()
    if not _is_plain(line):
        raise ValueError(f"client_transport_plugins: a line is too long or has control characters; {allowed}")
    if len(words) < 3 or words[1] != "exec":  # noqa: PLR2004  # names, exec, path
        raise ValueError(f"client_transport_plugins: {line!r} has another shape; {allowed}")
    names = tuple(words[0].split(","))
    for name in names:
        if not _TRANSPORT.fullmatch(name):
            raise ValueError(f"client_transport_plugins: {name!r} is not a transport's name; {allowed}")
    return names


def program_of(line: str) -> str:
    """Return the program that a `client_transport_plugins` line starts."""
    return line.split()[2]


def _problem(line: str) -> str | None:
    if not _is_plain(line):
        return f"it is longer than {_MAX_LINE} characters or has control characters"
    words = line.split()
    if not words:
        return "it is empty"
    if words[0].lower() == "bridge":
        return "it begins with the word Bridge, which belongs to tor's own configuration; leave it out"
    transport = transport_of(line)
    rest = words[1:] if transport else words
    if not rest or not _is_address(rest[0]):
        return "it has no ADDRESS:PORT where one is due"
    rest = rest[1:]
    if rest and "=" not in rest[0]:
        if not _FINGERPRINT.fullmatch(rest[0]):
            return "its fingerprint is not 40 hexadecimal digits"
        rest = rest[1:]
    if any("=" not in word[1:] for word in rest):
        return "what follows the fingerprint is not all KEY=VALUE"
    if rest and transport is None:
        return "KEY=VALUE belongs to a transport, and none is named"
    keys = {word.split("=", 1)[0] for word in rest}
    missing = [key for key in _NEEDED.get(transport or "", ()) if key not in keys]
    return f"a bridge of {transport} needs {one_line(missing)}" if missing else None


def _is_plain(line: str) -> bool:
    return len(line) <= _MAX_LINE and line.isprintable()


def _is_address(word: str) -> bool:
    host, _, port = word.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    bracketed = host.startswith("[") and host.endswith("]")
    return bracketed == (address.version == 6) and port.isdecimal() and 0 < int(port) < 1 << 16  # noqa: PLR2004  # IPv6
