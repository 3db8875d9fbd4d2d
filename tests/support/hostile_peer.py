"""A peer with a real identity key who makes everything else by hand, right or wrong.

    mallory = HostilePeer(now=now)
    octets = mallory.key_package(suite=3).message()
    octets = mallory.key_package(mallory.leaf(credential_types=uint16s(1))).message()
    octets = mallory.group(bobs_key_package, epoch=2**64 - 1).welcome()
    octets = mallory.group(bobs_key_package).private_message(APPLICATION, vector(b"hello"))

What can be changed, and how, is in `mls_rs_py.crafting`. Whatever is in a Welcome, it is sealed rightly.
"""

import os
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from balchat_common.x_wing import OpeningKey, SealingKey
from balchat_crypto_mls import known_eras, signatures
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, DAY, Credential
from balchat_crypto_mls.sealing import EXTENSION_TYPE, SealedWelcome
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mls_rs_py import KeyPackage
from mls_rs_py.crafting import (
    HASH_SIZE,
    CraftedGroup,
    CraftedKeyPackage,
    CraftedLeaf,
    derive_secret,
    expand_with_label,
    extension,
    mls_message,
    uint16s,
)

from balchat_host.api.crypto import ERA_ID_SIZE
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity, PeerId
from balchat_host.core.envelope import EraMessage

EXTENSION_TYPES: Final = (EXTENSION_TYPE, known_eras.EXTENSION_TYPE)
"""Those that the capabilities of every leaf list."""

_KEY_PACKAGE: Final = 5


def seal_welcome(welcome: bytes, key_package: bytes) -> bytes:
    """Seal an MLSMessage with a Welcome for the owner of an MLSMessage with a KeyPackage."""
    theirs = KeyPackage.from_bytes(key_package)
    found = [each.data for each in theirs.extensions if each.extension_type == EXTENSION_TYPE]
    # For one who has no key, nobody could open it anyway.
    key = SealingKey(found[0]) if found else OpeningKey.generate().sealing_key
    return SealedWelcome.seal(welcome, key, reference=theirs.reference).encode()


class HostileGroup(CraftedGroup):
    """A group that was made by hand, as balchat speaks of it."""

    __slots__ = ()

    def welcome(self, **options: Any) -> bytes:
        """Return the Welcome for the first newcomer, sealed; `options` are those of `CraftedGroup.welcome`."""
        return seal_welcome(super().welcome(**options), mls_message(_KEY_PACKAGE, self.newcomers[0].encoded))

    @property
    def era_id(self) -> bytes:
        """The id by which its messages name it."""
        return era_id(derive_secret(self.epoch_secret, b"exporter"))

    def payload(self, message: bytes) -> bytes:
        """Return the payload of an MLS_MESSAGE with these octets for a message of the group."""
        return EraMessage(era_id=self.era_id, message=message).encode()


def era_id(exporter_secret: bytes) -> bytes:
    """Return MLS-Exporter("balchat era id", "", 32)[0..16] (RFC 9420, section 8.5)."""
    secret = derive_secret(exporter_secret, b"balchat era id")
    return expand_with_label(secret, b"exported", sha256(b"").digest(), HASH_SIZE)[:ERA_ID_SIZE]


class HostilePeer:
    """A peer whose structures are valid unless they are told not to be. `now` is Unix seconds."""

    def __init__(self, *, now: int, identity_seed: bytes | None = None) -> None:
        self.now = now
        self.identity_seed = identity_seed or os.urandom(32)
        self.signer = Ed25519PrivateKey.generate()
        self.device_id = os.urandom(DEVICE_ID_SIZE)
        self.sealing_key = OpeningKey.generate().sealing_key

    @property
    def peer(self) -> PeerId:
        """The peer id."""
        return signatures.peer_id(self.identity_seed)

    @property
    def device(self) -> DeviceIdentity:
        """The peer's one device."""
        return DeviceIdentity(peer=self.peer, device_id=self.device_id)

    def credential(
        self, *, not_after: int | None = None, signature_key: bytes | None = None, device_id: bytes | None = None
    ) -> bytes:
        """Return the content of a credential for this MLS signature key, by default the peer's own.

        `not_after` is a day, in days since 1970.
        """
        shown = signature_key or self.signer.public_key().public_bytes_raw()
        until = self.now // DAY + 300 if not_after is None else not_after
        return Credential.issue(self.identity_seed, device_id or self.device_id, shown, not_after=until).encode()

    def leaf(self, **fields: object) -> CraftedLeaf:
        """Return a leaf, in which the given fields of CraftedLeaf are changed."""
        made = CraftedLeaf(
            self.signer,
            self.credential(),
            credential_type=CREDENTIAL_TYPE,
            suites=uint16s(1, 2, 3),
            extension_types=uint16s(*EXTENSION_TYPES),
            not_before=self.now - DAY,
            not_after=self.now + 20 * DAY,
        )
        return replace(made, **fields)  # pyright: ignore[reportArgumentType]  # whatever the fields of the class are

    def key_package(self, leaf: CraftedLeaf | None = None, **fields: object) -> CraftedKeyPackage:
        """Return a KeyPackage, in which the given fields of CraftedKeyPackage are changed."""
        made = CraftedKeyPackage(leaf or self.leaf(), extensions=extension(EXTENSION_TYPE, self.sealing_key.octets))
        return replace(made, **fields)  # pyright: ignore[reportArgumentType]  # whatever the fields of the class are

    def group(self, *theirs: bytes, leaf: CraftedLeaf | None = None, **fields: object) -> HostileGroup:
        """Return a group of this peer and the owners of `theirs`, MLSMessages with KeyPackages."""
        fields = {"extensions": extension(known_eras.EXTENSION_TYPE)} | fields
        return HostileGroup.of(self.key_package(leaf), *theirs, **fields)
