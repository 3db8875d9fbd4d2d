"""Free TCP ports on loopback."""

import random
import socket
from contextlib import ExitStack

_RANGE = range(15_000, 32_000)
"""Below what Linux gives to outgoing connections, which could take a port between our look and its use."""


def free_ports(count: int) -> list[int]:
    """Return `count` different ports of 127.0.0.1 that nothing listens at. Raise OSError when there are too few."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(_RANGE, len(_RANGE)):
            if len(found) == count:
                return found
            candidate = held.enter_context(socket.socket())
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    raise OSError(f"fewer than {count} free ports on loopback")
