"""The relay transport, put together from its parts (api.transport.Transport)."""

import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Refused

from balchat_host.api.errors import (
    NetworkUnavailable,
    PeerUnreachable,
    ProtocolViolation,
    StorageFailed,
    StorageFull,
)
from balchat_host.api.failures import contain
from balchat_host.api.transport import BlobContainer, BlobReport, Outgoing, Transport, TransportContext
from balchat_host.api.types import ONLINE, STOPPED, OnionKey, PeerId, Phase, Route, ServiceState
from balchat_transport_relay.address import Destination
from balchat_transport_relay.blob_carrier import BlobCarrier
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.errors import InternalFailure
from balchat_transport_relay.key_package_claimer import KeyPackageClaimer
from balchat_transport_relay.managed_relays import ManagedRelays
from balchat_transport_relay.queue_sender import QueueSender
from balchat_transport_relay.reassembly import Reassembly
from balchat_transport_relay.relay_state import RelayState
from balchat_transport_relay.relay_worker import RelayWorker
from balchat_transport_relay.settings import RelaySettings

_STARTING: Final = ServiceState(phase=Phase.STARTING)
_NONE: Final = ServiceState(
    phase=Phase.DEGRADED, reason="no relay is set up: see `balchat relay add --help`", code="relay.none"
)
_VAULT_RETRY: Final = 60.0
_WORKER: Final = "worker"
_WORKER_RETRY: Final = 300.0
"""Seconds after which to start a worker again that ended with an unexpected exception."""
_TOLD_EVERY: Final = 6 * 3600.0
"""Seconds."""
_CREATION: Final = 5.0
"""Seconds to wait for new queues to be created at the relays before we give out their addresses anyway."""


