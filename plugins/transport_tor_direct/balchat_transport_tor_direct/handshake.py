"""The handshake's two machines (docs/spec/direct-transport.md, "Handshake"). No I/O, clock or randomness here.

Rules
-----
- Who runs a machine feeds it frames, sends what it gives, and does the one thing that it cannot do itself: the
  dialler's signs `transcript` and calls `prove`; the acceptor's verifies `Proof` and calls `admit` when it wants the
  stream.
- `TRANSITIONS` is the whole of each machine: what is not in it is a violation of H1.
- A machine that has raised, or has given `Refused`, takes nothing more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final

from balchat_host.api.types import DEVICE_ID_SIZE, ONION_KEY_SIZE, PEER_ID_SIZE, DeviceIdentity, OnionKey, PeerId
from balchat_transport_tor_direct.faults import LocalMisuse, NoCommonVersion, violation
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameType

VERSIONS: Final = (1,)
"""The versions that this program speaks, the best first."""
DOMAIN: Final = "balchat-direct-dialler"
"""The domain of the dialler's signature (CryptoEngine.sign)."""
NONCE_SIZE: Final = 32

_REASONS: Final = {int(reason): reason for reason in CloseReason}
_WHO_SIZE: Final = PEER_ID_SIZE + DEVICE_ID_SIZE + ONION_KEY_SIZE
_MAGIC_SIZE: Final = 8
_COUNT_AT: Final = _MAGIC_SIZE + _WHO_SIZE + NONCE_SIZE


class Purpose(Enum):
    """What a stream is for. The value is the magic with which HELLO begins."""

    LINK = b"balchat\x00"
    """Envelopes, in both directions."""
    BULK = b"balchat\x01"
    """A bulk stream: what passes on it is the hosts' business. At the device onion only."""


class State(Enum):
    """How far a handshake has come."""

    START = "start"
    HELLO_SENT = "hello sent"
    CHALLENGED = "challenged"
    PROOF_SENT = "proof sent"
    WAITING = "waiting"
    CHALLENGE_SENT = "challenge sent"
    PROVEN = "proven"
    READY = "ready"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Challenged:
    """The dialler's: `device` answers. Sign `transcript`, then `prove`."""

    transcript: bytes
    device: DeviceIdentity


@dataclass(frozen=True, slots=True)
class Answer:
    """The acceptor's: send these octets."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """The acceptor's: verify that `signature` is by the account of `device` over `transcript` (H8)."""

    device: DeviceIdentity
    transcript: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """The dialler's: the stream is a link now, or a bulk stream."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side closed the stream."""

    reason: CloseReason


Event = Challenged | Answer | Proof | Ready | Refused


def close_reason(frame: Frame) -> CloseReason:
    """Read a CLOSE; a reason that is not known is taken as going away."""
    return _REASONS.get(frame.number, CloseReason.GOING_AWAY)


def _who(device: DeviceIdentity, onion: OnionKey) -> bytes:
    """Return what HELLO and CHALLENGE say of their sender, and of the onion that was dialled."""
    return device.peer.octets + device.device_id + onion.octets


def _read_who(octets: bytes) -> tuple[DeviceIdentity, OnionKey]:
    peer, rest = octets[:PEER_ID_SIZE], octets[PEER_ID_SIZE:_WHO_SIZE]
    device = DeviceIdentity(peer=PeerId(peer), device_id=rest[:DEVICE_ID_SIZE])
    return device, OnionKey(rest[DEVICE_ID_SIZE:])


