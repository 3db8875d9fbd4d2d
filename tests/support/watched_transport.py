"""A transport with a watchman: it lets everything through, fails where the host or the transport breaks their contract.

What it holds the host to: no ticket is handed over again before its final report, and tickets go up along one way.
What it holds the transport to: no report without a ticket, and one final report each.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import anyio
from anyio.abc import ByteStream, TaskStatus

from balchat_host.api.network import PublishedService
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.transport import (
    Disposition,
    KeyPackages,
    Outcome,
    Outgoing,
    RelayManager,
    SendReport,
    Transport,
    TransportContext,
)
from balchat_host.api.types import DeviceIdentity, OnionKey, OwnOnion, PeerId, Route, ServiceState
from balchat_host.runtime.plugin_setups import TransportSetup

T = TypeVar("T")


class Watch:
    """What one account's transport was asked and has told. Tests read it, and may set `before_send`."""

    def __init__(self) -> None:
        self.in_flight: dict[int, PeerId] = {}
        self.reports: list[SendReport] = []
        self.sends = 0
        self.reached: list[tuple[PeerId, bool]] = []
        self.states: list[ServiceState] = []
        self.runs = 0
        self._end = anyio.Event()
        self.before_run: Callable[[int], None] = lambda _run: None
        self.before_send: Callable[[PeerId], None] = lambda _peer: None
        self.on_reached: Callable[[PeerId, bool], None] = lambda _peer, _reachable: None

    def fail(self) -> None:
        """Have the transport's run end with an error."""
        self._end.set()

    async def run(self, transport: Transport, task_status: TaskStatus[None]) -> None:
        """Run the transport until it shall fail."""
        self.runs += 1
        self.before_run(self.runs)
        self._end = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._fail_when_told)
            await transport.run(task_status=task_status)

    async def _fail_when_told(self) -> None:
        await self._end.wait()
        raise RuntimeError("a test made it fail")

    def wrap(self, setup: TransportSetup) -> TransportSetup:
        """Have a transport watched."""
        return replace(setup, make=partial(self._make, setup))

    def _make(self, setup: TransportSetup, host: TransportContext) -> Transport:
        return _Watched(setup.make(_WatchedContext(host, self)), self)


class _Watched(Transport):
    def __init__(self, transport: Transport, watch: Watch) -> None:
        self._transport = transport
        self._watch = watch

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        await self._watch.run(self._transport, task_status)

    @property
    def relays(self) -> RelayManager | None:
        return self._transport.relays

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return self._transport.first_routes(peer)

    def onion_of(self, peer: PeerId, route: Route) -> OnionKey | None:
        return self._transport.onion_of(peer, route)

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        return await self._transport.allocate_routes(peer)

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        self._watch.sends += 1
        self._watch.before_send(peer)
        tickets = [each.ticket for each in outgoing]
        twice = self._watch.in_flight.keys() & tickets
        assert not twice, "handed over while it is on its way"
        assert tickets == sorted(set(tickets)), "handed over out of order"
        self._watch.in_flight.update(dict.fromkeys(tickets, peer))
        try:
            await self._transport.send(peer, routes, outgoing)
        except BaseException:  # cancelled, too: whoever was blocked while we connected
            for ticket in tickets:
                self._watch.in_flight.pop(ticket, None)
            raise

    async def open_bulk(self, peer: PeerId, routes: Sequence[Route]) -> ByteStream:
        return await self._transport.open_bulk(peer, routes)

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return self._transport.reachable(peer, device_id)

    async def disconnect(self, peer: PeerId) -> None:
        await self._transport.disconnect(peer)

    async def forget(self, peer: PeerId) -> None:
        await self._transport.forget(peer)

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        await self._transport.keep_only(peers)

    async def claim_key_package(
        self, peer: PeerId, relays: Sequence[str], routes: Sequence[Route] = ()
    ) -> bytes | None:
        return await self._transport.claim_key_package(peer, relays, routes)


class _WatchedContext(TransportContext):
    def __init__(self, host: TransportContext, watch: Watch) -> None:
        self._host = host
        self._watch = watch

    @property
    def identity(self) -> PeerId:
        return self._host.identity

    @property
    def device_id(self) -> bytes:
        return self._host.device_id

    @property
    def accepts_requests(self) -> bool:
        return self._host.accepts_requests

    async def requests_change(self) -> None:
        await self._host.requests_change()

    async def is_contact(self, peer: PeerId) -> bool:
        return await self._host.is_contact(peer)

    async def onion_key(self, onion: OwnOnion) -> OnionKey:
        return await self._host.onion_key(onion)

    async def dial(self, address: OnionKey, port: int, *, isolation: str = "") -> ByteStream:
        return await self._host.dial(address, port, isolation=isolation)

    async def sign(self, *, domain: str, message: bytes, signer: OwnOnion = OwnOnion.IDENTITY) -> bytes:
        return await self._host.sign(domain=domain, message=message, signer=signer)

    def verify(self, signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
        self._host.verify(signer, domain=domain, message=message, signature=signature)

    async def publish(
        self, onion: OwnOnion, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> PublishedService:
        return await self._host.publish(onion, port, on_state=on_state)

    async def receive(
        self, source: PeerId | None, envelopes: Sequence[bytes], *, relay: OnionKey | None = None
    ) -> Sequence[Disposition]:
        return await self._host.receive(source, envelopes, relay=relay)

    async def accept_bulk(self, source: DeviceIdentity, stream: ByteStream) -> None:
        await self._host.accept_bulk(source, stream)

    async def change(self, fn: Callable[[KeyValueArea], T]) -> T:
        return await self._host.change(fn)

    async def read(self, fn: Callable[[KeyValueArea], T]) -> T:
        return await self._host.read(fn)

    async def restored_at(self) -> int | None:
        return await self._host.restored_at()

    async def key_packages(self, count: int) -> KeyPackages:
        return await self._host.key_packages(count)

    async def advertise(self, relays: Sequence[str]) -> None:
        await self._host.advertise(relays)

    def routes_changed(self, peer: PeerId | None = None) -> None:
        self._host.routes_changed(peer)

    def report(self, reports: Sequence[SendReport]) -> None:
        for report in reports:
            assert report.ticket in self._watch.in_flight, "a report without a ticket"
            self._watch.reports.append(report)
            if report.outcome is not Outcome.SENT:
                del self._watch.in_flight[report.ticket]
        self._host.report(reports)

    def state_changed(self, state: ServiceState) -> None:
        self._watch.states.append(state)
        self._host.state_changed(state)

    async def read_to_end(self, since: int) -> None:
        await self._host.read_to_end(since)

    def routes_lost(self, peer: PeerId) -> None:
        self._host.routes_lost(peer)

    def peer_changed(self, device: DeviceIdentity, *, reachable: bool) -> None:
        self._watch.reached.append((device.peer, reachable))
        self._host.peer_changed(device, reachable=reachable)
        self._watch.on_reached(device.peer, reachable)
