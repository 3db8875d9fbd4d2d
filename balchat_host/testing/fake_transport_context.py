"""A `TransportContext` for tests of transports: real keys and signatures, any network, a vault that is a list.

It holds the transport to the contract while the test runs: a report for an unknown ticket, a second final outcome, or a
SENT after it fails at once, in the transport's own call.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes
from typing import TypeAlias, TypeVar

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadCredential
from balchat_host.api.network import Network, PublishedService
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.transport import (
    Disposition,
    KeyPackages,
    Outcome,
    Outgoing,
    SendReport,
    TransportContext,
    Verdict,
)
from balchat_host.api.types import (
    DEVICE_ID_SIZE,
    DeviceIdentity,
    OnionKey,
    OwnOnion,
    PeerId,
    Phase,
    Secret,
    ServiceState,
)
from balchat_host.testing.audit import confide, overhear
from balchat_host.testing.dict_area import DictArea
from balchat_host.testing.virtual_network import onion_of
from balchat_host.testing.waiting import PATIENCE, Seen, SeenStates

T = TypeVar("T")

Answer: TypeAlias = Callable[[PeerId | None, bytes], Disposition]
"""Decides what becomes of an envelope, by its source and its octets."""

COMMITTED = Disposition(verdict=Verdict.COMMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An envelope that was handed to the host, and who is said to have stored it."""

    source: PeerId | None
    envelope: bytes
    relay: OnionKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBulk:
    """A bulk stream that was handed to the host."""

    source: DeviceIdentity
    stream: ByteStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """A peer came within reach or left it."""

    device: DeviceIdentity
    reachable: bool

    @property
    def peer(self) -> PeerId:
        """Whose device it is."""
        return self.device.peer


def peer_of(key: Secret) -> PeerId:
    """Return the peer id of whoever has the identity key with this seed."""
    return PeerId(onion_of(key).octets)


def sign(key: Secret, *, domain: str, message: bytes) -> bytes:
    """Sign as CryptoEngine.sign does."""
    private = Ed25519PrivateKey.from_private_bytes(key.reveal())
    return private.sign(domain.encode() + b"\0" + message)


def commit_all(source: PeerId | None, envelope: bytes) -> Disposition:
    """Take every envelope from everybody."""
    del source, envelope
    return COMMITTED


async def echo(source: DeviceIdentity, stream: ByteStream) -> None:
    """Send back what comes on a bulk stream, until it ends."""
    del source
    async for octets in stream:
        await stream.send(octets)


class Gate:
    """Something that can be held up. `reached` is told each time that somebody comes to it."""

    def __init__(self) -> None:
        self.reached: Seen[None] = Seen()
        self._open = anyio.Event()
        self._open.set()

    async def passed(self) -> None:
        """Go through, waiting while it is closed."""
        self.reached(None)
        await anyio.lowlevel.checkpoint()
        await self._open.wait()

    def close(self) -> None:
        """Let nobody through until `open`."""
        self._open = anyio.Event()

    def open(self) -> None:
        """Let everybody through."""
        self._open.set()


