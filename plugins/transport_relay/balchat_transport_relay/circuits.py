"""Which circuit carries what: a contact's puts, its queues, claims and the inbox never share one, up to a number.

A relay sees which queues one connection touches. So each contact has circuits of its own, until there are `most`;
further contacts share those, and a contact always the same one.
"""

from typing import Final

import anyio
from anyio.abc import TaskStatus

from balchat_host.api.transport import TransportHost
from balchat_host.api.types import PeerId
from balchat_transport_relay.lane import Lane

IDLE: Final = 120.0
"""Seconds after which a connection that nobody uses is closed."""
_LOOK: Final = 30.0


class Circuits:
    """The lanes of all relays, ours and our contacts'. `run` closes those that nobody uses, and at the end all."""

    def __init__(self, host: TransportHost, *, most: int, timeout: float) -> None:
        self._host = host
        self._most = most
        self._timeout = timeout
        self._slots: dict[PeerId, int] = {}
        self._lanes: dict[tuple[PeerId, str], Lane] = {}
        self._ours: set[tuple[PeerId, str]] = set()
        self._open = False

    def slot(self, peer: PeerId) -> int:
        """Give the number of a contact's circuits."""
        if peer not in self._slots:
            free = set(range(self._most)) - set(self._slots.values())
            self._slots[peer] = min(free) if free else int.from_bytes(peer.octets[:8]) % self._most
        return self._slots[peer]

    def release(self, peer: PeerId) -> None:
        """Let others have a contact's circuits."""
        self._slots.pop(peer, None)

    def lane(self, relay: PeerId, isolation: str, *, ours: bool = False) -> Lane:
        """Give the connection to a relay for a purpose. Those to relays of `ours` are for whoever asked to keep.

        Which relays contacts name is theirs to say, so others are forgotten when they are idle.
        """
        if ours:
            self._ours.add((relay, isolation))
        lane = self._lanes.get((relay, isolation))
        if lane is None:
            lane = Lane(self._host, relay, isolation=isolation, timeout=self._timeout)
            lane.closed = not self._open
            self._lanes[relay, isolation] = lane
        return lane

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Work until cancelled; then every connection is closed, and none is opened again."""
        self._open = True
        task_status.started()
        try:
            while True:
                await anyio.sleep(_LOOK)
                now = anyio.current_time()
                for key, lane in list(self._lanes.items()):
                    if now - lane.used_at > IDLE and not lane.busy:
                        if key not in self._ours:
                            del self._lanes[key]
                        await lane.disconnect()
        finally:
            self._open = False
            lanes, self._lanes = list(self._lanes.values()), {}
            with anyio.CancelScope(shield=True):
                for lane in lanes:
                    await lane.aclose()
