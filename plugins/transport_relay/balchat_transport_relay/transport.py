"""The relay transport: its parts, put together (api.transport.Transport)."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from balchat_host.api.errors import NetworkUnavailable, StorageFailed, StorageFull
from balchat_host.api.transport import Outgoing, Transport, TransportHost
from balchat_host.api.types import ONLINE, STOPPED, PeerId, Phase, Route, ServiceState
from balchat_transport_relay.book import Book
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.claiming import Claiming
from balchat_transport_relay.depositing import Depositing
from balchat_transport_relay.faults import unforeseen
from balchat_transport_relay.joining import Wholes
from balchat_transport_relay.relays import ManagedRelays
from balchat_transport_relay.settings import RelaySettings
from balchat_transport_relay.station import Station

_STARTING: Final = ServiceState(phase=Phase.STARTING)
_NONE: Final = ServiceState(phase=Phase.DEGRADED, reason="no relay is set up: see `balchat relay add --help`")
_VAULT_RETRY: Final = 60.0
_STATION: Final = "station"
_STATION_RETRY: Final = 300.0
"""Seconds after which what works with a relay begins again, when it has failed in a way that nobody foresaw."""
_CREATION: Final = 5.0
"""Seconds that new queues have to be made at the relays before their addresses are given out all the same."""


class RelayTransport(Transport):
    """Leaves envelopes at contacts' relays, and has ours push what was left for us."""

    def __init__(self, host: TransportHost, settings: RelaySettings, now: Callable[[], float] = time.time) -> None:
        self._host = host
        self._settings = settings
        self._now = now
        self._circuits = Circuits(host, most=settings.circuits, timeout=settings.request_timeout)
        self._book = Book(host, now)
        self._depositing = Depositing(host, self._circuits, everywhere=settings.redundancy == "all")
        self._claiming = Claiming(self._book, self._circuits, now)
        self._wholes = Wholes()
        self._stations: dict[bytes, Station] = {}
        self._scopes: dict[bytes, anyio.CancelScope] = {}
        self._tasks: TaskGroup | None = None
        self._state = STOPPED
        self._relays = ManagedRelays(
            self._book,
            most=settings.max_relays,
            station=self._station,
            drop=self._end,
            changed=self._relays_changed,
        )

    @property
    def relays(self) -> ManagedRelays:
        return self._relays

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        self._tell(_STARTING)
        try:
            await self._book.open()
            async with anyio.create_task_group() as self._tasks:
                await self._tasks.start(self._circuits.run)
                for row in self._book.relays:
                    self._station(row.key)
                self._tell_state()
                task_status.started()
                await self._advertise()
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            self._stations.clear()
            self._scopes.clear()
            with anyio.CancelScope(shield=True):
                await self._depositing.stop()
            self._tell(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        claimed = self._book.claimed(peer)
        return [claimed.route] if claimed else []

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        self._require_running()
        made = await self._book.queues_for(peer)
        waiting = [queue for queue in made if not queue.created]
        for queue in waiting:
            self._station(queue.relay).wake()
        # Whoever learns of them shall find them; but where a relay cannot be used now, they are made later.
        healthy = [queue for queue in waiting if self._station(queue.relay).health.state.phase is not Phase.DEGRADED]
        with anyio.move_on_after(_CREATION):
            await self._book.created(healthy)
        return [queue.destination.route for queue in made]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        self._require_running()
        await self._depositing.send(peer, routes, outgoing)

    def reachable(self, peer: PeerId) -> bool:
        del peer
        return False

    async def disconnect(self, peer: PeerId) -> None:
        # Nothing stands between us and a contact; what a blocked one leaves stays where it is.
        del peer

    async def forget(self, peer: PeerId) -> None:
        await self._book.forget(peer)
        self._claiming.forget(peer)
        self._circuits.release(peer)
        for station in self._stations.values():
            station.wake()

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        for peer in self._book.peers - set(peers):
            await self.forget(peer)

    async def claim_key_package(
        self, peer: PeerId, relays: Sequence[str], routes: Sequence[Route] = ()
    ) -> bytes | None:
        self._require_running()
        return await self._claiming.claim(peer, relays, routes)

    # -- relays

    def _station(self, key: bytes) -> Station:
        """Give the station of a relay; one that is new begins to work."""
        tasks = self._require_running()
        if key not in self._stations:
            self._stations[key] = station = Station(
                self._host,
                key,
                book=self._book,
                circuits=self._circuits,
                wholes=self._wholes,
                settings=self._settings,
                changed=self._tell_state,
                now=self._now,
            )
            self._scopes[key] = anyio.CancelScope()
            tasks.start_soon(self._run, station, self._scopes[key])
        return self._stations[key]

    async def _run(self, station: Station, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                try:
                    await station.run()
                except BaseException as error:  # noqa: BLE001  # what one relay meets is nothing to the others
                    station.health.ours(_STATION, str(unforeseen("working with a relay", error)))
                    await anyio.sleep(_STATION_RETRY)
                    station.health.forget(_STATION)
                else:
                    return self._end(station.relay.octets)  # we have left it for good

    def _end(self, key: bytes) -> None:
        self._stations.pop(key, None)
        if (scope := self._scopes.pop(key, None)) is not None:
            scope.cancel()
        self._tell_state()

    def _relays_changed(self) -> None:
        for station in self._stations.values():
            station.wake()
        self._require_running().start_soon(self._advertise)
        self._host.routes_changed()
        self._tell_state()

    async def _advertise(self) -> None:
        while True:
            try:
                return await self._host.advertise([row.peer.onion for row in self._book.used])
            except (StorageFull, StorageFailed):
                await anyio.sleep(_VAULT_RETRY)

    def _tell_state(self) -> None:
        states = [self._stations[row.key].health.state for row in self._book.used if row.key in self._stations]
        self._tell(_together(states))

    def _tell(self, state: ServiceState) -> None:
        if state != self._state:
            self._state = state
            self._host.state_changed(state)

    def _require_running(self) -> TaskGroup:
        if self._tasks is None:
            raise NetworkUnavailable(problem="the relay transport does not run", remedy="Start it first.")
        return self._tasks


def _together(states: Sequence[ServiceState]) -> ServiceState:
    if not states:
        return _NONE
    bad = [state for state in states if state.phase is Phase.DEGRADED]
    if bad:
        which = "our relay" if len(states) == 1 else f"{len(bad)} of {len(states)} relays"
        return ServiceState(phase=Phase.DEGRADED, reason=f"{which}: {bad[0].reason}")
    return ONLINE if all(state.phase is Phase.ONLINE for state in states) else _STARTING
