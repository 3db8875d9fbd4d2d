"""The network contract: dial an address, publish one from a key, say honestly how things are.

A network carries octets and never sees a message. Streams are anyio byte streams: whole, ordered,
and private to both ends. After `send_eof` the other end reads all that was written, and then EndOfStream; whether it
can still write is up to the network. Whoever gives up waiting, for octets or for a stream, loses nothing: the next one
who waits gets what has come. Closing a stream waits for nobody. A stream is its owner's: it may outlive the network.

States, errors with all that they were raised from, and what objects show of themselves (`repr`) name no key and no
address, since they get into logs. Nobody else is told of one either: no resolver of names, and no other program by its
arguments or environment.

Addresses prove themselves: whoever answers at an address holds the key of it, as with Tor v3 onion services
(rend-spec-v3). A network knows addresses only, and nothing of who is behind them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from anyio.abc import ByteStream, TaskStatus

from balchat_host.api.types import Check, OnionKey, Secret, ServiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkContext:
    """What the host gives a network plugin.

    `directory` is private (0700), belongs to this plugin and this profile, lies outside the vault and so must never
    hold anything that tells of contacts, keys or contents. `on_state` may be called from the event loop at any time.
    """

    directory: Path
    on_state: Callable[[ServiceState], None]


class NetworkCapability(StrEnum):
    """What a network can do beyond the least."""

    CLIENT_AUTHORIZATION = "client-authorization"
    """Publish for those alone who hold a client key, and dial with one (rend-spec-v3, section 2.5). None does yet."""


class PublishedService(ABC):
    """An address that we answer at. Closing it takes it back."""

    @property
    @abstractmethod
    def state(self) -> ServiceState:
        """`starting` until it can be found, `online` while it can, `degraded` with a reason while it cannot."""

    @abstractmethod
    async def accept(self) -> ByteStream:
        """Wait for the next incoming stream.

        At most a bounded number waits; the newest are turned away, and nobody who dials another service. Raise
        ClosedResourceError.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Take the address back and end its waiting streams. Calling it twice is harmless."""


class Network(ABC):
    """Reaches and answers by keys."""

    @property
    def capabilities(self) -> frozenset[NetworkCapability]:
        """What it can do beyond the least."""
        return frozenset()

    @property
    @abstractmethod
    def state(self) -> ServiceState:
        """How things are now: `stopped` while it does not run, `starting` until it is online for the first time."""

    @abstractmethod
    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Come up, stay up and mend what breaks, until cancelled; then leave nothing running.

        Calls `task_status.started()` as soon as `dial` and `publish` may be called, long before it is online:
        `dial` waits for the network by itself, and `publish` does not wait. Raise NetworkUnavailable and its kin only
        for what waiting cannot mend: that ends the account. Anything else that it raises has the factory make another
        object, after a while.
        """

    @abstractmethod
    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        """Answer at the address of `key` (an Ed25519 seed) on the virtual `port`, again whenever it is back.

        Several services may be published at once, of one key or of several; what is done to one ends no stream of
        another. Return at once, also while the network is away: `on_state` tells when the service can be found. A
        transport publishes several services one after another, and would wait for each. Nothing of the key is ever
        written to a disk. Raise NetworkUnavailable where it does not run.
        """

    @abstractmethod
    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        """Open a stream to whoever holds the private half of `address`.

        Streams with different `isolation` never share what a third party could link them by. Raise PeerUnreachable
        or NetworkUnavailable. Bounded in time by the network itself, also while it is away. No dial waits for another.
        """

    @abstractmethod
    async def checks(self) -> Sequence[Check]:
        """Look at what it needs for `balchat doctor`, without starting it."""
