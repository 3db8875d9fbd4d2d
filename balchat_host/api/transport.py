"""The transport contract: take envelopes along a route, report what became of each, deliver what arrives.

Rules
-----
- An envelope is octets to a transport: it sees neither plaintext nor MLS state.
- The host hands over envelopes for one peer in order; a transport keeps that order along one route.
- For every `Outgoing` it accepts, a transport reports `SENT` when the octets have left, and then exactly one final
  outcome: `DELIVERED`, `STORED`, `REFUSED` or `LOST`. The last two may come without a `SENT`. It keeps no queue across
  restarts and repeats nothing: the host's outbox does.
- `DELIVERED` means that the peer's vault has committed it. Nothing less.
- `STORED` means that what keeps it until the peer comes has it on its disk, where the peer looks: not in a place that
  they have given up. Whether it ever arrives, the peer itself tells, inside MLS; the host sends again what nothing was
  heard of.
- Retry, backoff and the choice of a transport are the host's; the choice among the routes that name it, the wire, its
  limits and its keep-alive are the transport's.
- What a transport must remember lies in its own area of the vault (`TransportContext.change`), never beside it.
- The clock of the day may be put forward and back at any time. Neither an order nor a wait depends on it.

Storing and forwarding
----------------------
A transport whose best outcome is `STORED` keeps to these too, since its envelopes lie where others can write:

- An envelope goes when the host has decided on it, and not before: `COMMITTED`, or refused for ever. What is `IGNORED`
  may go, or stay within its sender's bound.
- What is refused for now stays. It is offered again when its `retry_after` has passed, at the next start at the latest,
  and not before that within a run. It does not hold up what stands behind it.
- What is not by whom the place is for, or is no envelope, is removed at once, and never handed over: nobody can fill a
  place with it. A transport that cannot tell leaves that to the host, which refuses such an envelope for ever.
- How much may wait is bounded for each sender by themselves: whoever uses up theirs takes no room of others.

Bulk streams
------------
A transport with the capability `BULK` also opens streams for what is too large for envelopes: files. What passes on
one is the hosts' business.

- Both ends are proven before the first octet passes: whoever opens a stream reaches the device that the routes name,
  and whoever accepts it knows which device of which peer has opened it.
- Only contacts are accepted. Anybody else is turned away, as if there were no bulk streams.
- Each stream has a way of its own: a circuit, where the network has circuits. It neither delays nor ends envelopes, nor
  another stream. It makes nobody `reachable`.
- Octets arrive whole and in order, or the stream breaks. Where one end does not read, the other soon cannot write: a
  transport holds no more than some 100 KiB of a stream.
- A peer has no more than a few streams with us; one more ends its oldest. `disconnect` ends all of that peer.

Blobs
-----
A transport with the capability `BLOBS` keeps parts of files, each by a number, until the peer fetches them. They lie in
a *container*, one for each file and peer, at one place such as a relay.

- A container is two texts of octets that the transport makes and the host keeps: the `key`, which puts, renews and
  deletes, and stays here; and the `offer`, which only gets, and which the host tells the peer inside MLS.
- Whoever keeps a blob can neither read it nor tell which file it is of, and nobody without the offer can get it, or
  find out whether it is there.
- `KEPT` means that it is on the disk there. Putting, deleting and renewing again change nothing else.
- All blobs of a container are kept until the same time, which each put and each renewal moves.
- The host checks what it gets against the file's hashes all the same. It asks for several blobs at once, and calls with
  one container for the same peer only.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from anyio.abc import ByteStream, TaskStatus

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.network import PublishedService
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.types import DeviceIdentity, OnionKey, OwnOnion, PeerId, Route, ServiceState
from balchat_host.api.views import RelayView

T = TypeVar("T")

MAX_ENVELOPE_SIZE = 1024 * 1024
"""Octets of the largest envelope."""


class Latency(StrEnum):
    """How long an envelope is on its way by design."""

    INTERACTIVE = "interactive"
    STORE_AND_FORWARD = "store-and-forward"


class TransportCapability(StrEnum):
    """What a transport can do beyond carrying envelopes."""

    BULK = "bulk"
    """Open streams of their own for large data (`Transport.open_bulk`)."""
    BLOBS = "blobs"
    """Keep parts of files until the peer fetches them (`Transport.allocate_containers`)."""


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
    """The other end said no, with a reason; it may be tried again after `retry_after` seconds.

    None means never. Where the peer itself said it, the host gives the envelope up. Where it was who stores and
    forwards, it is only this way that never takes it: the host tries others, and makes another contact request. So a
    transport that merely knows no time gives one of its own.
    """
    LOST = "lost"
    """The way broke before an answer came. It may or may not have arrived: sending it again is right, and harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """One outcome for one ticket. `relay` says where it is STORED. The host adds the `transport` that reports."""

    ticket: int
    outcome: Outcome
    reason: str | None = None
    retry_after: float | None = None
    relay: OnionKey | None = None
    transport: str = ""


