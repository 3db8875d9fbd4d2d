"""Connects to those whom we talked with last, once a transport that reaches them is online.

They may have something for us that waits, and only learn by this that we are back; otherwise it would wait for their
next try. It is done once each time that a transport comes online, and for a limited number, so that a large account
does not spend its circuits on people who are away.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.failures import contain
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId, Phase, ServiceState
from balchat_host.core import contacts, peers
from balchat_host.core.delivery import outgoing
from balchat_host.runtime.router import Router
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

MOST: Final = 32
"""How many are connected to."""
_AT_ONCE: Final = 4
_PAUSE: Final = 60.0
"""Seconds between two rounds at least: a transport may come and go."""


class Reconnector:
    """Connects to contacts for whom nothing waits here."""

    def __init__(self, runner: UnitOfWorkRunner, router: Router) -> None:
        self._runner = runner
        self._router = router
        self._online: set[str] = set()
        self._due = False
        self._bell = Bell()

    def note(self, transport: str, state: ServiceState) -> None:
        """Take note of how a transport is that reaches contacts themselves."""
        if state.phase is not Phase.ONLINE:
            self._online.discard(transport)
        elif transport not in self._online:
            self._online.add(transport)
            self._due = True
            self._bell.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            while not self._due:
                await self._bell.wait()
            self._due = False
            try:
                await self._reconnect()
            except BaseException as error:  # noqa: BLE001  # it is done again when a transport next comes online
                contain("connecting to contacts again", error)
            await anyio.sleep(_PAUSE)

    async def _reconnect(self) -> None:
        devices = iter(await self._runner.read(_idle))
        async with anyio.create_task_group() as tasks:
            for _ in range(_AT_ONCE):
                tasks.start_soon(self._connect_each, devices)

    async def _connect_each(self, devices: Iterator[tuple[PeerId, bytes | None]]) -> None:
        for peer, device_id in devices:
            if not self._router.reachable(peer, device_id):
                with suppress(PeerUnreachable, NetworkUnavailable):
                    await self._router.send(peer, lambda: (), device_id=device_id)


def _idle(tx: ReadTransaction) -> list[tuple[PeerId, bytes | None]]:
    waiting = set(outgoing.peers(tx))
    idle = [peer for peer in contacts.recent(tx, MOST) if peer not in waiting]
    return [(peer, device_id) for peer in idle for device_id in peers.device_ids(tx, peer) or [None]]
