"""A transport that stores and forwards, without a network: boxes in memory, which a test may fill, empty and disturb.

relay = VirtualRelay()
relay.setup                     what an account's node takes, for any number of accounts
relay.gone = True               nobody reaches it until a test makes it False again
relay.refusal = "relay-full", 60.0
relay.hold(1)                   the next envelope that is stored is kept back until `let_go`
relay.lose_everything()
"""

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from random import Random
from typing import Final

import anyio
from anyio.abc import TaskStatus

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, NetworkUnavailable, PartRefused, PeerUnreachable
from balchat_host.api.transport import (
    MAX_ENVELOPE_SIZE,
    BlobContainer,
    BlobOutcome,
    BlobReport,
    Disposition,
    Latency,
    Outcome,
    Outgoing,
    SendReport,
    Transport,
    TransportCapability,
    TransportContext,
    Verdict,
)
from balchat_host.api.types import ONLINE, STOPPED, PeerId, Phase, Route, ServiceState
from balchat_host.runtime.plugin_setups import TransportSetup

NAME: Final = "virtual_relay"
_CARDS: Final = 8
_ADDRESS_SIZE: Final = 32


class VirtualRelay:
    """What lies where. `boxes` is by address; `stored` counts what was ever taken."""

    def __init__(self) -> None:
        self.boxes: dict[bytes, list[bytes]] = {}
        self.cards: dict[PeerId, list[bytes]] = {}
        self.stored = 0
        self.gone = False
        self.refusal: tuple[str, float | None] | None = None
        self.refusals: dict[bytes, tuple[str, float | None]] = {}
        """What single boxes answer instead of taking anything."""
        self.making = 0.0
        """Seconds until a box is made."""
        self.stalled: dict[bytes, anyio.Event] = {}
        """What single boxes wait for before they answer."""
        self.changed = Bell()
        self.moves: dict[PeerId, int] = {}
        self.users: dict[PeerId, set[PeerId]] = {}
        """Whom each account has made boxes for."""
        self.blobs: dict[bytes, dict[int, bytes]] = {}
        """By container, the secret of its offer."""
        self.blob_octets: int | None = None
        """How many octets of blobs there may be, None for any number."""
        self.most_blob_octets = 0
        """How many octets of blobs there were at most at a time."""
        self.blobs_put = 0
        self.puts = 0
        """How often one was put, again or not."""
        self.blobs_got = 0
        self.blob_came = Bell()
        self.blobs_kept = 14 * 24 * 3600.0
        """Seconds that containers are kept after the last put or renewal."""
        self.blobs_until: dict[bytes, float] = {}
        self.lie: Callable[[int, bytes], bytes] = _honest
        """What is given in place of a blob, by its number and octets."""
        self.blob_time = 0.0
        """Seconds that each takes."""
        self._to_hold = 0
        self._held: list[tuple[bytes, bytes]] = []

    @property
    def setup(self) -> TransportSetup:
        """The transport as a configuration would enable it."""
        return TransportSetup(
            name=NAME,
            origin="balchat-virtual 1.0",
            latency=Latency.STORE_AND_FORWARD,
            capabilities=frozenset({TransportCapability.BLOBS}),
            make=lambda host: VirtualRelayTransport(host, self),
        )

    @property
    def waiting(self) -> list[bytes]:
        """Everything that waits in any box."""
        return [envelope for box in self.boxes.values() for envelope in box]

    def address(self, owner: PeerId, peer: PeerId | None) -> bytes:
        """Name the box of `owner` for `peer`, or the one for everybody."""
        whom = b"" if peer is None else peer.octets + self.moves.get(owner, 0).to_bytes(4)
        return sha256(owner.octets + whom).digest()

    def put(self, address: bytes, envelope: bytes) -> None:
        """Store an envelope, or keep it back where a test wants that."""
        self.stored += 1
        if self._to_hold:
            self._to_hold -= 1
            self._held.append((address, envelope))
        else:
            self.boxes.setdefault(address, []).append(envelope)
            self.changed.ring()

    async def until_put(self, count: int) -> None:
        """Wait until so many blobs were put."""
        while self.blobs_put < count:
            await self.blob_came.wait()

    def hold(self, count: int) -> None:
        """Keep back the next so many envelopes that are stored."""
        self._to_hold = count

    def let_go(self) -> None:
        """Give out what was kept back."""
        held, self._held = self._held, []
        for address, envelope in held:
            self.put(address, envelope)

    def lose_everything(self) -> None:
        """Be an empty relay, as after a restore."""
        self.boxes.clear()
        self._held.clear()
        self.blobs.clear()

    def move(self, owner: PeerId) -> None:
        """Let all boxes of an account be other ones from now on; its transport tells of it with its next look."""
        self.moves[owner] = self.moves.get(owner, 0) + 1
        self.changed.ring()


