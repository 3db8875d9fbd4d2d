"""The values that every contract shares: peers, secrets, states, routes.

All are frozen and say in their name what the field calls them. Anything that must not reach a log or a
screen by accident redacts itself in `repr`.
"""

import hashlib
from base64 import b32decode, b32encode
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

from balchat_common.ed25519 import is_of_small_order

from balchat_host.api.errors import BadOnionAddress

PEER_ID_SIZE: Final = 32
ONION_KEY_SIZE: Final = 32
"""Octets of an Ed25519 public key (RFC 8032)."""
DEVICE_ID_SIZE: Final = 16
"""Octets by which an account names one of its devices; they are random."""

_ONION_VERSION: Final = b"\x03"
_ONION_LENGTH: Final = 56


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Octets that must never be seen: keys, passphrases, recovery codes. `repr` hides them."""

    octets: bytes

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Take a typed secret, as UTF-8."""
        return cls(text.encode())

    def reveal(self) -> bytes:
        """Return the octets to the one who uses them."""
        return self.octets

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True, order=True, repr=False)
class OnionKey:
    """The address of an onion service: its Ed25519 public key, 32 octets.

    The v3 onion address is the same key in another spelling (rend-spec-v3, section 6 [ONIONADDRESS]), so whoever
    answers there holds the private half.
    """

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != ONION_KEY_SIZE:
            raise BadOnionAddress(problem=f"an onion key has {ONION_KEY_SIZE} octets, not {len(self.octets)}")

    @classmethod
    def from_onion(cls, address: str) -> Self:
        """Read a v3 onion address, with or without `.onion`, in any case.

        Raise BadOnionAddress, which says what is wrong with it.
        """
        return cls(_read_onion_address(address))

    @property
    def onion(self) -> str:
        """The v3 onion address of this key: 56 characters and `.onion`."""
        return _onion_address(self.octets)

    def __repr__(self) -> str:
        return "OnionKey(…)"


@dataclass(frozen=True, slots=True, order=True, repr=False)
class PeerId:
    """An account: the public half of its Ed25519 identity key, 32 octets.

    The same key is that of the account's identity onion, where strangers ask for contact. Peer ids are ordered as their
    octets are; both sides of a tie use that order.
    """

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != PEER_ID_SIZE:
            raise BadOnionAddress(problem=f"a peer id has {PEER_ID_SIZE} octets, not {len(self.octets)}")

    @classmethod
    def from_onion(cls, address: str) -> Self:
        """Read the v3 address of an identity onion, as OnionKey.from_onion does. Raise BadOnionAddress."""
        return cls(_read_onion_address(address))

    @property
    def onion(self) -> str:
        """The v3 address of the identity onion: 56 characters and `.onion`."""
        return _onion_address(self.octets)

    @property
    def identity_onion(self) -> OnionKey:
        """The identity onion, to dial it."""
        return OnionKey(self.octets)

    def __repr__(self) -> str:
        return "PeerId(…)"


@dataclass(frozen=True, slots=True, order=True, kw_only=True, repr=False)
class DeviceIdentity:
    """One device of an account: whose it is, and the 16 random octets by which that account names it.

    Raise ValueError for a device id of another size.
    """

    peer: PeerId
    device_id: bytes

    def __post_init__(self) -> None:
        if len(self.device_id) != DEVICE_ID_SIZE:
            raise ValueError(f"a device id has {DEVICE_ID_SIZE} octets, not {len(self.device_id)}")

    def __repr__(self) -> str:
        return "DeviceIdentity(…)"


class OwnOnion(StrEnum):
    """The two onions of an account on a device."""

    IDENTITY = "identity"
    """The chat code's. It serves first contact only, while requests are accepted; its key is the identity key."""
    DEVICE = "device"
    """Serves contacts, who are told of it in routes only. Its key is the device's own."""


def _read_onion_address(address: str) -> bytes:
    name = address.strip().lower().removesuffix(".onion")
    if len(name) != _ONION_LENGTH:
        raise BadOnionAddress(problem=f"it has {len(name)} characters before .onion, and needs {_ONION_LENGTH}")
    wrong = sorted(set(name) - set("abcdefghijklmnopqrstuvwxyz234567"))
    if wrong:
        raise BadOnionAddress(problem=f"it contains {wrong[0]!r}; only a to z and 2 to 7 occur in one")
    raw = b32decode(name.upper())
    key, checksum, version = raw[:32], raw[32:34], raw[34:]
    if version != _ONION_VERSION:
        raise BadOnionAddress(problem="it is not a version 3 address")
    if checksum != _onion_checksum(key):
        raise BadOnionAddress(problem="its checksum does not match: a character is mistyped or missing")
    if is_of_small_order(key):
        raise BadOnionAddress(problem="its key is one that anybody can sign with")
    return key


@lru_cache(maxsize=1024)  # each message names its author by it
def _onion_address(key: bytes) -> str:
    raw = key + _onion_checksum(key) + _ONION_VERSION
    return b32encode(raw).decode().lower() + ".onion"


def _onion_checksum(key: bytes) -> bytes:
    return hashlib.sha3_256(b".onion checksum" + key + _ONION_VERSION).digest()[:2]


class Phase(StrEnum):
    """How far a network, a transport or a published service has come."""

    STOPPED = "stopped"
    STARTING = "starting"
    ONLINE = "online"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """An honest state: what is known now, and why it is not better.

    `percent` is 0 to 100 while starting, else None. `reason` is for a person: it names no address. `code` names the
    same reason for front ends that speak other languages; it is None where the reason has no name.
    """

    phase: Phase
    percent: int | None = None
    reason: str | None = None
    code: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        percent = "" if self.percent is None else f" {self.percent} %"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.phase}{percent}{reason}"


STOPPED: Final = ServiceState(phase=Phase.STOPPED)
ONLINE: Final = ServiceState(phase=Phase.ONLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to reach a device of a contact, as that device handed it over.

    Only the named transport understands `address` (at most 512 octets). `sealing_key` is the key to seal
    envelopes to, or None where the way itself is private. `not_after` is Unix seconds, or None. `device_id` has 16
    octets; None where a transport leads to whichever device answers (`Transport.first_routes`). `client_key` is an
    X25519 private key of 32 octets, for an address that answers only those who hold one, or None.
    """

    transport: str
    address: bytes
    sealing_key: bytes | None = None
    not_after: int | None = None
    device_id: bytes | None = None
    client_key: bytes | None = None

    def __repr__(self) -> str:
        return f"Route(transport={self.transport!r}, …)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and what a person can do about it."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding of `balchat doctor`. `problem` is None where all is well, or where it was not `tried`."""

    name: str
    finding: str
    problem: Problem | None = None
    tried: bool = True
