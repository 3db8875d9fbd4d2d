"""Which circuit carries what: a contact's puts, its queues, claims and the inbox never share one, up to a number.

A relay sees which queues one connection touches. So each contact has circuits of its own, until there are `most`;
further contacts share those, and a contact always the same one.
"""

from typing import Final

import anyio

from balchat_host.api.transport import TransportHost
from balchat_host.api.types import PeerId
from balchat_transport_relay.lane import Lane

_IDLE: Final = 120.0
"""Seconds after which a connection that nobody uses is closed."""


class Circuits:
    """The lanes of all relays, ours and our contacts'."""

    def __init__(self, host: TransportHost, *, most: int, timeout: float) -> None:
        self._host = host
        self._most = most
        self._timeout = timeout
        self._slots: dict[PeerId, int] = {}
        self._lanes: dict[tuple[PeerId, str], Lane] = {}

    def slot(self, peer: PeerId) -> int:
        """Give the number of a contact's circuits."""
        if peer not in self._slots:
            taken = len(self._slots)
            self._slots[peer] = taken if taken < self._most else int.from_bytes(peer.octets[:8]) % self._most
        return self._slots[peer]

    def lane(self, relay: PeerId, isolation: str) -> Lane:
        """Give the connection to a relay for a purpose."""
        lane = self._lanes.get((relay, isolation))
        if lane is None:
            lane = Lane(self._host, relay, isolation=isolation, timeout=self._timeout)
            self._lanes[relay, isolation] = lane
        return lane

    async def close_idle(self) -> None:
        """Close what has not been used for a while."""
        now = anyio.current_time()
        for key, lane in list(self._lanes.items()):
            if now - lane.used_at > _IDLE and not lane.busy:
                del self._lanes[key]
                await lane.aclose()

    async def aclose(self) -> None:
        """Close everything."""
        lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            await lane.aclose()
