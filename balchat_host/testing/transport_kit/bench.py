"""What the kit asks a transport's author for, and accounts on it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import BalchatError
from balchat_host.api.network import Network
from balchat_host.api.transport import (
    Disposition,
    Outcome,
    Outgoing,
    Transport,
    TransportContext,
)
from balchat_host.api.types import PeerId, Phase, Route, Secret
from balchat_host.testing import fake_transport_context
from balchat_host.testing.audit import confide, overhear, overhear_names, watched
from balchat_host.testing.audit.kit import AuditedKit
from balchat_host.testing.dict_area import DictArea
from balchat_host.testing.fake_transport_context import COMMITTED, Answer, FakeTransportContext, commit_all
from balchat_host.testing.power import LossyDisk, Power
from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode
from balchat_host.testing.waiting import PATIENCE, Runs, running

MAX_ADDRESS_SIZE: Final = 512
ADDRESS: Final = "a route's address"
OFFER: Final = "an offer of parts of a file"
END_LIMIT: Final = 20.0
"""Seconds in which a transport must have ended: the host waits no longer."""
SIZES: Final = (1, 100, 16_384, 16_385, 65_536, 300_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportCapabilities:
    """What a transport promises.

    `final` is its best outcome. `first_routes`: it reaches somebody of whom only the peer id is known. `claims`: it can
    do so once a key package of theirs was claimed. `proves_source`: the receiver learns who sent. `connects`: it knows
    whether a peer is within reach, and fails at once when not. `devices`: it tells the devices of such a peer apart,
    and routes lead to one of them. `answers`: refusals and replies come back the same way.
    `oversize`: the bench can send what is too large (`TransportBench.send_oversize`). `silence`: after so many
    seconds it notices that a peer is gone of whom nothing comes any more; None where it never does.
    `bulk`: it opens streams for large data, as its descriptor says (`TransportCapability.BULK`). `blobs`: it keeps
    parts of files, as its descriptor says (`TransportCapability.BLOBS`). `ages`: the bench can let time pass for
    whoever keeps them (`TransportBench.let_pass`).

    Of one whose best outcome is STORED: `holds` is how many octets of envelopes wait for one peer at most, where this
    bench makes it. `power`: the bench can have the power of whoever stores fail (`TransportBench.power`). `fills_up`:
    it can fill the disk of whoever stores, too. `offers_again`: the fewest seconds after which it offers again what the
    host has refused for now, whatever the host says; where that is more than the kit waits, test it yourself.
    """

    final: Outcome = Outcome.DELIVERED
    first_routes: bool = True
    claims: bool = False
    proves_source: bool = True
    connects: bool = True
    devices: bool = True
    answers: bool = True
    oversize: bool = False
    bulk: bool = False
    blobs: bool = False
    ages: bool = False
    silence: float | None = 300.0
    holds: int | None = None
    power: bool = False
    fills_up: bool = False
    offers_again: float = 0.0


class TransportBench(ABC):
    """What a transport's author gives to the kit. A new one for every test."""

    capabilities = TransportCapabilities()

    def __init__(self) -> None:
        self.world = VirtualNetwork()

    @abstractmethod
    def transport(self, context: TransportContext) -> Transport:
        """Make a transport for `context`."""

    def network(self) -> Network:
        """Make a network for one account; all of one bench reach each other."""
        return self.world.node()

    async def prepare(self, transport: Transport) -> None:
        """Do what a person must have done before a transport that runs is of use, such as adding a relay."""
        del transport

    async def send_oversize(
        self, transport: Transport, peer: PeerId, routes: Sequence[Route], outgoing: Outgoing
    ) -> None:
        """Send what is too large past the check of our own `transport`. Needs the capability `oversize`."""
        raise NotImplementedError

    def let_pass(self, seconds: float) -> None:
        """Have whoever keeps parts of files think that so many seconds have passed. Needs the capability `ages`."""
        raise NotImplementedError

    def power(self) -> Power:
        """Return the power of whoever stores. Here it is that of `folders()`, which does for files synced by Python."""
        return LossyDisk(self.folders())

    def folders(self) -> Sequence[Path]:
        """Return the folders in which files may lie when all transports have ended: those that carry the envelopes."""
        return ()

    def services(self) -> Sequence[Runs]:
        """Return what else must run, such as a relay."""
        return ()


