"""The crypto engine: each call makes an mls-rs client on the area it is handed, does one thing, and forgets it all."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from balchat_common.x_wing import OpeningKey
from mls_rs_py import ApplicationMessage as Decrypted
from mls_rs_py import (
    Client,
    Extension,
    Group,
    GroupInfo,
    KeyPackage,
    Limits,
    PrivateMessageHeader,
    Rules,
    WelcomeHeader,
)
from mls_rs_py.errors import LimitExceededError

from balchat_crypto_mls import known_eras, signatures
from balchat_crypto_mls.key_packages import (
    LONGEST_LIFETIME_TAKEN,
    MAX_KEY_PACKAGE,
    MAX_KEY_PACKAGE_LIFETIME,
    key_package_of,
    rounded,
    sealing_key_of,
)
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.members import MAX_DEVICES, Members, device_of, has_too_many_devices
from balchat_crypto_mls.rows import MAX_GROUP_ID, GroupRows, KeyPackageKeys, KeyPackageRows, forget_all
from balchat_crypto_mls.sealing import EXTENSION_TYPE, SealedWelcome
from balchat_crypto_mls.translate import translated
from balchat_host.api.crypto import ERA_ID_SIZE, ApplicationMessage, CryptoEngine, Invitation, Joined
from balchat_host.api.errors import BadInput, CryptoRejected, TooFarAhead
from balchat_host.api.storage import KeyValueArea
from balchat_host.api.types import DeviceIdentity, OnionKey, PeerId, Secret

_LATE_WELCOME: Final = 30 * 24 * 3600
"""Seconds that a Welcome may be on its way: so long a key package outlives its lifetime."""

# What is received may have waited long, and clocks differ: no lifetime in it is compared, and no credential's date.
# Each Welcome is for one device, since it is sealed to that.
_RULES: Final = Rules(check_received_lifetimes=False, single_welcome_message=False)
_limits = partial(
    Limits,
    max_key_package_lifetime=LONGEST_LIFETIME_TAKEN,
    max_past_epochs=0,
    max_skipped_keys=512,
    max_forward_steps=1024,
    max_cached_proposals=0,
    max_handshake_octets=0,
    max_key_package_octets=MAX_KEY_PACKAGE,
)
_LIMITS: Final = _limits()

_ONLY_EPOCH: Final = 1
"""The one in which a group is used: its founder's Commit, which adds the others, leads to it, and there is no other."""
_FOUNDER: Final = 0
"""The founder's leaf."""
_ERA_LABEL: Final = b"balchat era id"
_ERA_SECRET_SIZE: Final = 32


