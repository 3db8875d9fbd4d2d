"""Addresses of a running tor's ports, as the configuration writes them. Light: it is imported at every start."""

import ipaddress
from pathlib import Path
from typing import TypeAlias

TcpAddress: TypeAlias = tuple[str, int]
"""Host and port."""

ControlAddress: TypeAlias = Path | TcpAddress
"""Where a control port listens: a unix socket, or host and port."""


def parse_control(text: str) -> ControlAddress:
    """Read `127.0.0.1:9051` or `unix:/path`. Raise ValueError with what is wrong; what is allowed."""
    if text.startswith("unix:/"):
        return Path(text.removeprefix("unix:"))
    return _parse(text, allowed="127.0.0.1:PORT or unix:/PATH")


def parse_tcp(text: str) -> TcpAddress:
    """Read `127.0.0.1:9050`. Raise ValueError with what is wrong; what is allowed."""
    return _parse(text, allowed="127.0.0.1:PORT")


def _parse(text: str, *, allowed: str) -> TcpAddress:
    host, _, port = text.rpartition(":")
    try:
        loopback = ipaddress.IPv4Address(host).is_loopback
        number = int(port)
    except ValueError:
        raise ValueError(f"{text!r} is not a valid address; {allowed}") from None
    # What passes there is not encrypted.
    if not loopback or not 0 < number < 1 << 16:
        raise ValueError(f"{text!r} is not a port of this machine; {allowed}")
    return host, number
