"""Which connections use which circuit. A contact's puts, their queues, claims and the inbox never share one.

A relay sees which queues one connection uses. So each contact has circuits of their own, for up to `most` contacts.
Further contacts share those circuits; each of them always shares the same one.
"""

from typing import Final

import anyio
from anyio.abc import TaskStatus

from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey, PeerId
from balchat_transport_relay.client import RelayClient

IDLE: Final = 120.0
"""Seconds after which an unused connection is closed."""
_LOOK: Final = 30.0


class Circuits:
    """The clients of all relays, ours and our contacts'. `run` closes unused ones, and all of them at the end."""

    def __init__(self, context: TransportContext, *, most: int, timeout: float) -> None:
        self._context = context
        self._most = most
        self._timeout = timeout
        self._slots: dict[PeerId, int] = {}
        self._clients: dict[tuple[OnionKey, str], RelayClient] = {}
        self._ours: set[tuple[OnionKey, str]] = set()
        self._open = False

    def assign(self, peer: PeerId) -> int:
        """Return the number of a contact's circuits. It stays theirs until `release`."""
        if peer not in self._slots:
            free = set(range(self._most)) - set(self._slots.values())
            self._slots[peer] = min(free) if free else int.from_bytes(peer.octets[:8]) % self._most
        return self._slots[peer]

    def release(self, peer: PeerId) -> None:
        """Make a contact's circuits available to others."""
        self._slots.pop(peer, None)

    def client(
        self,
        relay: OnionKey,
        isolation: str,
        *,
        ours: bool = False,
        timeout: float | None = None,
    ) -> RelayClient:
        """Return the client of a relay over one circuit; create it where there is none.

        `timeout`: seconds that one request may take, where that is not as the settings say. Clients of `ours` stay.
        Others are dropped when they are idle, because contacts choose which relays they name.
        """
        if ours:
            self._ours.add((relay, isolation))
        client = self._clients.get((relay, isolation))
        if client is None:
            client = RelayClient(
                self._context, relay, isolation=isolation, timeout=timeout or self._timeout, closed=not self._open
            )
            self._clients[relay, isolation] = client
        return client

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Run until cancelled. Then close every connection and open no more."""
        self._open = True
        task_status.started()
        try:
            while True:
                await anyio.sleep(_LOOK)
                now = anyio.current_time()
                for key, client in list(self._clients.items()):
                    if now - client.used_at > IDLE and not client.busy:
                        if key not in self._ours:
                            del self._clients[key]
                        await client.disconnect()
        finally:
            self._open = False
            clients, self._clients = list(self._clients.values()), {}
            with anyio.CancelScope(shield=True):
                for client in clients:
                    await client.aclose()
