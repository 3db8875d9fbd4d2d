"""What lies encrypted in Welcomes and PrivateMessages, changed by somebody who encrypts, signs and hashes it rightly.

Without that, a changed octet would never get past the first key; so only this feeds the walk over GroupInfo,
GroupSecrets and trees, and mls-rs' readers of proposals and commits.
"""

import random
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    PROPOSAL,
    CraftedGroup,
    CraftedKeyPackage,
    CraftedLeaf,
    extension,
    ratchet_tree,
    required_capabilities,
    sign,
    uint16s,
    vector,
)

Mutate = Callable[[bytes], bytes]
LONG = (33, 65, 300, 4000)


def lists(rng: random.Random) -> bytes:
    """Return a list of extensions that is longer than allowed, or odd."""
    count = rng.choice(LONG)
    match rng.randrange(4):
        case 0:
            return b"".join(extension(number) for number in range(6, 6 + count))
        case 1:
            return required_capabilities(*(uint16s(*([rng.randrange(9)] * rng.choice(LONG))) for _ in range(3)))
        case 2:
            return extension(rng.randrange(9), rng.randbytes(rng.randrange(40)))
        case _:
            return extension(5, vector((bytes(3) + b"\x01\x00") * count))


class Insides:
    """Somebody who makes groups with the owner of `key_package`, who may join, and with that of `joined`, who does."""

    def __init__(self, key_package: bytes, joined: bytes) -> None:
        self._signer = Ed25519PrivateKey.generate()
        self._key_package = key_package
        self.group = CraftedGroup.of(self._ours(), joined)

    def _ours(self, **fields: bytes) -> CraftedKeyPackage:
        leaf = CraftedLeaf(self._signer, b"mallory", not_before=0, not_after=2**63, credential_types=uint16s(1, 2))
        for name, value in fields.items():
            setattr(leaf, name, value)
        return CraftedKeyPackage(leaf)

    def _crowd(self, group: CraftedGroup, rng: random.Random) -> None:
        for number in range(rng.choice((0, 0, 1, 2, 6))):
            signer = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
            leaf = CraftedLeaf(signer, b"%d" % number, credential_types=uint16s(1, 2)).encode()
            group.leaves += [leaf] if rng.randrange(2) else [None, leaf]

    def welcome(self, rng: random.Random, mutate: Mutate) -> bytes:
        """Return a Welcome with a change inside."""
        fields = ({}, {"extensions": lists(rng)}, {"extension_types": uint16s(*([7] * rng.choice(LONG)))})
        group = CraftedGroup.of(self._ours(**rng.choice(fields)), self._key_package)
        self._crowd(group, rng)
        match rng.randrange(7):
            case 0:
                group.tree = mutate(ratchet_tree(group.leaves))
            case 1:
                at = rng.randrange(len(group.leaves))
                group.leaves[at] = mutate(group.leaves[at] or b"\x00")
            case 2:
                group.extensions = lists(rng)
            case 3:
                return group.welcome(group_info=group.group_info(extensions=lists(rng)))
            case 4:
                return group.welcome(group_secrets=mutate(group.group_secrets()))
            case 5:
                # The signature, last, covers what was changed.
                body = mutate(group.group_info(signature=b"")[:-1])
                return group.welcome(group_info=body + vector(sign(self._signer, b"GroupInfoTBS", body)))
            case _:
                group.epoch, group.suite = rng.choice(((2**64 - 1, 1), (2**32 + 1, 1), (1, 2), (1, 3), (0, 1)))
                return group.welcome(suite=1)
        return group.welcome()

    def message(self, rng: random.Random, mutate: Mutate) -> bytes:
        """Return a PrivateMessage, in the group that was joined, with a change inside."""
        package = self._ours(extensions=lists(rng)).encode()
        path = CraftedLeaf(self._signer, b"mallory", source=3, extensions=lists(rng)).encode()
        proposals = [
            b"\x00\x01" + package,
            b"\x00\x02" + path,
            b"\x00\x03" + bytes(4),
            b"\x00\x04\x01" + vector(b"id") + vector(bytes(32)),
            b"\x00\x05" + vector(b"next") + uint16s(1, 1) + vector(lists(rng)),
            b"\x00\x06" + vector(bytes(32)),
            b"\x00\x07" + vector(lists(rng)),
        ]
        content_type = rng.choice((APPLICATION, PROPOSAL, COMMIT, COMMIT))
        if content_type == PROPOSAL:
            content = rng.choice(proposals)
        elif content_type == COMMIT:
            chosen = b"".join(b"\x01" + each for each in rng.sample(proposals, rng.randrange(4)))
            content = vector(chosen) + (b"\x01" + path + vector(b"") if rng.randrange(2) else b"\x00")
        else:
            content = vector(b"x" * rng.randrange(100))
        if rng.randrange(2):
            content = mutate(content)
        sender, generation = rng.choice((0, 0, 0, 1)), rng.choice((0, 0, 1, 50))
        message = self.group.private_message(content_type, content, sender=sender, generation=generation)
        return mutate(message) if rng.randrange(4) == 0 else message
