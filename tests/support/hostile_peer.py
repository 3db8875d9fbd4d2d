"""A peer with a real identity key who makes everything else by hand, right or wrong.

    mallory = HostilePeer(now=now)
    octets = mallory.key_package(suite=3).message()
    octets = mallory.key_package(mallory.leaf(credential_types=uint16s(1))).message()
    octets = mallory.group(bobs_key_package, epoch=2**64 - 1).welcome()
    octets = mallory.group(bobs_key_package).private_message(APPLICATION, vector(b"hello"))

What can be changed, and how, is in `mls_rs_py.crafting`.
"""

import os
from dataclasses import replace
from typing import Final

from balchat_crypto_mls import signatures
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, Credential
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mls_rs_py.crafting import CraftedGroup, CraftedKeyPackage, CraftedLeaf, uint16s

from balchat_host.api.types import PeerId

_DAY: Final = 24 * 3600


class HostilePeer:
    """A peer whose structures are valid unless they are told not to be. `now` is Unix seconds."""

    def __init__(self, *, now: int, identity_seed: bytes | None = None) -> None:
        self.now = now
        self.identity_seed = identity_seed or os.urandom(32)
        self.signer = Ed25519PrivateKey.generate()

    @property
    def peer(self) -> PeerId:
        """The peer id."""
        return signatures.peer_id(self.identity_seed)

    def credential(self, *, not_after: int | None = None, signature_key: bytes | None = None) -> bytes:
        """Return the content of a credential for this MLS signature key, by default the peer's own."""
        shown = signature_key or self.signer.public_key().public_bytes_raw()
        day = self.now // _DAY * _DAY
        until = day + 300 * _DAY if not_after is None else not_after
        return Credential.issue(self.identity_seed, shown, not_after=until).encode()

    def leaf(self, **fields: object) -> CraftedLeaf:
        """Return a leaf, in which the given fields of CraftedLeaf are changed."""
        made = CraftedLeaf(
            self.signer,
            self.credential(),
            credential_type=CREDENTIAL_TYPE,
            suites=uint16s(1, 2, 3),
            not_before=self.now - _DAY,
            not_after=self.now + 20 * _DAY,
        )
        return replace(made, **fields)  # pyright: ignore[reportArgumentType]  # whatever the fields of the class are

    def key_package(self, leaf: CraftedLeaf | None = None, **fields: object) -> CraftedKeyPackage:
        """Return a KeyPackage, in which the given fields of CraftedKeyPackage are changed."""
        made = CraftedKeyPackage(leaf or self.leaf())
        return replace(made, **fields)  # pyright: ignore[reportArgumentType]  # whatever the fields of the class are

    def group(self, *theirs: bytes, leaf: CraftedLeaf | None = None, **fields: object) -> CraftedGroup:
        """Return a group of this peer and the owners of `theirs`, MLSMessages with KeyPackages."""
        return CraftedGroup.of(self.key_package(leaf), *theirs, **fields)
