"""The crypto engine: each call makes an mls-rs client on the area it is handed, does one thing, and forgets it all."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from mls_rs_py import (
    AddProposal,
    Client,
    CommitMessage,
    Group,
    KeyPackage,
    Limits,
    Member,
    PrivateMessageHeader,
    RemoveProposal,
    Rules,
    UpdateProposal,
    WelcomeHeader,
)
from mls_rs_py import ApplicationMessage as Decrypted

from balchat_crypto_mls import signatures
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.members import Members, credential_of, peer_of
from balchat_crypto_mls.rows import MAX_GROUP_ID, MAX_PAST_EPOCHS, GroupRows, KeyPackageRows, forget_all
from balchat_crypto_mls.translate import translated
from balchat_host.api.crypto import ApplicationMessage, CryptoEngine, Invitation, MembershipChange, Processed
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, UnsupportedMls
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.types import OnionKey, PeerId, Secret

MAX_KEY_PACKAGE_LIFETIME: Final = 90 * 24 * 3600
"""Seconds that a key package may be valid for (RFC 9420, section 7.2 asks for a maximum)."""

MAX_KEY_PACKAGE: Final = 8 * 1024
"""Octets of a key package."""

MAX_COMMIT: Final = 32 * 1024
"""Octets of a commit: what is in it, mls-rs parses in time quadratic in its number."""

_DAY: Final = 24 * 3600
_CLOCK_TOLERANCE: Final = 3600
_LONG: Final = 7 * _DAY
"""Seconds from which on a key package's lifetime ends with a day."""
_LATE_WELCOME: Final = 30 * _DAY
"""Seconds that a Welcome may be on its way: so long a key package outlives its lifetime."""

# What is received may have waited long, and clocks differ: no lifetime in it is compared, and no credential's date.
_RULES: Final = Rules(check_received_lifetimes=False)
_limits = partial(
    Limits,
    # It starts with a day, at least an hour ago, and may end with an hour.
    max_key_package_lifetime=MAX_KEY_PACKAGE_LIFETIME + _DAY + 2 * _CLOCK_TOLERANCE,
    max_past_epochs=MAX_PAST_EPOCHS,
    max_skipped_keys=512,
    max_forward_steps=1024,
    max_cached_proposals=0,
    max_handshake_octets=MAX_COMMIT,
    max_key_package_octets=MAX_KEY_PACKAGE,
)
_LIMITS: Final = _limits()

_WIRE_FORMAT: Final = slice(2, 4)
_KEY_PACKAGE: Final = bytes.fromhex("0005")
"""The wire format of an MLSMessage with a KeyPackage (RFC 9420, section 6): mls_key_package."""
_KEY_PACKAGE_OF_OURS: Final = bytes.fromhex("0001 0005 0001 0001")
"""How one begins that we can use: MLS 1.0 twice, and the suite MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519."""

_MEMBERSHIP: Final = (AddProposal, RemoveProposal, UpdateProposal)
"""What a commit may apply (RFC 9420, sections 12.1.1 to 12.1.3)."""