@dataclass(frozen=True, slots=True)
class Account:
    """A host and its transport."""

    host: FakeTransportContext
    transport: Transport

    @property
    def peer(self) -> PeerId:
        return self.host.identity

    async def send(self, to: "Account", *envelopes: bytes, routes: Sequence[Route] = ()) -> list[Outgoing]:
        """Send envelopes to an account, by the routes that it allocates for us."""
        outgoing = self.host.outgoing(*envelopes)
        routes = routes or await to.routes_for(self)
        for route in routes:
            confide(ADDRESS, route.address)
        await self.transport.send(to.peer, routes, outgoing)
        return outgoing

    async def routes_for(self, other: "Account") -> Sequence[Route]:
        """Return the routes to this device as the other account gets them."""
        allocated = await self.transport.allocate_routes(other.peer)
        return [replace(route, device_id=self.host.device_id) for route in allocated]


def answers(disposition: Disposition, *, only: bytes | None = None, but: bytes | None = None) -> Answer:
    """Answer like this to every envelope, or to `only` one of them or all `but` one, while the others are committed."""

    def answer(source: PeerId | None, envelope: bytes) -> Disposition:
        del source
        return disposition if only in (None, envelope) and envelope != but else COMMITTED

    return answer


@asynccontextmanager
async def accounts(
    bench: TransportBench,
    count: int,
    *,
    key: Secret | None = None,
    area: DictArea | None = None,
    answer: Answer = commit_all,
    online: bool = True,
) -> AsyncGenerator[tuple[Account, ...]]:
    """Run so many accounts, all of them online. One alone can have the key and the area of one that has stopped.

    When they have ended, so have their streams, in time. Those that are not `online` have a network in memory that
    comes online later.
    """
    networks = [bench.network() for _ in range(count)]
    for network in () if online else networks:
        assert isinstance(network, VirtualNode)
        network.go_offline()
    hosts = [FakeTransportContext(network, key=key, area=area) for network in networks]
    made = tuple(Account(host, transport_for(bench, host)) for host in hosts)
    for account in made:
        account.host.answer = answer
        account.host.reachable = account.transport.reachable
    async with running(*networks), running(*bench.services()):
        async with running(*(account.transport for account in made)):
            for account in made if online else ():
                await bench.prepare(account.transport)
                await account.host.states.reach(Phase.ONLINE)
            yield made
            overhear_names()
            if folders := bench.folders():
                await anyio.to_thread.run_sync(overhear_files, folders)
            told = anyio.current_time()
        assert anyio.current_time() - told < END_LIMIT, "it goes on when it is cancelled; the host waits for 20 s"
        for network in networks:
            if isinstance(network, VirtualNode):
                assert not network.services, "it has ended, and can still be found"
                left = bench.world.open_ends(network)
                assert not left, "streams are open when it has ended: a dial that came to nothing, or a stranger's"
    assert not [breach for host in hosts for breach in host.breaches]


def overhear_files(folders: Sequence[Path]) -> None:
    """Have the audit look at the names of files: whoever has the folder reads them."""
    for folder in folders:
        for path in folder.rglob("*"):
            # A route or an offer may lead to a place by its name, which whoever looks at the place knows.
            overhear("the name of a file", "in a folder of the bench", path.name, may_hold=(ADDRESS, OFFER))


@contextmanager
def refused(*kinds: type[BalchatError]) -> Generator[None]:
    """Check that something raises an error of these kinds, whose text names nobody and shows nothing."""
    with pytest.raises(kinds) as raised:
        yield
    overhear("the text of an error", f"of {type(raised.value).__name__}", str(raised.value))


def transport_for(bench: TransportBench, host: TransportContext) -> Transport:
    """Make a transport, and have the audit of the test watch it."""
    return watched(bench.transport(host), through=fake_transport_context.__file__)


async def claimed_routes(bench: TransportBench, claimer: Account, owner: Account) -> Sequence[Route]:
    """Claim a key package, once the owner's transport has left some; return the ways to which that leads."""
    if not bench.capabilities.claims:
        return []
    key_package = None
    with anyio.fail_after(PATIENCE):
        while key_package is None:
            key_package = await claimer.transport.claim_key_package(owner.peer, [])
    assert owner.peer.octets in key_package, "it is one that the owner's host has made"
    return claimer.transport.first_routes(owner.peer)


def needs(promise: str, *, kept: bool) -> None:
    """Skip a test of something that the transport does not promise, saying what."""
    if not kept:
        pytest.skip(f"the transport does not promise `{promise}`")


async def deliver(bench: TransportBench, sender: Account, receiver: Account, envelopes: Sequence[bytes]) -> None:
    """Send envelopes and wait until each has the best outcome."""
    with anyio.fail_after(PATIENCE):
        sent = await sender.send(receiver, *envelopes)
        outcomes = await sender.host.finals(sent)
    assert set(outcomes) == {bench.capabilities.final}


class TransportKitBase(AuditedKit):
    """What each part of the kit needs."""

    @pytest.fixture
    def bench(self) -> TransportBench:
        raise NotImplementedError("a subclass of TransportKit gives the fixture `bench`")
