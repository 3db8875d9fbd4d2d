"""A crypto engine without cryptography, for simulations of many plays: it keeps what a group may do, and no secret.

Keys and signatures of the account are real. A KeyPackage opens once, a message is read once and by members alone, a
sender's ratchet only goes on, and a reader passes over 1,024 messages and no more. So whatever the core does against
the contract fails here as it does with MLS. Whatever a group holds can be looked at (`PlainEngine.look`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

import cbor2
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.crypto import ERA_ID_SIZE, MAX_KNOWN_ERAS, ApplicationMessage, Invitation, Joined
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, TooFarAhead
from balchat_host.api.types import DeviceIdentity, PeerId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from balchat_host.api.storage import KeyValueArea

_US: Final = b"plain/us"
_GROUP: Final = b"plain/group/"
_KEY: Final = b"plain/key/"
_REFERENCE_SIZE: Final = 32
_MAX_FORWARD: Final = 1024
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainGroup:
    """A group as it lies in an account's area. `heard`: a message of somebody else's was read in it."""

    group_id: bytes
    era_id: bytes
    founder: PeerId
    knows: frozenset[bytes]
    heard: bool


class PlainEngine(MlsEngine):
    """`entropy` gives so many octets."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy

    # -- the account

    def create_identity(self, state: KeyValueArea, device_id: bytes, *, now: int) -> PeerId:
        peer = super().create_identity(state, device_id, now=now)
        state.put(_US, cbor2.dumps([peer.octets, device_id]))
        return peer

    def become_device(self, state: KeyValueArea, device_id: bytes, *, now: int) -> None:
        peer, _ = _us(state)
        super().become_device(state, device_id, now=now)
        for prefix in (_GROUP, _KEY):
            for key, _ in state.scan(prefix):
                state.delete(key)
        state.put(_US, cbor2.dumps([peer, device_id]))

    # -- key packages

    def key_package(self, state: KeyValueArea, *, lifetime: int, now: int, last_resort: bool = False) -> bytes:
        reference = self._entropy(_REFERENCE_SIZE)
        state.put(_KEY + reference, cbor2.dumps([now + lifetime, last_resort]))
        return cbor2.dumps(["key package", *_us(state), reference, now + lifetime])

    def forget_key_package(self, state: KeyValueArea, key_package: bytes) -> None:
        state.delete(_KEY + self.reference(key_package))

    def reference(self, key_package: bytes) -> bytes:
        _, _, reference, _ = _parts(key_package, "key package", 4)
        return reference

    def welcome_reference(self, welcome: bytes) -> bytes:
        return _parts(welcome, "welcome", 6)[0]

    # -- groups

    def found(
        self,
        state: KeyValueArea,
        group_id: bytes,
        key_packages: Sequence[tuple[PeerId, bytes]],
        *,
        knows: Sequence[bytes],
        now: int,
    ) -> Invitation:
        if state.get(_GROUP + group_id) is not None or not key_packages:
            raise BadInput(what="group", problem="its id is taken, or nobody is added to it")
        if len(set(knows)) != len(knows) or len(knows) > MAX_KNOWN_ERAS or {len(each) for each in knows} - {16}:
            raise BadInput(what="group", problem="what it knows is too much, or not ids")
        us = _us(state)
        members: list[list[bytes]] = []
        welcomes: list[bytes] = []
        era_id = sha256(b"era" + group_id + self._entropy(16)).digest()[:ERA_ID_SIZE]
        for peer, key_package in key_packages:
            theirs, device, _, not_after = _parts(key_package, "key package", 4)
            if theirs != peer.octets:
                raise BadCredential(problem="a key package of somebody else's")
            if not_after < now:
                raise CryptoRejected(problem="a key package that is expired")
            members.append([theirs, device])
        for _, key_package in key_packages:
            reference = self.reference(key_package)
            welcomes.append(cbor2.dumps(["welcome", reference, group_id, era_id, us, members, sorted(knows)]))
        _put(state, group_id, [era_id, us, members, sorted(knows), 0, {}])
        not_after = min(_parts(each, "key package", 4)[3] for _, each in key_packages)
        return Invitation(welcomes=tuple(welcomes), era_id=era_id, not_after=not_after)

    def join(self, state: KeyValueArea, welcome: bytes, *, max_members: int) -> Joined:
        reference, group_id, era_id, founder, members, knows = _parts(welcome, "welcome", 6)
        kept = state.get(_KEY + reference)
        if kept is None:
            raise CryptoRejected(problem="a Welcome that answers no key package of ours")
        if state.get(_GROUP + group_id) is not None or len(members) >= max_members:
            raise CryptoRejected(problem="a Welcome to a group that is already here, or has too many members")
        _, last_resort = cbor2.loads(kept)
        if not last_resort:
            state.delete(_KEY + reference)
        _put(state, group_id, [era_id, founder, members, knows, 0, {}])
        return Joined(group_id=group_id, era_id=era_id, founder=_identity(founder), knows=tuple(knows))

    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        group = _get(state, group_id)
        group[4] += 1
        _put(state, group_id, group)
        return cbor2.dumps(["message", group_id, _us(state), group[4], data])

    def decrypt(self, state: KeyValueArea, group_id: bytes, message: bytes) -> ApplicationMessage:
        of_group, sender, generation, data = _parts(message, "message", 4)
        group = _get(state, group_id)
        if of_group != group_id or sender not in [group[1], *group[2]] or sender == _us(state):
            raise CryptoRejected(problem="no application message of the group that it is for")
        newest, passed = group[5].get(sender[1], [0, []])
        if generation > newest + _MAX_FORWARD:
            raise TooFarAhead
        if generation > newest:
            newest, passed = generation, [*passed, *range(newest + 1, generation)]
        elif generation in passed:
            passed = [each for each in passed if each != generation]
        else:
            raise CryptoRejected(problem="a message that was decrypted before")
        group[5][sender[1]] = [newest, passed]
        _put(state, group_id, group)
        return ApplicationMessage(sender=_identity(sender), data=data)

    def groups(self, state: KeyValueArea) -> Sequence[bytes]:
        return [key.removeprefix(_GROUP) for key, _ in state.scan(_GROUP)]

    def members(self, state: KeyValueArea, group_id: bytes) -> Sequence[DeviceIdentity]:
        _, founder, members, *_ = _get(state, group_id)
        return [_identity(each) for each in (founder, *members)]

    def delete_group(self, state: KeyValueArea, group_id: bytes) -> None:
        state.delete(_GROUP + group_id)

    # -- for whoever watches

    def look(self, state: KeyValueArea) -> list[PlainGroup]:
        """Return the groups of an account."""
        found: list[PlainGroup] = []
        for key, value in state.scan(_GROUP):
            era_id, founder, _, knows, _, heard = cbor2.loads(value)
            found.append(
                PlainGroup(
                    group_id=key.removeprefix(_GROUP),
                    era_id=era_id,
                    founder=PeerId(founder[0]),
                    knows=frozenset(knows),
                    heard=bool(heard),
                )
            )
        return found

    def private_halves(self, state: KeyValueArea) -> set[bytes]:
        """Return the references of the KeyPackages that can still be used to join."""
        return {key.removeprefix(_KEY) for key, _ in state.scan(_KEY)}


