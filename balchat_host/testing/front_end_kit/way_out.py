"""What a front end asks of the internet by itself. Whoever watches hears of account, contacts and times from that."""

import ipaddress
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

_ADDRESSED: Final = frozenset({"socket.connect", "socket.bind", "socket.sendto"})
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
_watching: Final[list[list[str]]] = []


@contextmanager
def no_way_out() -> Generator[list[str]]:
    """Refuse what leads beyond this machine, and give what was tried."""
    tried: list[str] = []
    _watching.append(tried)
    try:
        yield tried
    finally:
        _watching.remove(tried)


def _leads_out(event: str, given: tuple[Any, ...]) -> str | None:
    """Return where something leads; None where that is here."""
    if event in _ADDRESSED and given[0].family in _FAMILIES:
        host = given[1][0]
    elif event == "socket.getaddrinfo":
        host = given[0]
    else:
        return None
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")
    try:
        here = ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        # No name at all: getaddrinfo gives every address of this machine, which is looked at when one is bound.
        here = name == "localhost" or (event == "socket.getaddrinfo" and not name)
    return None if here else f"{event.removeprefix('socket.')} {name or 'every address'}"


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if _watching and (leads := _leads_out(event, given)) is not None:
        for tried in _watching:
            tried.append(leads)
        raise PermissionError("the kit lets no front end talk to others past the App")


# An audit hook cannot be removed, so there is one for the whole process, and it does nothing while nobody watches.
sys.addaudithook(_hook)
