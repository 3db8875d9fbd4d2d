"""MLS structures that a hostile peer makes and rightly signs: lists of any length, numbers of any size."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from balchat_crypto_mls import known_eras
from balchat_crypto_mls.sealing import EXTENSION_TYPE
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    EXTERNAL_PUB,
    EXTERNAL_SENDERS,
    PROPOSAL,
    REQUIRED_CAPABILITIES,
    CraftedGroup,
    CraftedKeyPackage,
    CraftedLeaf,
    extension,
    required_capabilities,
    uint16s,
    vector,
)

from fuzz.mutations import change_octets
from tests.support.hostile_peer import seal_welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.support.hostile_peer import HostilePeer

_MOST: Final = 1024 * 1024
"""Octets of what is made by repeating something."""
_COUNTS: Final = (0, 1, 2, 3, 8, 31, 32, 33, 64, 65, 255, 1000, 4000)
_TYPES: Final = (0, 1, 2, 3, 4, 5, 6, 7, 10, 0x0A0A, 0xF0BA, 0xF0BC, 0xFF00, 0xFFFF)
_EPOCHS: Final = (0, 1, 2, 2**16, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)
_KEYS: Final = (b"", bytes(31), bytes(32), b"\x01" + bytes(31), b"\xff" * 32, bytes(33), bytes(64))
_TIMES: Final = (0, 1, 1_800_000_000, 2**31, 2**32, 2**63, 2**64 - 1)


def key_package(mallory: HostilePeer, rng: Random) -> bytes:
    """Return an MLSMessage with a KeyPackage."""
    made = mallory.key_package(_leaf(mallory, rng), **_some(_PACKAGE, rng)).message(
        version=rng.choice((1, 1, 1, 1, 0, 2, 65535)), after=rng.choice((b"", b"", b"", b"more"))
    )
    return change_octets(made, [made], rng) if rng.randrange(8) == 0 else made


def welcome(mallory: HostilePeer, theirs: bytes, rng: Random) -> bytes:
    """Return a sealed Welcome for the owner of `theirs`, an MLSMessage with a KeyPackage."""
    group = mallory.group(theirs, leaf=_leaf(mallory, rng), **_some(_GROUP, rng))
    if rng.randrange(4) == 0:
        leaves: Sequence[bytes | None] = [*group.leaves, None, group.leaves[0], b"leaf"]
        longest = max(len(each or b"") for each in leaves)
        most = max(4, _MOST // longest)
        group.leaves = [rng.choice(leaves) for _ in range(min(most, rng.choice((0, 1, 2, 3, 4, 64, 300, 1000))))]
    info = group.group_info(**_some(_INFO, rng))
    if rng.randrange(8) == 0:
        info = change_octets(info, [info], rng)
    made = CraftedGroup.welcome(group, group_info=info, **_some(_WELCOME, rng))
    if rng.randrange(8) == 0:
        made = change_octets(made, [made], rng)
    sealed = seal_welcome(made, theirs)
    return change_octets(sealed, [sealed, made], rng) if rng.randrange(8) == 0 else sealed


def private_message(group: CraftedGroup, mallory: HostilePeer, theirs: bytes, rng: Random) -> bytes:
    """Return an MLSMessage with a PrivateMessage: whatever a member can have another one decrypt and read."""
    kind = rng.choice((APPLICATION, PROPOSAL, COMMIT, COMMIT, 0, 4, 255))
    content = vector(rng.randbytes(rng.choice((0, 1, 100, 30_000))))
    if kind in {PROPOSAL, COMMIT}:
        proposals = [_proposal(mallory, theirs, rng) for _ in range(rng.choice((1, 1, 1, 2, 5)))]
        if rng.randrange(8) == 0:
            proposals *= max(1, _MOST // len(b"".join(proposals)))
        content = proposals[0] if kind == PROPOSAL else vector(b"".join(b"\x01" + each for each in proposals)) + b"\x00"
    if rng.randrange(8) == 0:
        content = change_octets(content, [content], rng)
    return group.private_message(kind, content, **_some(_MESSAGE, rng))


def _proposal(mallory: HostilePeer, theirs: bytes, rng: Random) -> bytes:
    match rng.randrange(7):
        case 0:
            return uint16s(1) + mallory.key_package(_leaf(mallory, rng), **_some(_PACKAGE, rng)).encode()
        case 1:
            return uint16s(1) + theirs[4:]
        case 2:
            return uint16s(2) + _leaf(mallory, rng).encode()
        case 3:
            return uint16s(3) + rng.choice((0, 1, 2, 2**32 - 1)).to_bytes(4)
        case 4:
            return uint16s(4) + b"\x01" + vector(rng.randbytes(8)) + vector(bytes(32))
        case 5:
            return uint16s(5) + vector(b"next") + uint16s(1, 1) + vector(_extensions(rng))
        case _:
            return uint16s(7) + vector(_extensions(rng))


def _leaf(mallory: HostilePeer, rng: Random) -> CraftedLeaf:
    return mallory.leaf(**_some(_LEAF, rng))


def _some(makers: dict[str, Callable[[Random], object]], rng: Random) -> dict[str, Any]:
    """Return values for none, one or a few of the fields."""
    chosen = rng.sample(sorted(makers), k=min(len(makers), rng.choice((0, 1, 1, 1, 2, 4))))
    return {name: makers[name](rng) for name in chosen}


def _types(rng: Random) -> bytes:
    """Return a list of types: all the same, all different, or those that mean something."""
    count = rng.choice(_COUNTS)
    match rng.randrange(3):
        case 0:
            return uint16s(*[rng.choice(_TYPES)] * count)
        case 1:
            return uint16s(*range(0x8000, 0x8000 + count))
        case _:
            return uint16s(*rng.choices(_TYPES, k=count))


def _known_eras(rng: Random) -> bytes:
    """Return the extension that a group has, of any number of eras, in or out of order, once or with another one."""
    eras = [rng.randbytes(rng.choice((16, 16, 16, 15))) for _ in range(rng.choice((0, 1, 2, 31, 32, 33, 4000)))]
    content = b"".join(sorted(eras) if rng.randrange(2) else eras)
    made = extension(known_eras.EXTENSION_TYPE, content)
    return made * 2 if rng.randrange(8) == 0 else made + (extension(0x8000) if rng.randrange(8) == 0 else b"")


def _extensions(rng: Random) -> bytes:
    """Return a list of extensions, known and unknown ones, in any number."""
    match rng.randrange(5):
        case 4:
            return extension(EXTENSION_TYPE, rng.randbytes(rng.choice((0, 1, 1215, 1216, 1217, 7000))))
        case 0:
            return b"".join(extension(0x8000 + number) for number in range(rng.choice(_COUNTS)))
        case 1:
            size, times = rng.choice(((0, 500), (1, 1000), (40, 100), (8000, 1), (8000, 2)))
            return extension(rng.choice(_TYPES), rng.randbytes(size)) * times
        case 2:
            return required_capabilities(_types(rng), _types(rng), _types(rng))
        case _:
            senders = (vector(bytes(32)) + uint16s(1) + vector(b"server")) * rng.choice((1, 300))
            known = (
                extension(EXTERNAL_SENDERS, vector(senders)),
                extension(EXTERNAL_PUB, vector(rng.choice(_KEYS))),
                extension(REQUIRED_CAPABILITIES, b"\x00\x00"),
            )
            return rng.choice(known)


_LEAF: Final[dict[str, Callable[[Random], object]]] = {
    "encryption_key": lambda rng: rng.choice(_KEYS),
    "signature_key": lambda rng: rng.choice(_KEYS),
    "credential": lambda rng: rng.randbytes(rng.choice((0, 1, 116, 117, 118, 20_000))),
    "credential_type": lambda rng: rng.choice(_TYPES),
    "versions": _types,
    "suites": _types,
    "extension_types": _types,
    "proposal_types": _types,
    "credential_types": _types,
    "source": lambda rng: rng.choice((0, 1, 2, 3, 4, 255)),
    "not_before": lambda rng: rng.choice(_TIMES),
    "not_after": lambda rng: rng.choice(_TIMES),
    "parent_hash": lambda rng: rng.choice(_KEYS),
    "extensions": _extensions,
    "signature": lambda rng: rng.choice(_KEYS),
}
_PACKAGE: Final[dict[str, Callable[[Random], object]]] = {
    "version": lambda rng: rng.choice((0, 2, 255, 65535)),
    "suite": lambda rng: rng.choice((0, 2, 3, 4, 5, 6, 7, 255, 0xF000, 65535)),
    "init_key": lambda rng: rng.choice(_KEYS),
    "extensions": _extensions,
    "signature": lambda rng: rng.choice(_KEYS),
}
_GROUP: Final[dict[str, Callable[[Random], object]]] = {
    "group_id": lambda rng: rng.randbytes(rng.choice((0, 1, 16, 32, 33, 255, 256, 5000))),
    "epoch": lambda rng: rng.choice(_EPOCHS),
    "version": lambda rng: rng.choice((0, 2, 65535)),
    "suite": lambda rng: rng.choice((0, 2, 3, 5, 7, 0xF000)),
    "extensions": lambda rng: _known_eras(rng) if rng.randrange(2) else _extensions(rng),
    "tree": lambda rng: rng.randbytes(rng.choice((0, 1, 100, 8000))),
    "tree_hash": lambda rng: rng.choice(_KEYS),
    "confirmed_transcript_hash": lambda rng: rng.choice((*_KEYS, bytes(8000))),
}
_INFO: Final[dict[str, Callable[[Random], object]]] = {
    "signer_index": lambda rng: rng.choice((1, 2, 3, 2**31, 2**32 - 1)),
    "extensions": _extensions,
    "with_tree": lambda _: False,
    "confirmation_tag": lambda rng: rng.choice(_KEYS),
    "signature": lambda rng: rng.choice(_KEYS),
}
_WELCOME: Final[dict[str, Callable[[Random], object]]] = {
    "group_secrets": lambda rng: rng.randbytes(rng.choice((0, 1, 33, 100, 8000))),
    "after_group_info": lambda rng: rng.randbytes(rng.choice((1, 8000))),
    "after_group_secrets": lambda rng: rng.randbytes(rng.choice((1, 8000))),
    "after": lambda rng: rng.randbytes(rng.choice((1, 8000))),
    "suite": lambda rng: rng.choice((0, 2, 3, 5, 7, 0xF000)),
    "version": lambda rng: rng.choice((0, 2, 65535)),
    "secrets_before": lambda rng: (
        [vector(rng.randbytes(32)) + vector(bytes(32)) + vector(bytes(60))] * rng.choice((1, 50, 250))
    ),
    "secrets_after": lambda rng: [vector(b"") + vector(b"") + vector(b"")] * rng.choice((1, 50, 5000)),
}
_MESSAGE: Final[dict[str, Callable[[Random], object]]] = {
    "sender": lambda rng: rng.choice((0, 1, 2)),
    "generation": lambda rng: rng.choice((1, 2, 1023, 1024, 1025, 2000)),
    "authenticated_data": lambda rng: rng.randbytes(rng.choice((1, 100, 30_000))),
    "padding": lambda rng: rng.choice((1, 100, 30_000)),
    "epoch": lambda rng: rng.choice(_EPOCHS),
}
assert _LEAF.keys() | {"signer"} == {field.name for field in fields(CraftedLeaf)}, "every field of a leaf is changed"
assert _PACKAGE.keys() | {"leaf"} == {field.name for field in fields(CraftedKeyPackage)}, (
    "every field of a KeyPackage is changed"
)
