"""What the kit asks a network's author for, and what its tests are made of."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from balchat_host.api.network import Network, PublishedService
from balchat_host.api.types import OnionKey, Phase, Secret, ServiceState
from balchat_host.testing.audit import confide, watched
from balchat_host.testing.spellings import stands_in
from balchat_host.testing.virtual_network import onion_of
from balchat_host.testing.waiting import PATIENCE, SeenStates

PORT: Final = 4711
OTHER_PORT: Final = 65_535
"""The last there is."""
BULK: Final = 1024 * 1024
GIVE_UPS: Final = 32
"""How often waiting is given up, after 0 to 3 turns of the event loop: trio chooses by chance who has the next turn."""
MOST_TURNS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCapabilities:
    """What a bench can do beyond the least. `outage`: take the network away and give it back."""

    outage: bool = False


class NetworkBench(ABC):
    """What a network's author gives to the kit: one for all tests, so that they can share what is slow to start."""

    capabilities = NetworkCapabilities()
    backlog: int = 64
    """At most this many streams may wait for `accept`."""

    @abstractmethod
    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        """Make a network that reaches the others of this bench."""

    @abstractmethod
    async def look(self, address: OnionKey, port: int) -> bool:
        """Return whether somebody answers there, found out by another way than the networks under test."""

    @abstractmethod
    def folders(self) -> Sequence[Path]:
        """Return every folder that the networks may have written to."""

    async def take_away(self, network: Network) -> None:
        """Take the network away from `network`. Needs the capability `outage`."""
        raise NotImplementedError

    async def give_back(self, network: Network) -> None:
        """Undo `take_away`. Needs the capability `outage`."""
        raise NotImplementedError


def made(bench: NetworkBench, on_state: Callable[[ServiceState], None]) -> Network:
    """Make a network, and have the audit of the test watch it."""
    return watched(bench.network(on_state))


def seed() -> Secret:
    """A new Ed25519 seed. No log line may have it, or its public key, in it."""
    made = Secret(token_bytes(32))
    confide_key(made)
    return made


def confide_key(key: Secret) -> None:
    """Have the audit look for a key and its address in what is logged."""
    confide("a secret key", key.reveal(), shortened=True)
    confide("an onion", onion_of(key).octets, shortened=True)


def names(text: str, address: OnionKey) -> bool:
    """Return whether a text has an address in it, in whichever spelling."""
    return stands_in(address.octets, text.encode())  # an onion's address begins with its octets in base32


def told_by(error: BaseException | None) -> str:
    """Return all that a traceback of an error shows of it and of those that it was raised from."""
    told: list[str] = []
    while error is not None:
        told += [str(error), repr(error), *getattr(error, "__notes__", ())]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(told)


async def turns(count: int) -> None:
    """Let everybody else have so many turns of the event loop."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def receive_exactly(stream: ByteStream, size: int) -> bytes:
    """Read `size` octets. Raise TimeoutError, saying how many came."""
    got = bytearray()
    with anyio.move_on_after(PATIENCE):
        while len(got) < size:
            got += await stream.receive(size - len(got))
        return bytes(got)
    raise TimeoutError(f"{size} octets were sent, and {len(got)} came")


async def published(network: Network, key: Secret, port: int = PORT) -> PublishedService:
    """Publish and wait until it can be found."""
    states = SeenStates()
    service = await network.publish(key, port, on_state=states)
    await states.reach(Phase.ONLINE)
    return service


async def connected(
    network: Network, service: PublishedService, key: Secret, *, port: int = PORT, isolation: str = ""
) -> tuple[ByteStream, ByteStream]:
    """Return both ends of a new stream: the dialler's and the acceptor's."""
    with anyio.fail_after(PATIENCE):
        ours = await network.dial(onion_of(key), port, isolation=isolation)
        return ours, await service.accept()
