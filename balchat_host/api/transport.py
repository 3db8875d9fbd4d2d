"""The transport contract: take envelopes along a route, report what became of each, deliver what arrives.

Rules
-----
- An envelope is octets to a transport: it sees neither plaintext nor MLS state.
- The host hands over envelopes for one peer in order; a transport keeps that order along one route.
- For every `Outgoing` it accepts, a transport reports `SENT` when the octets have left, and then exactly one final
  outcome: `DELIVERED`, `STORED`, `REFUSED` or `LOST`. `LOST` may come without a `SENT`. It keeps no queue across
  restarts and repeats nothing: the host's outbox does.
- `DELIVERED` means that the peer's vault has committed it. Nothing less.
- Retry, backoff and the choice of a route are the host's; the wire, its limits and its keep-alive are the transport's.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from anyio.abc import ByteStream, TaskStatus

from balchat_host.api.network import PublishedService
from balchat_host.api.types import PeerId, Route, ServiceState

MAX_ENVELOPE_SIZE = 1024 * 1024
"""Octets of the largest envelope."""


class Latency(StrEnum):
    """How long an envelope is on its way by design."""

    INTERACTIVE = "interactive"
    STORE_AND_FORWARD = "store-and-forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An envelope to send; `ticket` comes back in the reports."""

    ticket: int
    envelope: bytes

    def __repr__(self) -> str:
        return f"Outgoing(ticket={self.ticket}, {len(self.envelope)} octets)"


class Outcome(StrEnum):
    """What became of an `Outgoing`. Only the first is not final."""

    SENT = "sent"
    """Its octets have left."""
    DELIVERED = "delivered"
    """The peer's vault has committed it."""
    STORED = "stored"
    """A relay has it on its disk."""
    REFUSED = "refused"
    """The other end said no, with a reason; it may be tried again after `retry_after` seconds, or never when None."""
    LOST = "lost"
    """The way broke before an answer came. It may or may not have arrived: sending it again is right, and harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """One outcome for one ticket."""

    ticket: int
    outcome: Outcome
    reason: str | None = None
    retry_after: float | None = None


class Verdict(StrEnum):
    """What the host did with an incoming envelope."""

    COMMITTED = "committed"
    """It is in the vault, or already was. Acknowledge it."""
    IGNORED = "ignored"
    """Say nothing about it, ever."""
    REFUSED = "refused"
    """Tell the sender no, with the reason and the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """The answer to one incoming envelope.

    `replies` go back the same way, before the acknowledgement: the sender's host has received them when it is told
    `DELIVERED`.

    `reason` is a code for the sender's program, such as an error's `code`: 1 to 64 of a-z, 0-9 and -. A transport keeps
    any other text to itself. `retry_after` is in seconds; None means never.

    `stranger` says that the sender is no contact, or a blocked one: whatever the verdict, it has earned no trust, and
    what a transport lets strangers use up, it goes on counting.
    """

    verdict: Verdict
    replies: tuple[bytes, ...] = ()
    reason: str | None = None
    retry_after: float | None = None
    stranger: bool = False


class TransportHost(ABC):
    """What a transport may ask of the host. Given to its factory; usable once `Transport.run` runs."""

    @property
    @abstractmethod
    def identity(self) -> PeerId:
        """Our own peer id."""

    @abstractmethod
    async def dial(self, peer: PeerId, port: int, *, isolation: str = "") -> ByteStream:
        """Open a stream to `peer`, isolated from every other peer's and, within the peer, by `isolation`."""

    @abstractmethod
    async def sign(self, *, domain: str, message: bytes) -> bytes:
        """Sign with the identity key (CryptoEngine.sign)."""

    @abstractmethod
    def verify(self, peer: PeerId, *, domain: str, message: bytes, signature: bytes) -> None:
        """Raise BadCredential unless `signature` is `peer`'s (CryptoEngine.verify)."""

    @abstractmethod
    async def publish(self, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        """Answer at the account's own address on the virtual `port` (Network.publish). The key stays with the host."""

    @abstractmethod
    async def receive(self, source: PeerId | None, envelopes: Sequence[bytes]) -> Sequence[Disposition]:
        """Hand over what arrived, in order, from `source` where the transport has proof of it; give one answer each.

        Returns once all of them are durable. A batch costs one commit, so collect what is there while waiting.
        """

    @abstractmethod
    def report(self, reports: Sequence[SendReport]) -> None:
        """Tell what became of envelopes. Never waits."""

    @abstractmethod
    def state_changed(self, state: ServiceState) -> None:
        """Tell how the transport is now. Never waits."""

    @abstractmethod
    def peer_changed(self, peer: PeerId, *, reachable: bool) -> None:
        """Tell that `peer` came within reach or left it; the host sends at once what waits for it. Never waits."""


class Transport(ABC):
    """Carries envelopes. What a transport plugin's factory gives."""

    @abstractmethod
    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Work until cancelled; then every stream is closed and every accepted envelope has had its final report.

        Calls `task_status.started()` as soon as `send` may be called.
        """

    @abstractmethod
    def first_route(self, peer: PeerId) -> Route | None:
        """Give the way to somebody of whom only the peer id is known, or None where this transport has none."""

    @abstractmethod
    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        """Give the ways by which `peer` shall reach us from now on; the host hands them over inside MLS."""

    @abstractmethod
    async def send(self, peer: PeerId, route: Route, outgoing: Sequence[Outgoing]) -> None:
        """Take envelopes for `peer`, in order; connect first where needed; wait while too much is on its way.

        With no envelopes it only connects. Raises PeerUnreachable or NetworkUnavailable when it accepted none of them
        (no reports follow then).
        """

    @abstractmethod
    def reachable(self, peer: PeerId) -> bool:
        """Say whether `peer` is within reach this moment: an authenticated stream stands."""

    @abstractmethod
    async def disconnect(self, peer: PeerId) -> None:
        """End what connects us with `peer`: they were blocked or removed."""
