"""The header beside the database: the key slots, as octets (docs/spec/vault.md, section 3). No I/O, no secrets.

A reader is bounded whatever a header says: in size, in slots, and in the memory and time that a key derivation takes.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from balchat_host.api.errors import VaultDamaged, VaultTooNew
from balchat_host.api.storage import SlotKind

VERSION: Final = 1
MAX_HEADER_SIZE: Final = 4096
"""Octets, in this version and every later one."""

SALT_SIZE: Final = 16
WRAPPED_SIZE: Final = 40
"""Octets of a 32-octet key wrapped as RFC 3394 says."""

MAX_MEMORY_KIB: Final = 1024 * 1024
MAX_PASSES: Final = 16
MAX_LANES: Final = 16

_MAGIC: Final = b"balchat vault\x00\r\n"
_PREFIX: Final = struct.Struct(">16sH")
_COUNT: Final = struct.Struct(">B")
_SLOT: Final = struct.Struct(f">BBIBB{SALT_SIZE}s{WRAPPED_SIZE}s")
_DIGEST_SIZE: Final = sha256().digest_size
_ARGON2ID: Final = 1
_KIND_NUMBERS: Final = {SlotKind.PASSPHRASE: 1, SlotKind.RECOVERY_CODE: 2}
_KINDS: Final = {number: kind for kind, number in _KIND_NUMBERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kdf:
    """Argon2id's parameters (RFC 9106, section 3.1): memory in KiB, passes, lanes."""

    memory_kib: int
    passes: int
    lanes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One secret's way to the data key."""

    kdf: Kdf
    salt: bytes
    wrapped: bytes

    def __repr__(self) -> str:
        return f"Slot(kdf={self.kdf}, …)"


Slots = Mapping[SlotKind, Slot]


def encode(slots: Slots) -> bytes:
    """Write a header with these slots."""
    parts = [_PREFIX.pack(_MAGIC, VERSION), _COUNT.pack(len(slots))]
    for kind, slot in slots.items():
        kdf = slot.kdf
        parts.append(
            _SLOT.pack(_KIND_NUMBERS[kind], _ARGON2ID, kdf.memory_kib, kdf.passes, kdf.lanes, slot.salt, slot.wrapped)
        )
    body = b"".join(parts)
    return body + sha256(body).digest()


def decode(octets: bytes) -> dict[SlotKind, Slot]:
    """Read a header. Raise VaultDamaged and VaultTooNew."""
    body, digest = octets[:-_DIGEST_SIZE], octets[-_DIGEST_SIZE:]
    if len(octets) > MAX_HEADER_SIZE or not body.startswith(_MAGIC) or len(body) < _PREFIX.size:
        raise VaultDamaged(problem="its header is not that of a vault")
    # Section 3.1: the checksum is verified before the version is believed.
    if not compare_digest(sha256(body).digest(), digest):
        raise VaultDamaged(problem="its header does not match its checksum")
    _, version = _PREFIX.unpack_from(body)
    if version > VERSION:
        raise VaultTooNew(found=version, known=VERSION)
    if version < VERSION:
        raise VaultDamaged(problem="its header has a version that never was")
    return _decode_slots(body[_PREFIX.size :])


def _decode_slots(octets: bytes) -> dict[SlotKind, Slot]:
    if not octets or len(octets) != _COUNT.size + octets[0] * _SLOT.size:
        raise VaultDamaged(problem="its header does not have the length that it says")
    slots = dict(_each_slot(octets[_COUNT.size :]))
    if not slots or len(slots) != octets[0]:
        raise VaultDamaged(problem="its header has no key slot, or one of them twice")
    return slots


def _each_slot(octets: bytes) -> Iterator[tuple[SlotKind, Slot]]:
    for number, algorithm, memory_kib, passes, lanes, salt, wrapped in _SLOT.iter_unpack(octets):
        kind = _KINDS.get(number)
        if kind is None or algorithm != _ARGON2ID:
            raise VaultDamaged(problem="its header has a key slot of an unknown kind")
        kdf = Kdf(memory_kib=memory_kib, passes=passes, lanes=lanes)
        # Section 3.2: RFC 9106's own lower bounds, and upper ones that keep an altered header from taking the machine.
        if not (1 <= lanes <= MAX_LANES and 1 <= passes <= MAX_PASSES and 8 * lanes <= memory_kib <= MAX_MEMORY_KIB):
            raise VaultDamaged(problem="its header asks for a key derivation out of bounds")
        yield kind, Slot(kdf=kdf, salt=salt, wrapped=wrapped)