def position(message: bytes) -> tuple[bytes, bytes, int]:
    """Return the ratchet position that a message was encrypted at: group, sender's device, generation."""
    group_id, sender, generation, _ = _parts(message, "message", 4)
    return group_id, sender[1], generation


def _us(state: KeyValueArea) -> list[bytes]:
    kept = state.get(_US)
    assert kept is not None, "there is an account"
    return cast("list[bytes]", cbor2.loads(kept))


def _get(state: KeyValueArea, group_id: bytes) -> list[Any]:
    kept = state.get(_GROUP + group_id)
    if kept is None:
        raise BadInput(what="group", problem="it is not here")
    return cast("list[Any]", cbor2.loads(kept))


def _put(state: KeyValueArea, group_id: bytes, group: list[Any]) -> None:
    state.put(_GROUP + group_id, cbor2.dumps(group))


def _parts(octets: bytes, kind: str, count: int) -> list[Any]:
    try:
        item = cbor2.loads(octets)
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise CryptoRejected(problem=f"it is no {kind}") from error
    match item:
        case [str(is_kind), *parts] if is_kind == kind and len(parts) == count:
            return parts
        case _:
            raise CryptoRejected(problem=f"it is no {kind}")


def _identity(member: list[bytes]) -> DeviceIdentity:
    return DeviceIdentity(peer=PeerId(member[0]), device_id=member[1])