class FakeTransportContext(TransportContext):
    """One account. `answer` decides what becomes of each envelope; everything told is in the public attributes."""

    read_until: int | None = None
    """Up to when all that was stored for us was read, as it has told last; Unix milliseconds."""
    change_error: Exception | None = None
    """What `change` raises."""
    largest = 0
    """The most octets that came at once."""
    restored: int | None = None
    """When the account went on from a backup, as the transport is told."""
    reachable: Callable[[PeerId, bytes | None], bool] | None = None
    """What the transport answers; where it is set, it has to answer what it tells."""
    _accepts_requests = True
    _key_packages = 0

    def __init__(self, network: Network, *, key: Secret | None = None, area: DictArea | None = None) -> None:
        self.network = network
        self.key = key or Secret(token_bytes(32))
        self.device_onion = Secret(sha256(self.key.reveal()).digest())
        """The seed of the device onion's key: the same for the same account."""
        for what, octets in (
            ("a secret key", self.key.reveal()),
            ("a secret key", self.device_onion.reveal()),
            ("a peer id", self.identity.octets),
            ("an onion", onion_of(self.device_onion).octets),
        ):
            confide(what, octets, shortened=True)
        self.area = DictArea() if area is None else area
        """What the transport remembers; give it to the next host, and the account was only restarted."""
        self.answer: Answer = commit_all
        self.received: Seen[Received] = Seen()
        """What the host has, in order."""
        self.offered: Seen[bytes] = Seen()
        """What was handed over, in order, whether the host has it by now or not."""
        self.serve_bulk: Callable[[DeviceIdentity, ByteStream], Awaitable[None]] = echo
        """What the host does with a bulk stream."""
        self.bulk: Seen[AcceptedBulk] = Seen()
        self.bulk_ended: Seen[AcceptedBulk] = Seen()
        """The bulk streams with which the host is done."""
        self.batches: Seen[int] = Seen()
        """How many envelopes came at once, each time."""
        self.reports: Seen[SendReport] = Seen()
        self.when_reported: Callable[[SendReport], None] = lambda _: None
        """Called in `report`, as each is told."""
        self.breaches: list[str] = []
        """How the transport has broken the contract, also where it swallowed what we raised then."""
        self.states = SeenStates()
        self.nearness: Seen[Nearness] = Seen()
        self._near: set[DeviceIdentity] = set()
        self.advertised: Seen[tuple[str, ...]] = Seen()
        self.route_news: Seen[PeerId | None] = Seen()
        self.lost_routes: Seen[PeerId] = Seen()
        self.contacts: set[PeerId] | None = None
        """Who is a contact; None where everybody is."""
        self.signatures = 0
        self.dialling, self.signing = Gate(), Gate()
        self.receive_error: Exception | None = None
        """What `receive` raises, as a full disk makes it."""
        self.failures: Seen[Exception] = Seen()
        """What `receive` has raised."""
        self.changes: Seen[None] = Seen()
        """Told each time that the area has changed."""
        self._requests_changed = Bell()
        self._vault_open = anyio.Event()
        self._vault_open.set()
        self._tickets = 0
        self._outcomes: dict[int, list[SendReport]] = {}

    # -- the contract

    @property
    def identity(self) -> PeerId:
        return peer_of(self.key)

    @property
    def device_id(self) -> bytes:
        return sha256(b"device id of " + self.device_onion.reveal()).digest()[:DEVICE_ID_SIZE]

    @property
    def accepts_requests(self) -> bool:
        return self._accepts_requests

    async def requests_change(self) -> None:
        await self._requests_changed.wait()

    async def is_contact(self, peer: PeerId) -> bool:
        await anyio.lowlevel.checkpoint()
        return self.contacts is None or peer in self.contacts

    async def onion_key(self, onion: OwnOnion) -> OnionKey:
        await anyio.lowlevel.checkpoint()
        return onion_of(self._key_of(onion))

    async def dial(self, address: OnionKey, port: int, *, isolation: str = "") -> ByteStream:
        await self.dialling.passed()
        return await self.network.dial(address, port, isolation=f"{address.octets.hex()}/{isolation}")

    async def sign(self, *, domain: str, message: bytes, signer: OwnOnion = OwnOnion.IDENTITY) -> bytes:
        await self.signing.passed()
        self.signatures += 1
        return sign(self._key_of(signer), domain=domain, message=message)

    def verify(self, signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
        public = Ed25519PublicKey.from_public_bytes(signer.octets)
        try:
            public.verify(signature, domain.encode() + b"\0" + message)
        except InvalidSignature as error:
            raise BadCredential(problem="the signature does not verify") from error

    async def publish(
        self, onion: OwnOnion, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> PublishedService:
        return await self.network.publish(self._key_of(onion), port, on_state=on_state)

    async def receive(
        self, source: PeerId | None, envelopes: Sequence[bytes], *, relay: OnionKey | None = None
    ) -> Sequence[Disposition]:
        for envelope in envelopes:
            self.offered(envelope)
        self.batches(len(envelopes))
        self.largest = max(self.largest, sum(map(len, envelopes)))
        await anyio.lowlevel.checkpoint()
        await self._vault_open.wait()
        if self.receive_error is not None:
            self.failures(self.receive_error)
            raise self.receive_error
        dispositions = [self.answer(source, envelope) for envelope in envelopes]
        for envelope in envelopes:
            self.received(Received(source=source, envelope=envelope, relay=relay))
        return dispositions

    async def accept_bulk(self, source: DeviceIdentity, stream: ByteStream) -> None:
        accepted = AcceptedBulk(source=source, stream=stream)
        self.bulk(accepted)
        try:
            await self.serve_bulk(source, stream)
        finally:
            self.bulk_ended(accepted)

    async def change(self, fn: Callable[[KeyValueArea], T]) -> T:
        await anyio.lowlevel.checkpoint()
        await self._vault_open.wait()
        if self.change_error is not None:
            raise self.change_error
        unit = DictArea(self.area.rows)
        result = fn(unit)
        self.area.rows = unit.rows
        self.changes(None)
        return result

    async def read(self, fn: Callable[[KeyValueArea], T]) -> T:
        await anyio.lowlevel.checkpoint()
        return fn(DictArea(self.area.rows))

    async def restored_at(self) -> int | None:
        await anyio.lowlevel.checkpoint()
        return self.restored

    async def key_packages(self, count: int) -> KeyPackages:
        await anyio.lowlevel.checkpoint()
        first, self._key_packages = self._key_packages, self._key_packages + count
        made = range(first, self._key_packages)
        single_use = tuple(b"key package %d of " % number + self.identity.octets for number in made)
        return KeyPackages(
            single_use=single_use, last_resort=b"last resort of " + self.identity.octets, not_after=2**40
        )

    async def advertise(self, relays: Sequence[str]) -> None:
        await anyio.lowlevel.checkpoint()
        self.advertised(tuple(relays))

    async def read_to_end(self, since: int) -> None:
        await anyio.lowlevel.checkpoint()
        self.read_until = since

    def routes_changed(self, peer: PeerId | None = None) -> None:
        self.route_news(peer)

    def routes_lost(self, peer: PeerId) -> None:
        self.lost_routes(peer)

    def report(self, reports: Sequence[SendReport]) -> None:
        for report in reports:
            before = self._outcomes.get(report.ticket)
            if before is None:
                raise self._breach(f"a report for a ticket that was never given: {report}")
            if before and before[-1].outcome is not Outcome.SENT:
                raise self._breach(f"a report after the final one: {[*before, report]}")
            if before and report.outcome is Outcome.SENT:
                raise self._breach(f"SENT twice: {[*before, report]}")
            if not before and report.outcome in (Outcome.DELIVERED, Outcome.STORED):
                raise self._breach(f"its octets arrived before they have left: SENT comes first, then {report}")
            before.append(report)
            self.when_reported(report)
            self.reports(report)

    def state_changed(self, state: ServiceState) -> None:
        overhear("a state", f"of phase {state.phase}", str(state))
        self.states(state)

    def peer_changed(self, device: DeviceIdentity, *, reachable: bool) -> None:
        if reachable and self.states.all and self.states.all[-1].phase is Phase.STOPPED:
            raise self._breach("it said that a peer came within reach after it had stopped")
        if self.reachable is not None and self.reachable(device.peer, device.device_id) != reachable:
            raise self._breach(f"peer_changed said reachable={reachable} while Transport.reachable said the opposite")
        if not reachable and device not in self._near:
            raise self._breach("peer_changed said that a device left which had not come within reach")
        (self._near.add if reachable else self._near.discard)(device)
        self.nearness(Nearness(device=device, reachable=reachable))

    def _key_of(self, onion: OwnOnion) -> Secret:
        return self.key if onion is OwnOnion.IDENTITY else self.device_onion

    def _breach(self, what: str) -> AssertionError:
        self.breaches.append(what)
        return AssertionError(what)

    # -- for tests

    def accept_requests(self, *, accepted: bool) -> None:
        """Let strangers ask for contact, or not."""
        self._accepts_requests = accepted
        self._requests_changed.ring()

    def outgoing(self, *envelopes: bytes) -> list[Outgoing]:
        """Give envelopes tickets."""
        made = [Outgoing(ticket=self._tickets + n, envelope=envelope) for n, envelope in enumerate(envelopes)]
        self._tickets += len(made)
        for envelope in envelopes:
            confide("what an envelope holds", envelope)
        self._outcomes.update((each.ticket, []) for each in made)
        return made

    def close_vault(self) -> None:
        """Let every commit wait until `open_vault`."""
        self._vault_open = anyio.Event()

    def open_vault(self) -> None:
        """Let commits happen."""
        self._vault_open.set()

    def outcomes(self, outgoing: Outgoing) -> list[Outcome]:
        """Return what was reported of one envelope, in order."""
        return [report.outcome for report in self._outcomes[outgoing.ticket]]

    async def final(self, outgoing: Outgoing, *, patience: float = PATIENCE) -> SendReport:
        """Wait for the final report of one envelope."""
        reports = self._outcomes[outgoing.ticket]
        await self.reports.until(
            lambda _: bool(reports) and reports[-1].outcome is not Outcome.SENT,
            patience=patience,
        )
        return reports[-1]

    async def finals(self, outgoing: Sequence[Outgoing], *, patience: float = PATIENCE) -> list[Outcome]:
        """Wait for the final outcomes of many."""
        return [(await self.final(each, patience=patience)).outcome for each in outgoing]

    async def receives(self, *envelopes: bytes, patience: float = PATIENCE) -> None:
        """Wait until all these, and nothing else, were received in this order."""
        got = await self.received.until(lambda received: len(received) >= len(envelopes), patience=patience)
        if [received.envelope for received in got] != list(envelopes):
            raise AssertionError("other envelopes were received, or in another order")

    async def sees(self, peer: PeerId, *, reachable: bool, patience: float = PATIENCE) -> None:
        """Wait until the newest news of `peer` is this."""
        await self.nearness.until(
            lambda all_news: [news.reachable for news in all_news if news.peer == peer][-1:] == [reachable],
            patience=patience,
        )
