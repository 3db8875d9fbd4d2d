"""The crypto contract: MLS-shaped (RFC 9420), synchronous, and stateless between transactions.

Rules
-----
- An engine keeps everything in the `KeyValueArea` that it is handed, and nothing anywhere else. Each call
  loads what it needs, steps it, and writes it back, so that a rolled-back transaction rolls back the engine.
- Every call either happens as a whole or raises and leaves the area as it was.
- Whoever is in a group is known by `DeviceIdentity`: an account, and which device of it. Every leaf's credential must
  be bound to the account's identity key by a signature (docs/spec/credential.md); the engine checks it for every leaf,
  on every path by which a leaf can come in, and raises BadCredential. A device has one leaf in a group, an account 8 at
  most.
- A group stays at epoch 1, where it was founded. There are no Commits and no Proposals: what another group is needed
  for gets one.
- A row put back from an older copy of the disk is noticed (VaultRolledBack): a rewound ratchet would reuse keys.
- No error's text names anybody, or shows a key or what was said: it gets into logs.
- `now` is Unix seconds, always passed in. It decides whom we add. Whether what was received is valid never depends on
  it: two members whose clocks differ would judge one thing differently, for good.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from balchat_host.api.storage import KeyValueArea
from balchat_host.api.types import DeviceIdentity, OnionKey, PeerId, Secret

ERA_ID_SIZE: Final = 16
"""Octets of the id by which a group's messages name it (docs/spec/mls.md, Era id)."""
MAX_KNOWN_ERAS: Final = 32
"""Eras that a group's founder can say were known (docs/spec/mls.md, Known eras)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The Welcomes (RFC 9420, section 12.4.3.1) by which the others join a group that was founded with them.

    `welcomes` has one for each key package, in their order, sealed to it (docs/spec/mls.md, Sealed Welcomes). `era_id`
    names the group to its members. `not_after`: until when all of them can use theirs, in Unix seconds, as the key
    packages say.
    """

    welcomes: tuple[bytes, ...]
    era_id: bytes
    not_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A group that was joined.

    `era_id` names it to its members. `founder` made it, with these members and no others. `knows` are the ids of the
    eras that its founder knew, ascending, as the founder says: they may be of no group at all.
    """

    group_id: bytes
    era_id: bytes
    founder: DeviceIdentity
    knows: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMessage:
    """A decrypted application message (RFC 9420, section 15). `sender` was verified."""

    sender: DeviceIdentity
    data: bytes


class CryptoEngine(ABC):
    """An account's keys and its MLS groups. All state lies in the area handed to each call."""

    # -- the account

    @abstractmethod
    def create_identity(self, state: KeyValueArea, device_id: bytes, *, now: int) -> PeerId:
        """Make the account's long-term Ed25519 identity key and the MLS credential of this device, once for each vault.

        `device_id` has 16 random octets. Return the peer id. Raise BadInput where there is an identity already.
        """

    @abstractmethod
    def become_device(self, state: KeyValueArea, device_id: bytes, *, now: int) -> None:
        """Be another device of the same account: with a new MLS key and credential, no group and no KeyPackage.

        For an account that goes on from an older copy of itself: the ratchets may have been stepped since, and every
        key that they would give again may have been used.
        """

    @abstractmethod
    def identity_seed(self, state: KeyValueArea) -> Secret:
        """Return the identity key's 32-octet seed (RFC 8032), which also makes the onion service's key."""

    @abstractmethod
    def sign(self, state: KeyValueArea, *, domain: str, message: bytes) -> bytes:
        """Sign `domain ‖ 0x00 ‖ message` with the identity key; return the 64-octet Ed25519 signature.

        `domain` is printable ASCII without NUL and names the use, so that a signature never counts for another one.
        """

    @abstractmethod
    def verify(self, signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
        """Raise BadCredential unless `signature` is by this key over `domain ‖ 0x00 ‖ message`."""

    @abstractmethod
    def onion_key(self, seed: Secret) -> OnionKey:
        """Return the address of the onion service whose Ed25519 key has this 32-octet seed (RFC 8032)."""

    @abstractmethod
    def sign_as_onion(self, seed: Secret, *, domain: str, message: bytes) -> bytes:
        """Sign as `sign` does, with the key of an onion service instead of the identity key."""

    # -- key packages

    @abstractmethod
    def key_package(self, state: KeyValueArea, *, lifetime: int, now: int, last_resort: bool = False) -> bytes:
        """Make a KeyPackage (RFC 9420, section 10) that is valid for `lifetime` seconds.

        What others see of it is rounded, so that it does not tell our clock: it starts with a day, and ends with a day,
        less than one early, or with an hour if `lifetime` is under 7 days, less than one late.

        It has an X-Wing key, to which its Welcome is sealed, and shares no key with another KeyPackage but the leaf's
        signature key. Its private half stays in `state`: until it is used, or, for one of `last_resort`, until it is
        forgotten. This and `found` renew the credential in time, so that others take what they make at `now`.
        """

    @abstractmethod
    def forget_key_package(self, state: KeyValueArea, key_package: bytes) -> None:
        """Delete the private half of a KeyPackage of ours that will not be used; one that is absent is no error."""

    @abstractmethod
    def reference(self, key_package: bytes) -> bytes:
        """Return the 32-octet reference of a KeyPackage, ours or another's (RFC 9420, section 5.2).

        Raise CryptoRejected where it is malformed. Nothing in it is verified.
        """

    @abstractmethod
    def welcome_reference(self, welcome: bytes) -> bytes:
        """Return the reference of the KeyPackage that a sealed Welcome says it answers, without opening it.

        Raise CryptoRejected where it is malformed.
        """

    # -- groups

    @abstractmethod
    def found(
        self,
        state: KeyValueArea,
        group_id: bytes,
        key_packages: Sequence[tuple[PeerId, bytes]],
        *,
        knows: Sequence[bytes],
        now: int,
    ) -> Invitation:
        """Found a group with these members, each by a key package and the peer id that it must prove.

        We are its first member, and the group is at epoch 1: nobody else needs the Commit that added them. It names
        the eras that it `knows`, by their ids, in any order: 32 at most.

        Raise BadInput where nobody is added, more than 8 devices of one account are, a group of that id is already
        here, or `knows` is too long, has an id of another length, or one twice; BadCredential where a key package is
        not that peer's, or its credential is expired or valid for more than 401 days; UnsupportedMls where it is of
        another version or cipher suite than ours, has no X-Wing key, or its client cannot read what a group knows;
        CryptoRejected where it is expired or malformed. Whatever its octets are, it is not the caller's mistake.
        """

    @abstractmethod
    def join(self, state: KeyValueArea, welcome: bytes, *, max_members: int) -> Joined:
        """Join by a sealed Welcome that answers a KeyPackage of ours, and use that up.

        The KeyPackage is looked up by the reference that the Welcome names, so that only one key is tried.

        Where the group's tree has more than `max_members` leaves, it is refused before any of them is looked at: what
        anything else takes is linear in its octets, plus a few signatures for each leaf (docs/spec/mls.md).

        Raise CryptoRejected, BadCredential; also CryptoRejected where a group of that id is already here, the group is
        not at epoch 1, its first member is not who made the Welcome, an account has more than 8 devices in it, or what
        it knows is missing, malformed, or too much. A KeyPackage that a refused Welcome answers stays as it is.
        """

    @abstractmethod
    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        """Make an application PrivateMessage and step the sending ratchet.

        The result may leave only after the commit. Raise BadInput where there is no such group.
        """

    @abstractmethod
    def decrypt(self, state: KeyValueArea, group_id: bytes, message: bytes) -> ApplicationMessage:
        """Decrypt an incoming MLSMessage with an application PrivateMessage of a group, and step its sender's ratchet.

        Raise CryptoRejected where its header (RFC 9420, section 6.3) says anything else: another group, another epoch
        than 1, a proposal or a commit; then nothing of it is decrypted. Also for a message that was decrypted before.
        Raise TooFarAhead where more than 1,024 messages of its sender before it are not here: once some of them are, it
        can be decrypted. That it is truly the sender's is not known then. Raise BadInput where there is no such group.

        The keys of messages that were passed over are kept until they come, the newest ones and no more than 1,024 of
        each sender. Nothing is kept by which what was decrypted could be decrypted again.
        """

    @abstractmethod
    def groups(self, state: KeyValueArea) -> Sequence[bytes]:
        """Return the ids of all groups in `state`."""

    @abstractmethod
    def members(self, state: KeyValueArea, group_id: bytes) -> Sequence[DeviceIdentity]:
        """Return the members in leaf order, ourselves among them. Raise BadInput where there is no such group."""

    @abstractmethod
    def delete_group(self, state: KeyValueArea, group_id: bytes) -> None:
        """Delete everything of a group; one that is absent is no error."""