class MlsEngine(CryptoEngine):
    """MLS through mls-rs-py. Stateless: safe to share."""

    # -- the account

    def create_identity(self, state: KeyValueArea, *, now: int) -> PeerId:
        with translated():
            return Keyring.create(state, now=now).peer

    def identity_seed(self, state: KeyValueArea) -> Secret:
        return Secret(Keyring.load(state).identity_seed)

    def sign(self, state: KeyValueArea, *, domain: str, message: bytes) -> bytes:
        return Keyring.load(state).sign(domain=domain, message=message)

    def verify(self, signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
        signatures.verify(signer, domain=domain, message=message, signature=signature)

    def onion_key(self, seed: Secret) -> OnionKey:
        return OnionKey(signatures.public_key(seed.reveal()))

    def sign_as_onion(self, seed: Secret, *, domain: str, message: bytes) -> bytes:
        return signatures.sign(seed.reveal(), domain=domain, message=message)

    # -- key packages

    def key_package(self, state: KeyValueArea, *, lifetime: int, now: int, last_resort: bool = False) -> bytes:
        if lifetime > MAX_KEY_PACKAGE_LIFETIME:
            raise BadInput(what="lifetime", problem="a key package is valid for at most 90 days")
        rows = KeyPackageRows(state)
        for reference in rows.expired(now - _LATE_WELCOME):
            rows.delete(reference)
        with translated():
            keyring = Keyring.fresh(state, now=now)
            begin, lifetime = _rounded(now, lifetime)
            client = _client(state, keyring, now=now)
            key_package = client.generate_key_package(lifetime=lifetime, now=begin, last_resort=last_resort)
            keyring.keep(state)
            return key_package.to_bytes()

    def forget_key_package(self, state: KeyValueArea, key_package: bytes) -> None:
        with translated():
            KeyPackageRows(state).delete(KeyPackage.from_bytes(key_package).reference)

    # -- groups

    def found(
        self, state: KeyValueArea, group_id: bytes, key_packages: Sequence[tuple[PeerId, bytes]], *, now: int
    ) -> Invitation:
        rows = GroupRows(state)
        if len(group_id) > MAX_GROUP_ID or rows.has(group_id):
            raise BadInput(what="group", problem="its id is too long or taken")
        if not key_packages:
            raise BadInput(what="group", problem="nobody is added to it")
        with translated():
            added = [_key_package_of(*pair) for pair in key_packages]
            keyring = Keyring.fresh(state, now=now)
            # The Commit's path replaces our first leaf, whose lifetime would tell our clock.
            group = _client(state, keyring, now=now, rows=rows).create_group(group_id, now=now)
            commit = group.commit(add=added, now=now)
            group.apply_pending_commit()
            group.write_to_storage()
            keyring.keep(state)
        return Invitation(welcome=commit.welcomes[0], not_after=min(each.not_after for each in added))

    def join(self, state: KeyValueArea, welcome: bytes, *, now: int, max_members: int) -> bytes:
        limits = _limits(max_leaves=max_members)
        rows = GroupRows(state)
        with translated(theirs=True):
            header = WelcomeHeader.from_bytes(welcome, limits=limits)
            mls_seed = KeyPackageRows(state).mls_seed(header.key_package_references)
            if mls_seed is None:
                raise CryptoRejected(problem="a Welcome that answers no key package of ours")
            keyring = replace(Keyring.load(state), mls_seed=mls_seed)
            group = _client(state, keyring, now=None, rows=rows, limits=limits).join(welcome, now=now)
            group_id = group.group_id
            if rows.has(group_id):
                raise CryptoRejected(problem="a Welcome to a group that is already here")
            group.write_to_storage()
        return group_id

    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        with translated():
            group = _load(state, group_id)
            message = group.encrypt(data)
            group.write_to_storage()
        return message

    def group_of(self, message: bytes) -> bytes:
        return _header(message).group_id

    def process(self, state: KeyValueArea, message: bytes, *, now: int) -> Processed:
        header, rows = _header(message), GroupRows(state)
        group_id = header.group_id
        if not rows.has(group_id):
            raise CryptoRejected(problem="it is for no group that is here")
        if header.content_type == "proposal":
            raise CryptoRejected(problem="a proposal outside of a commit")
        with translated(theirs=True):
            group = _load(state, group_id, rows=rows)
            processed = _processed(group_id, group.process(message, now=now))
            group.write_to_storage()
        return processed

    def groups(self, state: KeyValueArea) -> Sequence[bytes]:
        return GroupRows(state).ids()

    def members(self, state: KeyValueArea, group_id: bytes) -> Sequence[PeerId]:
        with translated():
            return _peers(_load(state, group_id).roster())

    def forget_all(self, state: KeyValueArea) -> None:
        forget_all(state)

    def delete_group(self, state: KeyValueArea, group_id: bytes) -> None:
        GroupRows(state).delete(group_id)


def _header(message: bytes) -> PrivateMessageHeader:
    """Read what stands before the content of a PrivateMessage. Raises CryptoRejected for anything else."""
    with translated(theirs=True):
        return PrivateMessageHeader.from_bytes(message)


def _rounded(now: int, lifetime: int) -> tuple[int, int]:
    """Return from when on and for how many seconds a key package is valid, so that it does not tell our clock.

    mls-rs-py has it begin an hour earlier: that is the beginning of a day, at least an hour ago. It ends with a day,
    less than one before its time, since its private half goes then; or, if its lifetime is short, with an hour.
    """
    begin = (now - _CLOCK_TOLERANCE) // _DAY * _DAY + _CLOCK_TOLERANCE
    end = now + lifetime
    end = end // _DAY * _DAY if lifetime >= _LONG else -(-end // _CLOCK_TOLERANCE) * _CLOCK_TOLERANCE
    return begin, end - begin


def _client(
    state: KeyValueArea,
    keyring: Keyring,
    *,
    now: int | None,
    rows: GroupRows | None = None,
    limits: Limits = _LIMITS,
) -> Client:
    return Client(
        keyring.mls_credential,
        keyring.mls_key_pair,
        identity_provider=Members(now=now),
        group_state_storage=rows or GroupRows(state),
        key_package_storage=KeyPackageRows(state, mls_seed=keyring.mls_seed),
        rules=_RULES,
        limits=limits,
    )


def _load(state: KeyValueArea, group_id: bytes, *, rows: GroupRows | None = None) -> Group:
    return _client(state, Keyring.load(state), now=None, rows=rows).load_group(group_id)


def _key_package_of(peer: PeerId, encoded: bytes) -> KeyPackage:
    """Read a key package that says it is `peer`'s; that it truly is, mls-rs asks Members when it adds it."""
    if encoded[_WIRE_FORMAT] == _KEY_PACKAGE and not encoded.startswith(_KEY_PACKAGE_OF_OURS):
        raise UnsupportedMls(problem="the key package is of another version or cipher suite")
    key_package = KeyPackage.from_bytes(encoded, limits=_LIMITS)
    if credential_of(key_package.signing_identity).peer != peer:
        raise BadCredential(problem="the key package is somebody else's")
    return key_package


def _processed(group_id: bytes, received: object) -> Processed:
    match received:
        case Decrypted():
            sender = peer_of(received.sender)
            return ApplicationMessage(group_id=group_id, epoch=received.epoch, sender=sender, data=received.data)
        case CommitMessage(effect="reinit"):
            raise CryptoRejected(problem="a commit that closes the group")
        case CommitMessage(is_external=True):
            raise CryptoRejected(problem="a commit from outside of the group")
        case CommitMessage():
            if not all(isinstance(each.proposal, _MEMBERSHIP) for each in received.applied_proposals):
                raise CryptoRejected(problem="a commit that changes more than members and their keys")
            return MembershipChange(
                group_id=group_id,
                epoch=received.epoch,
                committer=peer_of(received.committer),
                added=_peers(received.added),
                removed=_peers(received.removed),
            )
        case _:
            raise CryptoRejected(problem="neither an application message nor a commit")


def _peers(members: Sequence[Member]) -> tuple[PeerId, ...]:
    return tuple(peer_of(member) for member in members)
