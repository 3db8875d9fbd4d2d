"""What waits to be sent on one WebSocket, in the order in which it was said.

One task writes (`flush`). Nothing is said of a subscription after its end, because everything goes through here or is
sent by the same task.
"""

import asyncio
from typing import Final

from balchat_relay_proto.frames import FromRelay, encode_from_relay

from balchat_relay.web.answers import Socket

_LIMIT: Final = 256 * 1024
"""Octets beyond which no envelope is added, so that a client that does not read costs no more."""


class Outbox:
    """The frames that wait, and whoever waits for them."""

    __slots__ = ("_frames", "_octets", "_sent", "_socket", "_work")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._frames: list[bytes] = []
        self._octets = 0
        self._work = asyncio.Event()  # there is something for the writer to do
        self._sent = asyncio.Event()  # no frame waits

    def has_room(self, octets: int) -> bool:
        """Return whether an envelope of this size may be added."""
        return not self._octets or self._octets + octets <= _LIMIT

    def add(self, frame: FromRelay) -> None:
        """Send a frame soon. On a socket that is closed, do nothing."""
        if self._socket.closed:
            return
        octets = encode_from_relay(frame)
        self._frames.append(octets)
        self._octets += len(octets)
        self._sent.clear()
        self._work.set()

    def wake(self) -> None:
        """Let the writer look for something else to do."""
        self._work.set()

    async def wait_for_work(self) -> None:
        """Wait until there is something to do. For the writer."""
        await self._work.wait()
        self._work.clear()

    async def flush(self) -> None:
        """Send every frame, as fast as the client takes them. For the writer. Raise ConnectionError."""
        while self._frames:
            frames, self._frames = self._frames, []
            for octets in frames:
                await self._socket.send_bytes(octets)
                self._octets -= len(octets)
        self._sent.set()

    async def wait_until_sent(self) -> None:
        """Wait until no frame waits, or the writer has ended."""
        await self._sent.wait()

    def end(self) -> None:
        """Let nobody wait any more, since the writer has ended and the socket is closed."""
        self._sent.set()