class Verdict(StrEnum):
    """What the host did with an incoming envelope."""

    COMMITTED = "committed"
    """It is in the vault, or already was. Acknowledge it."""
    IGNORED = "ignored"
    """Say nothing about it, ever."""
    REFUSED = "refused"
    """Tell the sender no, with the reason and the time.

    Whoever stores and forwards has nobody to tell. It keeps what is refused for now, and offers it again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """The answer to one incoming envelope.

    `replies` go back the same way, before the acknowledgement: the sender's host has received them when it is told
    `DELIVERED`. Only what is COMMITTED has some.

    `reason` is a code for the sender's program, such as an error's `code`: 1 to 64 of a-z, 0-9 and -. A transport keeps
    any other text to itself. `retry_after` is in seconds; None means never, and 0 at once. A transport may round it up
    to a whole second, and not down.

    `stranger` says that the sender is no contact, or a blocked one: whatever the verdict, it has earned no trust, and
    what a transport lets strangers use up, it goes on counting.
    """

    verdict: Verdict
    replies: tuple[bytes, ...] = ()
    reason: str | None = None
    retry_after: float | None = None
    stranger: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPackages:
    """KeyPackages of ours (RFC 9420, section 10) for strangers to claim while we are away.

    Each of `single_use` answers one stranger; `last_resort` any number, when there is no other. `not_after` is Unix
    seconds.
    """

    single_use: tuple[bytes, ...]
    last_resort: bytes
    not_after: int

    def __repr__(self) -> str:
        return f"KeyPackages({len(self.single_use)} and a last resort)"


class TransportContext(ABC):
    """What a transport may ask of the host. Given to its factory; usable once `Transport.run` runs."""

    @property
    @abstractmethod
    def identity(self) -> PeerId:
        """Our own peer id."""

    @property
    @abstractmethod
    def device_id(self) -> bytes:
        """How our account names this device, 16 octets."""

    @property
    @abstractmethod
    def accepts_requests(self) -> bool:
        """Whether strangers may ask us for contact now. Where not, only contacts are let in (`is_contact`).

        Anybody else is turned away as if nobody were here, before they are `reachable` or learn which device this is.
        """

    @abstractmethod
    async def requests_change(self) -> None:
        """Wait until `accepts_requests` changes."""

    @abstractmethod
    async def is_contact(self, peer: PeerId) -> bool:
        """Return whether `peer` is a contact of ours that is not blocked."""

    @abstractmethod
    async def onion_key(self, onion: OwnOnion) -> OnionKey:
        """Return the address of an onion of ours. It stays the same for as long as the account is up."""

    @abstractmethod
    async def dial(self, address: OnionKey, port: int, *, isolation: str = "") -> ByteStream:
        """Open a stream to `address`, isolated from those to every other one and, within it, by `isolation`."""

    @abstractmethod
    async def sign(self, *, domain: str, message: bytes, signer: OwnOnion = OwnOnion.IDENTITY) -> bytes:
        """Sign with the identity key, or with the device onion's (CryptoEngine.sign, sign_as_onion)."""

    @abstractmethod
    def verify(self, signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
        """Raise BadCredential unless `signature` is by this key (CryptoEngine.verify)."""

    @abstractmethod
    async def publish(
        self, onion: OwnOnion, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> PublishedService:
        """Answer at an onion of ours on the virtual `port` (Network.publish). Its key stays with the host."""

    @abstractmethod
    async def receive(
        self, source: PeerId | None, envelopes: Sequence[bytes], *, relay: OnionKey | None = None
    ) -> Sequence[Disposition]:
        """Hand over what arrived, in order, from `source` where the transport has proof of it; return one answer each.

        `relay` is who stored it for us, where somebody did: people are shown it. What a transport with the latency
        STORE_AND_FORWARD hands over is confirmed inside MLS, proven or not: its sender hears no other answer.
        Return once all of them are durable. A batch costs one commit, so collect what is there while waiting. Where it
        raises, a full disk for example, none of them may be acknowledged, nor removed from where it is stored.
        """

    @abstractmethod
    async def accept_bulk(self, source: DeviceIdentity, stream: ByteStream) -> None:
        """Hand over a bulk stream that a contact's device, which has proven who it is, has opened.

        Return when the host is done with it. The transport closes it then, and also when this raises. The host may
        raise what the stream does.
        """

    @abstractmethod
    async def change(self, fn: Callable[[KeyValueArea], T]) -> T:
        """Run `fn` on the transport's own area of the vault, as one unit; return its result once that is durable.

        Raise what `fn` raises, and what Vault.transact does.
        """

    @abstractmethod
    async def read(self, fn: Callable[[KeyValueArea], T]) -> T:
        """Run `fn` on a consistent view of the transport's own area, which it must not change."""

    @abstractmethod
    async def restored_at(self) -> int | None:
        """Return when the account last went on from a backup, in Unix milliseconds; None where it never has.

        What the transport remembers is as old as that backup, and the keys behind what it has given out are gone. It
        keeps what it saw here last, in its area; where this is another one, it does what has to be done.
        """

    @abstractmethod
    async def key_packages(self, count: int) -> KeyPackages:
        """Make up to `count` fresh KeyPackages and return the last resort, which stays the same while it is fresh."""

    @abstractmethod
    async def advertise(self, relays: Sequence[str]) -> None:
        """Have our chat code name these relays, by onion address, the favourite first: strangers find us there."""

    @abstractmethod
    async def read_to_end(self, since: int) -> None:
        """Tell that all has been handed over that was stored for us when it was `since`, in Unix milliseconds.

        That is, everywhere where contacts may have left something by this transport. Whoever stores and forwards tells
        so now and then: keys for what was written long ago are kept for a month where it does not. Raise what
        Vault.transact does.
        """

    @abstractmethod
    def routes_changed(self, peer: PeerId | None = None) -> None:
        """Tell that `allocate_routes` would now give something else for `peer`, or for everybody. Never waits."""

    @abstractmethod
    def routes_lost(self, peer: PeerId) -> None:
        """Tell that a contact came by a way that needs no route, and so may have none of ours. Never waits.

        The host tells them our routes again, once an hour at most.
        """

    @abstractmethod
    def report(self, reports: Sequence[SendReport]) -> None:
        """Tell what became of envelopes. Never waits."""

    @abstractmethod
    def state_changed(self, state: ServiceState) -> None:
        """Tell how the transport is now. Never waits."""

    @abstractmethod
    def peer_changed(self, device: DeviceIdentity, *, reachable: bool) -> None:
        """Tell that a device came within reach or left it; the host sends at once what waits for it. Never waits."""


MAX_CONTAINER = 256
"""Octets of the longest `key` or `offer` of a container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobContainer:
    """A place for parts of files, as its owner (`key`) and whoever may fetch them (`offer`) call it."""

    offer: bytes
    key: bytes

    def __repr__(self) -> str:
        return "BlobContainer(…)"


class BlobOutcome(StrEnum):
    """What became of a blob that was put, or of a renewal."""

    KEPT = "kept"
    """It is on the disk there."""
    FULL = "full"
    """Nothing more is taken now, or ever; what is there stays."""
    GONE = "gone"
    """There is no such container any more, nor anything that was in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobReport:
    """The answer to a put or a renewal. `kept` is the seconds for which all of the container is kept from now on.

    `reason` is a code, and `retry_after` in seconds, where it is FULL; None: trying again does not help. On a full disk
    there will be room again.
    """

    outcome: BlobOutcome
    kept: float = 0.0
    reason: str | None = None
    retry_after: float | None = None


class RelayManager(ABC):
    """The relays of a transport that stores and forwards: what a person adds, looks at and takes away.

    A relay is called by its onion address, or its beginning (6 characters or more) where only one begins so.
    """

    @abstractmethod
    async def all(self) -> Sequence[RelayView]:
        """Return the relays, the default one first."""

    @abstractmethod
    async def add(self, address: str) -> RelayView:
        """Go to a relay, see that it can be used, and use it from now on; the first one becomes the default.

        Adding one again takes its new permit. Raise BadRelayAddress, RelayUnusable, TooMany.
        """

    @abstractmethod
    async def remove(self, relay: str) -> None:
        """Use a relay no more: contacts learn of it, and what waits there is fetched while it lasts. NoSuchRelay."""

    @abstractmethod
    async def check(self, relay: str) -> RelayView:
        """Go to a relay now, and say how it is. Raise NoSuchRelay."""

    @abstractmethod
    async def set_default(self, relay: str) -> RelayView:
        """Make a relay the one that contacts try first. Raise NoSuchRelay."""


class Transport(ABC):
    """Carries envelopes. What a transport plugin's factory gives."""

    @property
    def relays(self) -> RelayManager | None:
        """The relays that people manage, or None where this transport has none."""
        return None

    @abstractmethod
    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Work until cancelled; then every stream is closed and every accepted envelope has had its final report.

        Calls `task_status.started()` as soon as `send` may be called, without waiting for the network. Called once for
        each object: where it raises or returns, the host has the factory make another one, after a while. Raise
        RuntimeError when it is called again.
        """

    @abstractmethod
    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        """Return the ways to somebody who has not named any: only the peer id is known, or a key package was claimed.

        They lead to whichever device answers, and have no `device_id`; or to that one alone whose id the host adds.
        """

    def onion_of(self, peer: PeerId, route: Route) -> OnionKey | None:
        """Return the onion to which a route of `peer`'s leads, for people to read; None where it leads to none.

        The route comes from the peer, or from `first_routes`. It is asked while `run` goes on, and nothing is dialled.
        """
        del peer, route
        return None

    @abstractmethod
    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        """Return the ways by which `peer` is to reach this device from now on; the host hands them over inside MLS.

        The host adds the device id.
        """

    @abstractmethod
    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        """Take envelopes for `peer`, in order; connect first where needed; wait while too much is on its way.

        `routes` are all that name this transport and lead to one device, one or more, the device's favourite first;
        they come from the peer. Where they name no device, whichever answers gets the envelopes.
        With no envelopes it only connects. Raise PeerUnreachable or NetworkUnavailable when it accepted none of them
        (no reports follow then), BadInput for an envelope of no or too many octets. When it is cancelled, or the way
        breaks, it has accepted none of them, or all: then each has its final outcome, LOST where it did not get so far.
        """

    async def open_bulk(self, peer: PeerId, routes: Sequence[Route]) -> ByteStream:
        """Open a bulk stream to a device of `peer`, whose routes these are, as in `send`. The caller closes it.

        Return once the other side has admitted us. It is bounded in time. Only a transport with the capability BULK is
        asked. Raise PeerUnreachable, NetworkUnavailable. The stream raises what anyio's streams do; when the transport
        has ended it, BrokenResourceError.
        """
        del peer, routes
        raise PeerUnreachable(problem="this transport opens no streams for large data")

    async def allocate_containers(self, peer: PeerId) -> Sequence[BlobContainer]:
        """Return new containers for parts of a file for `peer`, one at each place where we may put some.

        The first is the favourite one. Nothing has to be there yet. Only a transport with the capability BLOBS is
        asked for this and what follows. Raise PeerUnreachable, NetworkUnavailable.
        """
        del peer
        return ()

    async def put_blob(self, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        """Put a part of 1 octet to 4 MiB by its number (0 to 2**32 - 1) into the container with this key.

        The same number always has the same octets. It is bounded in time. Raise PeerUnreachable, NetworkUnavailable.
        """
        del peer, key, index, octets
        raise PeerUnreachable(problem="this transport keeps no parts of files")

    async def get_blob(self, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        """Get a part of `size` octets out of the container with this offer; None where it is not there, or not yet.

        The offer comes from the peer. It is bounded in time, and in memory by `size`.
        Raise PeerUnreachable, NetworkUnavailable; PartRefused where it is not what was put, ProtocolViolation where
        whoever keeps it breaks the protocol, or the offer cannot be read.
        """
        del peer, offer, index, size
        raise PeerUnreachable(problem="this transport keeps no parts of files")

    async def delete_blobs(self, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        """Delete parts from the container with this key; what is not there is deleted already.

        Raise PeerUnreachable, NetworkUnavailable.
        """
        del peer, key, indexes
        raise PeerUnreachable(problem="this transport keeps no parts of files")

    async def renew_blobs(self, peer: PeerId, key: bytes) -> BlobReport:
        """Have the container with this key kept for longer. Raise PeerUnreachable, NetworkUnavailable."""
        del peer, key
        raise PeerUnreachable(problem="this transport keeps no parts of files")

    @abstractmethod
    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        """Return whether a device of `peer` is within reach this moment: an authenticated stream stands.

        None stands for any of their devices.
        """

    @abstractmethod
    async def disconnect(self, peer: PeerId) -> None:
        """End what connects us with `peer`: they were blocked or removed."""

    async def forget(self, peer: PeerId) -> None:
        """Delete what is kept for `peer`, who was removed; called after `disconnect`."""
        del peer

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        """Delete what is kept for anybody else: these are all contacts. Called once when the account comes up.

        Somebody may have been removed while it was not up, or just before it was killed.
        """
        del peers

    async def claim_key_package(
        self, peer: PeerId, relays: Sequence[str], routes: Sequence[Route] = ()
    ) -> bytes | None:
        """Get a KeyPackage of somebody who is away, or None where this transport cannot, or there is none.

        `relays` are the onion addresses that their chat code names, and `routes` what they have named for this
        transport before, which may be gone: both say where they may have left some. Our own relays are asked after
        these. What comes is proven to be `peer`'s, and `first_routes` then leads to them. Raise PeerUnreachable,
        NetworkUnavailable.
        """
        del peer, relays, routes
        return None