class MlsEngine(CryptoEngine):
    """MLS through mls-rs-py. Stateless: safe to share."""

    # -- the account

    def create_identity(self, state: KeyValueArea, device_id: bytes, *, now: int) -> PeerId:
        with translated():
            return Keyring.create(state, device_id, now=now).peer

    def become_device(self, state: KeyValueArea, device_id: bytes, *, now: int) -> None:
        with translated():
            keyring = Keyring.load(state).of_device(device_id, now=now)
            forget_all(state)
            keyring.keep(state)

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
        KeyPackageRows(state).delete_expired(now - _LATE_WELCOME)
        with translated():
            keyring = Keyring.fresh(state, now=now)
            begin, lifetime = rounded(now, lifetime)
            keys = KeyPackageKeys(mls_seed=keyring.mls_seed, opening_key=OpeningKey.generate())
            client = _client(state, keyring, now=now, keys=keys)
            key_package = client.generate_key_package(
                lifetime=lifetime,
                now=begin,
                last_resort=last_resort,
                extensions=[Extension(EXTENSION_TYPE, keys.opening_key.sealing_key.octets)],
            )
            keyring.keep(state)
            return key_package.to_bytes()

    def forget_key_package(self, state: KeyValueArea, key_package: bytes) -> None:
        with translated():
            KeyPackageRows(state).delete(KeyPackage.from_bytes(key_package).reference)

    def reference(self, key_package: bytes) -> bytes:
        with translated(theirs=True):
            return KeyPackage.from_bytes(key_package, limits=_LIMITS).reference

    def welcome_reference(self, welcome: bytes) -> bytes:
        return SealedWelcome.decode(welcome).reference

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
        rows = GroupRows(state)
        extensions = [known_eras.extension_of(knows)]
        if len(group_id) > MAX_GROUP_ID or rows.has(group_id):
            raise BadInput(what="group", problem="its id is too long or taken")
        if not key_packages:
            raise BadInput(what="group", problem="nobody is added to it")
        with translated():
            keyring = Keyring.fresh(state, now=now)
            if has_too_many_devices([keyring.peer, *(peer for peer, _ in key_packages)]):
                raise BadInput(what="group", problem=f"an account has at most {MAX_DEVICES} devices in it")
            added = [key_package_of(*pair, limits=_LIMITS) for pair in key_packages]
            sealing_keys = [sealing_key_of(each) for each in added]
            # The Commit's path replaces our first leaf, whose lifetime would tell our clock.
            group = _client(state, keyring, now=now, rows=rows).create_group(group_id, extensions=extensions, now=now)
            commit = group.commit(add=added, now=now)
            group.apply_pending_commit()
            welcomes = {WelcomeHeader.from_bytes(each).key_package_references[0]: each for each in commit.welcomes}
            sealed = [
                SealedWelcome.seal(welcomes[each.reference], key, reference=each.reference).encode()
                for each, key in zip(added, sealing_keys, strict=True)
            ]
            group.write_to_storage()
            keyring.keep(state)
        not_after = min(each.not_after for each in added)
        return Invitation(welcomes=tuple(sealed), era_id=_era_id(group), not_after=not_after)

    def join(self, state: KeyValueArea, welcome: bytes, *, max_members: int) -> Joined:
        limits = _limits(max_leaves=max_members)
        rows = GroupRows(state)
        with translated(theirs=True):
            sealed = SealedWelcome.decode(welcome)
            keys = KeyPackageRows(state).keys(sealed.reference)
            if keys is None:
                raise CryptoRejected(problem="a Welcome that answers no key package of ours")
            opened = sealed.unseal(keys.opening_key)
            if WelcomeHeader.from_bytes(opened, limits=limits).key_package_references != [sealed.reference]:
                raise CryptoRejected(problem="a Welcome that answers another key package than its seal, or several")
            keyring = replace(Keyring.load(state), mls_seed=keys.mls_seed)
            client = _client(state, keyring, now=None, rows=rows, limits=limits)
            knows = _known(client.examine_welcome(opened))
            group = client.join(opened)
            _check_joined(group, rows)
            group.write_to_storage()
        founder = device_of(group.member(_FOUNDER))
        return Joined(group_id=group.group_id, era_id=_era_id(group), founder=founder, knows=knows)

    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        with translated():
            group = _load(state, group_id)
            message = group.encrypt(data)
            group.write_to_storage()
        return message

    def decrypt(self, state: KeyValueArea, group_id: bytes, message: bytes) -> ApplicationMessage:
        with translated(theirs=True):
            header = PrivateMessageHeader.from_bytes(message)
            if (header.group_id, header.epoch, header.content_type) != (group_id, _ONLY_EPOCH, "application"):
                raise CryptoRejected(problem="no application message of the group and epoch that it is for")
            group = _load(state, group_id)
            try:
                decrypted = group.process(message)
            except LimitExceededError as error:
                raise TooFarAhead from error
            assert isinstance(decrypted, Decrypted), "its header is authenticated, and says so"
            group.write_to_storage()
        return ApplicationMessage(sender=device_of(decrypted.sender), data=decrypted.data)

    def groups(self, state: KeyValueArea) -> Sequence[bytes]:
        return GroupRows(state).ids()

    def members(self, state: KeyValueArea, group_id: bytes) -> Sequence[DeviceIdentity]:
        with translated():
            return tuple(device_of(member) for member in _load(state, group_id).roster())

    def delete_group(self, state: KeyValueArea, group_id: bytes) -> None:
        GroupRows(state).delete(group_id)


def _client(
    state: KeyValueArea,
    keyring: Keyring,
    *,
    now: int | None,
    rows: GroupRows | None = None,
    keys: KeyPackageKeys | None = None,
    limits: Limits = _LIMITS,
) -> Client:
    return Client(
        keyring.mls_credential,
        keyring.mls_key_pair,
        identity_provider=Members(now=now),
        group_state_storage=rows or GroupRows(state),
        key_package_storage=KeyPackageRows(state, keys=keys),
        extension_types=[EXTENSION_TYPE, known_eras.EXTENSION_TYPE],
        rules=_RULES,
        limits=limits,
    )


def _load(state: KeyValueArea, group_id: bytes) -> Group:
    return _client(state, Keyring.load(state), now=None).load_group(group_id)


def _known(info: GroupInfo) -> tuple[bytes, ...]:
    """Return which eras the founder of a group knew, before anything else of the group is looked at.

    Raise CryptoRejected where it is not the founder who has made the Welcome.
    """
    if info.signer_index != _FOUNDER:
        raise CryptoRejected(problem="a Welcome that was not made by the founder of the group")
    return known_eras.known_eras_in(info.group_context.extensions)


def _check_joined(group: Group, rows: GroupRows) -> None:
    """Raise CryptoRejected unless a group that we are about to join is one that our rules allow."""
    if rows.has(group.group_id):
        raise CryptoRejected(problem="a Welcome to a group that is already here")
    if group.epoch != _ONLY_EPOCH:
        raise CryptoRejected(problem="a Welcome to a group that is not at its first epoch with members")
    if group.own_index == _FOUNDER:
        raise CryptoRejected(problem="a Welcome to a group as if we had founded it ourselves")
    if has_too_many_devices(device_of(member).peer for member in group.roster()):
        raise CryptoRejected(problem=f"a Welcome to a group with more than {MAX_DEVICES} devices of an account")


def _era_id(group: Group) -> bytes:
    """Name a group to its members (docs/spec/mls.md, Era id)."""
    return group.export_secret(_ERA_LABEL, b"", _ERA_SECRET_SIZE)[:ERA_ID_SIZE]
