"""What is known of one device: which stream stands, the dial that runs, and whose turn it is to send."""

from dataclasses import dataclass, field

import anyio

from balchat_host.api.errors import BalchatError, PeerUnreachable
from balchat_host.api.types import PeerId
from balchat_transport_tor_direct.collision_resolver import CollisionResolver
from balchat_transport_tor_direct.connection import Connection


class Attempt:
    """One dial of ours. Any number of senders wait for it."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.scope = anyio.CancelScope()
        self.abandoned = False
        self.error: BalchatError = PeerUnreachable(problem="the dial was given up")

    def abandon(self) -> None:
        """Stop dialling, and wake those who wait for it."""
        self.abandoned = True
        self.scope.cancel()
        self.done.set()


@dataclass(eq=False)
class DeviceState:
    """One device of a peer. It is kept while there is a connection, or somebody sends.

    `device_id` is None while we dial whichever device answers at the identity onion, and none has yet.
    """

    peer: PeerId
    device_id: bytes | None
    resolver: CollisionResolver[Connection]
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    """Held while sending; senders take turns in the order in which they came."""
    attempt: Attempt | None = None
    probe: anyio.CancelScope | None = None
    failures: int = 0
    failure: BalchatError | None = None
    senders: int = 0

    @property
    def idle(self) -> bool:
        """Whether it can be forgotten."""
        return self.resolver.idle and not self.senders