class RelayTransport(Transport):
    """Puts envelopes into queues at contacts' relays, and receives those in ours."""

    def __init__(
        self, context: TransportContext, settings: RelaySettings, now: Callable[[], float] = time.time
    ) -> None:
        self._context = context
        self._settings = settings
        self._now = now
        self._circuits = Circuits(context, most=settings.circuits, timeout=settings.request_timeout)
        self._relay_state = RelayState(context, now)
        self._sender = QueueSender(context, self._circuits, everywhere=settings.redundancy == "all")
        self._claimer = KeyPackageClaimer(self._relay_state, self._circuits, now)
        self._blobs = BlobCarrier(self._relay_state, self._circuits, streams=settings.blob_streams)
        self._reassembly = Reassembly()
        self._workers: dict[bytes, RelayWorker] = {}
        self._scopes: dict[bytes, anyio.CancelScope] = {}
        self._tasks: TaskGroup | None = None
        self._has_run = False
        self._state = STOPPED
        self._relays = ManagedRelays(
            self._relay_state,
            most=settings.max_relays,
            worker=self._worker,
            start=self._start_worker,
            drop=self._end,
            changed=self._relays_changed,
        )

    @property
    def relays(self) -> ManagedRelays:
        return self._relays

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        if self._has_run:
            raise RuntimeError("this transport has run already; make another one")
        self._has_run = True
        self._tell(_STARTING)
        try:
            await self._relay_state.open()
            async with anyio.create_task_group() as tasks:
                await tasks.start(self._circuits.run)
                self._tasks = tasks
                for row in self._relay_state.relays:
                    self._start_worker(row.key)
                self._tell_state()
                tasks.start_soon(self._tell_read)
                task_status.started()
                await self._advertise()
                while True:
                    await self._context.requests_change()
                    for worker in self._workers.values():
                        worker.wake()
        finally:
            self._tasks = None
            self._workers.clear()
            self._scopes.clear()
            with anyio.CancelScope(shield=True):
                await self._sender.stop()
            self._tell(STOPPED)

    async def _tell_read(self) -> None:
        """Tell the host, now and then, up to when all that was stored for us was read, at all of our relays."""
        told = float("-inf")
        while True:
            await anyio.sleep(_TOLD_EVERY)
            until = min((each.read_until for each in self._workers.values()), default=anyio.current_time())
            until = min(until, anyio.current_time())
            if until <= told:
                continue
            try:
                await self._context.read_to_end(int((self._now() - (anyio.current_time() - until)) * 1000))
            except BaseException as error:  # noqa: BLE001  # it is told again
                contain("telling what was read", error)
            else:
                told = until

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        claimed = self._relay_state.claimed_inbox(peer)
        return [claimed.route] if claimed else []

    def onion_of(self, peer: PeerId, route: Route) -> OnionKey | None:
        del peer
        try:
            return OnionKey(Destination.of(route).address.relay_key)
        except Malformed:
            return None

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        self._require_running()
        made = await self._relay_state.allocate_queues(peer)
        waiting = [queue for queue in made if not queue.created]
        for queue in waiting:
            self._worker(queue.relay).wake()
        # Contacts should find the queues that they hear of. Where a relay cannot be used now, they are created later.
        healthy = [queue for queue in waiting if self._worker(queue.relay).health.state.phase is not Phase.DEGRADED]
        with anyio.move_on_after(_CREATION):
            await self._relay_state.wait_until_created(healthy)
        return [queue.destination.route for queue in made]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        self._require_running()
        await self._sender.send(peer, routes, outgoing)

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        del peer, device_id
        return False

    async def disconnect(self, peer: PeerId) -> None:
        # There is no connection to a contact. What a blocked contact puts stays at the relay.
        del peer

    async def forget(self, peer: PeerId) -> None:
        await self._relay_state.forget(peer)
        self._claimer.forget(peer)
        if not self._relay_state.queues(peer=peer):  # else the worker that deletes the last one does
            self._circuits.release(peer)
        for worker in self._workers.values():
            worker.wake()

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        for peer in self._relay_state.peers - set(peers):
            await self.forget(peer)

    async def claim_key_package(
        self, peer: PeerId, relays: Sequence[str], routes: Sequence[Route] = ()
    ) -> bytes | None:
        self._require_running()
        return await self._claimer.claim(peer, relays, routes)

    async def allocate_containers(self, peer: PeerId) -> Sequence[BlobContainer]:
        self._require_running()
        return await self._blobs.allocate(peer)

    async def put_blob(self, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        self._require_running()
        with _lies_unreachable():
            return await self._blobs.put(peer, key, index, octets)

    async def get_blob(self, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        self._require_running()
        return await self._blobs.get(peer, offer, index, size)

    async def delete_blobs(self, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        self._require_running()
        with _lies_unreachable():
            await self._blobs.delete(peer, key, indexes)

    async def renew_blobs(self, peer: PeerId, key: bytes) -> BlobReport:
        self._require_running()
        with _lies_unreachable():
            return await self._blobs.renew(peer, key)

    # -- relays

    def _worker(self, key: bytes) -> RelayWorker:
        """Return the worker of a relay of ours. Each has one while we run. Raise NetworkUnavailable."""
        self._require_running()
        return self._workers[key]

    def _start_worker(self, key: bytes) -> RelayWorker:
        """Return the worker of a relay; start it where there is none. Raise NetworkUnavailable."""
        tasks = self._require_running()
        if key not in self._workers:
            self._workers[key] = worker = RelayWorker(
                self._context,
                key,
                state=self._relay_state,
                circuits=self._circuits,
                reassembly=self._reassembly,
                settings=self._settings,
                changed=self._tell_state,
                now=self._now,
            )
            self._scopes[key] = anyio.CancelScope()
            tasks.start_soon(self._run, worker, self._scopes[key])
        return self._workers[key]

    async def _run(self, worker: RelayWorker, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                try:
                    await worker.run()
                except BaseException as error:  # noqa: BLE001  # the other relays go on
                    contain("working with a relay", error)
                    worker.health.problem(_WORKER, InternalFailure())
                    await anyio.sleep(_WORKER_RETRY)
                    worker.health.forget(_WORKER)
                else:
                    if self._relay_state.relay(worker.relay.octets) is None:
                        return self._end(worker.relay.octets)  # we have left it for good

    def _end(self, key: bytes) -> None:
        self._workers.pop(key, None)
        if (scope := self._scopes.pop(key, None)) is not None:
            scope.cancel()
        self._tell_state()

    def _relays_changed(self) -> None:
        for worker in self._workers.values():
            worker.wake()
        self._require_running().start_soon(self._advertise)
        self._context.routes_changed()
        self._tell_state()

    async def _advertise(self) -> None:
        while True:
            try:
                return await self._context.advertise([row.onion_key.onion for row in self._relay_state.used])
            except (StorageFull, StorageFailed):
                await anyio.sleep(_VAULT_RETRY)

    def _tell_state(self) -> None:
        states = [self._workers[row.key].health.state for row in self._relay_state.used if row.key in self._workers]
        self._tell(_together(states))

    def _tell(self, state: ServiceState) -> None:
        if state != self._state:
            self._state = state
            self._context.state_changed(state)

    def _require_running(self) -> TaskGroup:
        if self._tasks is None:
            raise NetworkUnavailable(problem="the relay transport does not run", remedy="Start it first.")
        return self._tasks


@contextmanager
def _lies_unreachable() -> Generator[None]:
    """Call a relay of ours that misbehaves, or refuses, out of reach: nothing was put, and it is tried again."""
    try:
        yield
    except (ProtocolViolation, Refused) as error:
        raise PeerUnreachable(problem=str(error)) from error


def _together(states: Sequence[ServiceState]) -> ServiceState:
    if not states:
        return _NONE
    bad = [state for state in states if state.phase is Phase.DEGRADED]
    if bad:
        which = "our relay" if len(states) == 1 else f"{len(bad)} of {len(states)} relays"
        return ServiceState(phase=Phase.DEGRADED, reason=f"{which}: {bad[0].reason}", code=bad[0].code)
    return ONLINE if all(state.phase is Phase.ONLINE for state in states) else _STARTING