class VirtualRelayTransport(Transport):
    """One account's way to the relay."""

    def __init__(self, host: TransportContext, relay: VirtualRelay) -> None:
        self._host = host
        self._relay = relay
        self._runs = False
        self._boxes: set[bytes] = set()
        self._claimed: set[PeerId] = set()
        self._refused: dict[bytes, float] = {}
        self.forgotten: list[PeerId] = []

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        self._host.state_changed(ServiceState(phase=Phase.STARTING))
        self._runs = True
        self._host.state_changed(ONLINE)
        task_status.started()
        us = self._host.identity
        made = await self._host.key_packages(_CARDS)
        self._relay.cards[us] = [made.last_resort, *made.single_use]
        self._boxes.add(self._relay.address(us, None))
        moves = self._relay.moves.get(us, 0)
        try:
            while True:
                changed = self._relay.changed.next_ring()
                if moves != self._relay.moves.get(us, 0):
                    moves = self._relay.moves[us]
                    self._host.routes_changed()
                if not self._relay.gone:
                    for box in tuple(self._boxes):
                        await self._collect(box)
                # What was refused for a time, or while the relay was gone, is looked for now and then.
                with anyio.move_on_after(60.0):
                    await changed.wait()
        finally:
            self._runs = False
            self._host.state_changed(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=self._relay.address(peer, None))] if peer in self._claimed else []

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        await anyio.sleep(self._relay.making)
        address = self._relay.address(self._host.identity, peer)
        self._boxes.add(address)
        self._relay.users.setdefault(self._host.identity, set()).add(peer)
        self._relay.changed.ring()
        return [Route(transport=NAME, address=address)]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        del peer
        if not self._runs:
            raise NetworkUnavailable(problem="it does not run", remedy="")
        route = routes[0]
        if route.transport != NAME or len(route.address) != _ADDRESS_SIZE or not any(route.address):
            raise PeerUnreachable(problem="this is no box")
        if not all(0 < len(each.envelope) <= MAX_ENVELOPE_SIZE for each in outgoing):
            raise BadInput(what="An envelope", problem=f"it has 1 to {MAX_ENVELOPE_SIZE} octets")
        if self._relay.gone:
            raise PeerUnreachable(problem="the relay is gone")
        for number, each in enumerate(outgoing):
            if (until := self._relay.stalled.get(route.address)) is not None:
                await until.wait()
            refusal = self._relay.refusals.get(route.address, self._relay.refusal)
            if refusal is not None:
                reason, retry_after = refusal
                refused = SendReport(
                    ticket=each.ticket, outcome=Outcome.REFUSED, reason=reason, retry_after=retry_after
                )
                lost = [SendReport(ticket=later.ticket, outcome=Outcome.LOST) for later in outgoing[number + 1 :]]
                self._host.report([refused, *lost])
                return
            self._relay.put(route.address, each.envelope)
            self._host.report(
                [SendReport(ticket=each.ticket, outcome=outcome) for outcome in (Outcome.SENT, Outcome.STORED)]
            )

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        del peer, device_id
        return False

    async def disconnect(self, peer: PeerId) -> None:
        del peer

    async def forget(self, peer: PeerId) -> None:
        self.forgotten.append(peer)
        self._claimed.discard(peer)
        self._relay.boxes.pop(self._relay.address(self._host.identity, peer), None)

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        for peer in self._relay.users.setdefault(self._host.identity, set()) - set(peers):
            await self.forget(peer)

    async def allocate_containers(self, peer: PeerId) -> Sequence[BlobContainer]:
        del peer
        secret = Random().randbytes(32)
        return [BlobContainer(offer=sha256(secret).digest(), key=secret)]

    async def put_blob(self, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        del peer
        await self._reach()
        self._relay.puts += 1
        container = self._relay.blobs.setdefault(sha256(key).digest(), {})
        held = sum(len(each) for blobs in self._relay.blobs.values() for each in blobs.values())
        if index not in container:
            if self._relay.blob_octets is not None and held + len(octets) > self._relay.blob_octets:
                return BlobReport(outcome=BlobOutcome.FULL, reason="blobs-full", retry_after=600.0)
            container[index] = octets
            self._relay.blobs_put += 1
            self._relay.blob_came.ring()
            self._relay.most_blob_octets = max(self._relay.most_blob_octets, held + len(octets))
        return self._kept(key)

    async def get_blob(self, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        del peer
        await self._reach()
        if self._relay.blobs_until.get(offer, 0.0) <= anyio.current_time():
            self._relay.blobs.pop(offer, None)
        found = self._relay.blobs.get(offer, {}).get(index)
        if found is None:
            return None
        self._relay.blobs_got += 1
        given = self._relay.lie(index, found)
        if len(given) != size:
            raise PartRefused(problem="it has another size")
        return given

    async def delete_blobs(self, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        del peer
        await self._reach()
        offer = sha256(key).digest()
        for index in indexes:
            self._relay.blobs.get(offer, {}).pop(index, None)
        if not self._relay.blobs.get(offer):
            self._relay.blobs.pop(offer, None)

    async def renew_blobs(self, peer: PeerId, key: bytes) -> BlobReport:
        del peer
        await self._reach()
        return self._kept(key)

    def _kept(self, key: bytes) -> BlobReport:
        until = anyio.current_time() + self._relay.blobs_kept
        self._relay.blobs_until[sha256(key).digest()] = until
        return BlobReport(outcome=BlobOutcome.KEPT, kept=self._relay.blobs_kept)

    async def _reach(self) -> None:
        await anyio.sleep(self._relay.blob_time)
        if not self._runs:
            raise NetworkUnavailable(problem="it does not run", remedy="")
        if self._relay.gone:
            raise PeerUnreachable(problem="the relay is gone")

    async def claim_key_package(
        self, peer: PeerId, relays: Sequence[str], routes: Sequence[Route] = ()
    ) -> bytes | None:
        del relays, routes
        if self._relay.gone:
            raise PeerUnreachable(problem="the relay is gone")
        cards = self._relay.cards.get(peer)
        if not cards:
            return None
        self._claimed.add(peer)
        return cards.pop() if len(cards) > 1 else cards[0]

    async def _collect(self, box: bytes) -> None:
        now = anyio.current_time()
        while (found := self._relay.boxes.get(box, [])[:64]) and self._refused.get(box, 0.0) <= now:
            answers = await self._host.receive(None, found)
            done = {envelope for envelope, answer in zip(found, answers, strict=True) if self._is_done(box, answer)}
            self._relay.boxes[box] = [each for each in self._relay.boxes.get(box, []) if each not in done]
            if not done:
                return

    def _is_done(self, box: bytes, answer: Disposition) -> bool:
        match answer.verdict:
            case Verdict.COMMITTED:
                return True
            case Verdict.IGNORED:
                return box == self._relay.address(self._host.identity, None)
            case Verdict.REFUSED:
                if answer.retry_after is not None:
                    self._refused[box] = anyio.current_time() + answer.retry_after
                return answer.retry_after is None


def _honest(index: int, octets: bytes) -> bytes:
    del index
    return octets
