"""A load generator for the relay that costs next to nothing: plain sockets, prepared requests, no event loop.

What it needs for itself would count against the relay: with one client it is part of every round trip, and with many it
would be the limit. `relay_server` measures it against a server that does no work, too.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEAD: Final = 512
_ROOM: Final = 32 * 1024
_OK: Final = b"HTTP/1.1 200"


class Client:
    """One connection, one request at a time, each answered with status 200."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self._room = memoryview(bytearray(_ROOM))  # grows with the largest answer
        self._there = 0
        self._whole = 0
        self._requests: deque[bytes] = deque()

    def begin(self, requests: Sequence[bytes]) -> None:
        """Send the first; `go_on` sends the next."""
        self._requests.extend(requests)
        self.socket.sendall(self._requests.popleft())

    def go_on(self) -> bool:
        """Read what is there, and ask on; say whether there is more to wait for."""
        octets = self.socket.recv_into(self._room[self._there :])
        if not octets:
            raise ConnectionResetError
        self._there += octets
        if not self._whole:
            head = bytes(self._room[: min(self._there, _HEAD)]).lower()
            end = head.find(b"\r\n\r\n")
            if end < 0:
                return True
            if not head.startswith(_OK.lower()):
                raise RuntimeError(bytes(self._room[: self._there]))
            self._whole = end + 4 + int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if self._whole > len(self._room):
                larger = memoryview(bytearray(self._whole))
                larger[: self._there] = self._room[: self._there]
                self._room = larger
        if self._there < self._whole:
            return True
        self._there = self._whole = 0
        if self._requests:
            self.socket.sendall(self._requests.popleft())
            return True
        return False

    def close(self) -> None:
        self.socket.close()


def run(clients: Sequence[Client], requests: Sequence[Sequence[bytes]]) -> float:
    """Have all clients send theirs one after the other; return the seconds until all are answered."""
    by_descriptor = {client.socket.fileno(): client for client in clients}
    with select.epoll() as waiting:
        for descriptor in by_descriptor:
            waiting.register(descriptor, select.EPOLLIN)
        busy = len(clients)
        start = time.perf_counter()
        for client, own in zip(clients, requests, strict=True):
            client.begin(own)
        while busy:
            for descriptor, _ in waiting.poll():
                if not by_descriptor[descriptor].go_on():
                    busy -= 1
        return time.perf_counter() - start


def post(operation: str, body: bytes) -> bytes:
    """Write a request."""
    return f"POST /v1/{operation} HTTP/1.1\r\nHost: relay\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