class Dialler:
    """The side that dialled a device of `peer` at `onion`; None for whichever answers. `nonce` is 32 random octets."""

    def __init__(
        self,
        *,
        us: DeviceIdentity,
        peer: PeerId,
        device_id: bytes | None,
        onion: OnionKey,
        nonce: bytes,
        purpose: Purpose = Purpose.LINK,
        versions: tuple[int, ...] = VERSIONS,
    ) -> None:
        self.state = State.START
        self.version = 0
        self._peer = peer
        self._device_id = device_id
        self._onion = onion
        self._versions = versions
        body = purpose.value + _who(us, onion) + nonce + bytes([len(versions), *versions])
        self._hello = Frame(FrameType.HELLO, payload=body).encode()

    def start(self) -> bytes:
        """Return HELLO, to send."""
        self._move(State.START, State.HELLO_SENT)
        return self._hello

    def prove(self, signature: bytes) -> bytes:
        """Take the signature over the transcript; return PROOF, to send."""
        self._move(State.CHALLENGED, State.PROOF_SENT)
        return Frame(FrameType.PROOF, payload=signature).encode()

    def receive(self, frame: Frame) -> Event:
        """Take a frame. Raise ProtocolViolation (H1, H6, H7)."""
        step = self.TRANSITIONS.get((self.state, frame.type))
        if step is None:
            raise violation("H1", f"{frame.type.name} out of turn")
        act, self.state = step
        return act(self, frame)

    def _challenge(self, frame: Frame) -> Challenged:
        version, (device, onion) = frame.payload[0], _read_who(frame.payload[1:])
        if device.peer != self._peer or self._device_id not in (None, device.device_id) or onion != self._onion:
            raise violation("H6", "CHALLENGE from somebody who was not dialled, or at another onion")
        if version not in self._versions:
            raise violation("H7", "CHALLENGE with a version that was not offered")
        self.version = version
        return Challenged(self._hello + frame.encode(), device)

    def _ready(self, frame: Frame) -> Ready:
        del frame
        return Ready()

    def _close(self, frame: Frame) -> Refused:
        return Refused(close_reason(frame))

    def _move(self, before: State, after: State) -> None:
        if self.state is not before:
            raise LocalMisuse(f"the dialler is in the state {self.state.value}, not {before.value}")
        self.state = after

    TRANSITIONS: Final[dict[tuple[State, FrameType], tuple[Callable[["Dialler", Frame], Event], State]]] = {
        (State.HELLO_SENT, FrameType.CHALLENGE): (_challenge, State.CHALLENGED),
        (State.PROOF_SENT, FrameType.READY): (_ready, State.READY),
        (State.HELLO_SENT, FrameType.CLOSE): (_close, State.CLOSED),
        (State.PROOF_SENT, FrameType.CLOSE): (_close, State.CLOSED),
    }


class Acceptor:
    """The side that was dialled, at `onion`. `nonce` is 32 random octets."""

    def __init__(
        self, *, us: DeviceIdentity, onion: OnionKey, nonce: bytes, versions: tuple[int, ...] = VERSIONS
    ) -> None:
        self.state = State.WAITING
        self.version = 0
        self.purpose = Purpose.LINK
        """What the stream is for, once HELLO has come."""
        self._us = us
        self._onion = onion
        self._nonce = nonce
        self._versions = versions
        self._device = us
        self._transcript = b""

    def admit(self) -> bytes:
        """Take the stream; return READY, to send."""
        if self.state is not State.PROVEN:
            raise LocalMisuse(f"the acceptor is in the state {self.state.value}, not {State.PROVEN.value}")
        self.state = State.READY
        return Frame(FrameType.READY).encode()

    def receive(self, frame: Frame) -> Event:
        """Take a frame. Raise ProtocolViolation (H1 to H4, H11) or NoCommonVersion (H5)."""
        step = self.TRANSITIONS.get((self.state, frame.type))
        if step is None:
            raise violation("H1", f"{frame.type.name} out of turn")
        act, self.state = step
        return act(self, frame)

    def _hello(self, frame: Frame) -> Answer:
        body = frame.payload
        self.purpose = self._read_purpose(body[:_MAGIC_SIZE])
        offered = body[_COUNT_AT + 1 :]
        if len(offered) != body[_COUNT_AT] or any(a <= b for a, b in pairwise(offered)):
            raise violation("H3", "HELLO with a broken list of versions")
        device, onion = _read_who(body[_MAGIC_SIZE:])
        if device.peer == self._us.peer:
            raise violation("H4", "HELLO from ourselves")
        if onion != self._onion:
            raise violation("H11", "HELLO for another onion")
        common = [version for version in offered if version in self._versions]
        if not common:
            raise NoCommonVersion  # H5
        self.version = common[0]
        self._device = device
        payload = bytes([self.version]) + _who(self._us, self._onion) + self._nonce
        challenge = Frame(FrameType.CHALLENGE, payload=payload).encode()
        self._transcript = frame.encode() + challenge
        return Answer(challenge)

    def _read_purpose(self, magic: bytes) -> Purpose:
        at_identity = self._onion == self._us.peer.identity_onion
        for purpose in Purpose:
            if purpose.value == magic and not (purpose is Purpose.BULK and at_identity):
                return purpose
        raise violation("H2", "HELLO with another magic")

    def _proof(self, frame: Frame) -> Proof:
        return Proof(self._device, self._transcript, frame.payload)

    def _close(self, frame: Frame) -> Refused:
        return Refused(close_reason(frame))

    TRANSITIONS: Final[dict[tuple[State, FrameType], tuple[Callable[["Acceptor", Frame], Event], State]]] = {
        (State.WAITING, FrameType.HELLO): (_hello, State.CHALLENGE_SENT),
        (State.CHALLENGE_SENT, FrameType.PROOF): (_proof, State.PROVEN),
        (State.WAITING, FrameType.CLOSE): (_close, State.CLOSED),
        (State.CHALLENGE_SENT, FrameType.CLOSE): (_close, State.CLOSED),
        (State.PROVEN, FrameType.CLOSE): (_close, State.CLOSED),
    }
