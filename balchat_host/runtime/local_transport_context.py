"""What transports see of the host: one for each object of a transport, each knowing its transport's name.

It knows what its object has not finished: envelopes without a final report, peers within reach, published addresses.
When the object has ended, that is cleared, and what it still says is not heard.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import anyio
from anyio.abc import ByteStream

from balchat_host.api.errors import StorageFull
from balchat_host.api.failures import contain
from balchat_host.api.network import PublishedService
from balchat_host.api.storage import KeyValueArea, ReadTransaction
from balchat_host.api.transport import Disposition, KeyPackages, Latency, Outcome, SendReport, TransportContext, Verdict
from balchat_host.api.types import STOPPED, DeviceIdentity, OnionKey, OwnOnion, PeerId, Secret, ServiceState
from balchat_host.api.views import WayView
from balchat_host.core import account, after_restore, contacts, envelope_budgets, inbox, key_package_pool, up_time
from balchat_host.core.unit_of_work import crypto_area
from balchat_host.runtime.enabled_network import EnabledNetwork, RepublishedService
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.request_switch import RequestSwitch
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

T = TypeVar("T")

_FULL_RETRY_AFTER = 60.0
_CLOSING: Final = 5.0
"""Seconds in which an address that an ended object left published can be taken back."""


class LocalTransportContext(TransportContext):
    """The host as one object of a transport sees it. `on_state` is told how that object is."""

    def __init__(
        self,
        name: str,
        latency: Latency,
        *,
        us: DeviceIdentity,
        requests: RequestSwitch,
        runner: UnitOfWorkRunner,
        network: EnabledNetwork,
        live_status: LiveStatus,
        on_state: Callable[[ServiceState], None],
        on_reports: Callable[[Sequence[SendReport], Latency], None],
        on_peer: Callable[[DeviceIdentity, bool], None],
        on_routes: Callable[[PeerId | None], None],
        on_routes_lost: Callable[[PeerId], None],
        on_bulk: Callable[[DeviceIdentity, ByteStream], Awaitable[None]],
    ) -> None:
        self._name = name
        self._latency = latency
        self._us = us
        self._requests = requests
        self._runner = runner
        self._network = network
        self._live_status = live_status
        self._on_state = on_state
        self._on_reports = on_reports
        self._on_peer = on_peer
        self._on_routes = on_routes
        self._on_routes_lost = on_routes_lost
        self._on_bulk = on_bulk
        self._area = f"transport/{name}"
        self._device_onion: OnionKey | None = None
        self._heard = True
        self._handed_over: set[int] = set()
        self._within_reach: set[DeviceIdentity] = set()
        self._published: list[tuple[OwnOnion, RepublishedService]] = []

    def hand_over(self, tickets: Iterable[int]) -> None:
        """Count these envelopes as the object's, until their final reports."""
        self._handed_over.update(tickets)

    def not_taken(self, tickets: Iterable[int]) -> None:
        """Count these no more: the object did not accept them."""
        self._handed_over.difference_update(tickets)

    async def end(self) -> None:
        """Clear what the object left when it ended. What had no final report is lost, and goes out again."""
        lost = [SendReport(ticket=ticket, outcome=Outcome.LOST) for ticket in sorted(self._handed_over)]
        self.report(lost)
        for device in tuple(self._within_reach):
            self.peer_changed(device, reachable=False)
        self._heard = False
        for onion, service in self._published:
            try:
                with anyio.move_on_after(_CLOSING, shield=True):
                    await service.aclose()
            except BaseException as error:  # noqa: BLE001  # a plugin's code runs in it
                contain(f"closing what {self._name} published", error)
            self._live_status.set_published(onion, STOPPED)

    @property
    def identity(self) -> PeerId:
        return self._us.peer

    @property
    def device_id(self) -> bytes:
        return self._us.device_id

    @property
    def accepts_requests(self) -> bool:
        return self._requests.accepted

    async def requests_change(self) -> None:
        await self._requests.changed.wait()

    async def is_contact(self, peer: PeerId) -> bool:
        contact = await self._runner.read(lambda tx: contacts.by_peer(tx, peer))
        return contact is not None and not contact.blocked

    async def sign(self, *, domain: str, message: bytes, signer: OwnOnion = OwnOnion.IDENTITY) -> bytes:
        engine = self._runner.engine
        if signer is OwnOnion.DEVICE:
            seed = await self._runner.read(account.device_onion_seed)
            return engine.sign_as_onion(seed, domain=domain, message=message)
        return await self._runner.read(lambda tx: engine.sign(crypto_area(tx), domain=domain, message=message))

    def verify(self, signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
        self._runner.engine.verify(signer, domain=domain, message=message, signature=signature)

    async def onion_key(self, onion: OwnOnion) -> OnionKey:
        if onion is OwnOnion.IDENTITY:
            return self._us.peer.identity_onion
        if self._device_onion is None:  # it is asked for with each stream that comes in
            self._device_onion = self._runner.engine.onion_key(await self._runner.read(account.device_onion_seed))
        return self._device_onion

    async def dial(self, address: OnionKey, port: int, *, isolation: str = "") -> ByteStream:
        # Streams to two contacts never share a circuit, so that nobody in between can tell they are of one person.
        return await self._network.dial(address, port, isolation=f"{self._name}/{address.octets.hex()}/{isolation}")

    async def publish(
        self, onion: OwnOnion, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> PublishedService:
        def took(state: ServiceState) -> None:
            if self._heard:
                self._live_status.set_published(onion, state)
                try:
                    on_state(state)
                except BaseException as error:  # noqa: BLE001  # the transport's failure is not the network's
                    contain(self._name, error)

        service = await self._network.publish(await self._runner.read(self._seed_of(onion)), port, on_state=took)
        self._published = [(which, each) for which, each in self._published if not each.closed]
        self._published.append((onion, service))
        return service

    def _seed_of(self, onion: OwnOnion) -> Callable[[ReadTransaction], Secret]:
        if onion is OwnOnion.DEVICE:
            return account.device_onion_seed
        return lambda tx: self._runner.engine.identity_seed(crypto_area(tx))

    async def receive(
        self, source: PeerId | None, envelopes: Sequence[bytes], *, relay: OnionKey | None = None
    ) -> Sequence[Disposition]:
        direct = self._latency is Latency.INTERACTIVE
        way = WayView(transport=self._name, direct=direct, relay=None if relay is None else relay.onion)
        dispositions: list[Disposition] = []
        for portion in envelope_budgets.portions(envelopes):
            try:
                dispositions += await self._runner.change(
                    lambda unit, portion=portion: inbox.receive(unit, source, portion, way)
                )
            except StorageFull as error:
                refused = Disposition(verdict=Verdict.REFUSED, reason=error.code, retry_after=_FULL_RETRY_AFTER)
                dispositions += [refused] * (len(envelopes) - len(dispositions))
                break
        return dispositions

    async def accept_bulk(self, source: DeviceIdentity, stream: ByteStream) -> None:
        if self._heard:
            await self._on_bulk(source, stream)

    async def change(self, fn: Callable[[KeyValueArea], T]) -> T:
        return await self._runner.change(lambda unit: fn(unit.tx.area(self._area)))

    async def read(self, fn: Callable[[KeyValueArea], T]) -> T:
        return await self._runner.read(lambda tx: fn(tx.area(self._area)))

    async def restored_at(self) -> int | None:
        return await self._runner.read(after_restore.restored_at)

    async def key_packages(self, count: int) -> KeyPackages:
        return await self._runner.change(lambda unit: key_package_pool.refill(unit, count))

    async def advertise(self, relays: Sequence[str]) -> None:
        await self._runner.change(lambda unit: account.advertise(unit, relays))

    async def read_to_end(self, since: int) -> None:
        await self._runner.change(lambda unit: up_time.on_read(unit, self._name, since=since))

    def routes_changed(self, peer: PeerId | None = None) -> None:
        if self._heard:
            self._on_routes(peer)

    def routes_lost(self, peer: PeerId) -> None:
        if self._heard:
            self._on_routes_lost(peer)

    def report(self, reports: Sequence[SendReport]) -> None:
        if self._heard:
            self.not_taken(report.ticket for report in reports if report.outcome is not Outcome.SENT)
            self._on_reports([replace(each, transport=self._name) for each in reports], self._latency)

    def state_changed(self, state: ServiceState) -> None:
        if self._heard:
            self._on_state(state)

    def peer_changed(self, device: DeviceIdentity, *, reachable: bool) -> None:
        if self._heard:
            (self._within_reach.add if reachable else self._within_reach.discard)(device)
            self._on_peer(device, reachable)
