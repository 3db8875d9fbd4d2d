"""The crypto contract: MLS-shaped (RFC 9420), synchronous, and stateless between transactions.

Rules
-----
- An engine keeps everything in the `KeyValueArea` that it is handed, and nothing anywhere else. Each call
  loads what it needs, steps it, and writes it back, so that a rolled-back transaction rolls back the engine.
- Every call either happens as a whole or raises and leaves the area as it was.
- Whoever is in a group is known by `PeerId`. Every leaf's credential must be bound to that identity key by a
  signature (docs/spec/credential.md); the engine checks it for every leaf, on every path by which a leaf can
  come in, and raises BadCredential.
- A row put back from an older copy of the disk is noticed (VaultRolledBack): a rewound ratchet would reuse keys.
- `now` is Unix seconds, always passed in. It decides whom we add. Whether what was received is valid never depends on
  it: two members whose clocks differ would judge one thing differently, for good.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from balchat_host.api.storage import KeyValueArea
from balchat_host.api.types import OnionKey, PeerId, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The Welcome (RFC 9420, section 12.4.3.1) by which the others join a group that was founded with them.

    `not_after`: until when all of them can use it, in Unix seconds, as their key packages say.
    """

    welcome: bytes
    not_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMessage:
    """A decrypted application message (RFC 9420, section 15). `sender` was verified."""

    group_id: bytes
    epoch: int
    sender: PeerId
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipChange:
    """A Commit was applied (RFC 9420, section 12.4): the group is now at `epoch`."""

    group_id: bytes
    epoch: int
    committer: PeerId
    added: tuple[PeerId, ...] = ()
    removed: tuple[PeerId, ...] = ()


Processed = ApplicationMessage | MembershipChange


class CryptoEngine(ABC):
    """An account's keys and its MLS groups. All state lies in the area handed to each call."""

    # -- the account

    @abstractmethod
    def create_identity(self, state: KeyValueArea, *, now: int) -> PeerId:
        """Make the account's long-term Ed25519 identity key and its MLS credential, once for each vault.

        Return the peer id. Raise BadInput where there is one already.
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

        Its private half stays in `state`: until it is used, or, for one of `last_resort`, until it is forgotten.
        """

    @abstractmethod
    def forget_key_package(self, state: KeyValueArea, key_package: bytes) -> None:
        """Delete the private half of a KeyPackage of ours that will not be used."""

    # -- groups

    @abstractmethod
    def found(
        self, state: KeyValueArea, group_id: bytes, key_packages: Sequence[tuple[PeerId, bytes]], *, now: int
    ) -> Invitation:
        """Found a group with these members, each by a key package and the peer id that it must prove.

        We are its first member, and the group is at epoch 1: nobody else needs the Commit that added them. Raise
        BadInput where nobody is added, or a group of that id is already here; BadCredential where a key package is not
        that peer's, UnsupportedMls where it is of another version or cipher suite than ours, CryptoRejected where it is
        expired or malformed. Whatever its octets are, it is not the caller's mistake.
        """

    @abstractmethod
    def join(self, state: KeyValueArea, welcome: bytes, *, now: int, max_members: int) -> bytes:
        """Join by a Welcome that answers a KeyPackage of ours, and use that up; return the group id.

        Where the group's tree has more than `max_members` leaves, it is refused before any of them is looked at: what
        anything else takes is linear in its octets, plus a few signatures for each leaf (docs/spec/mls.md).

        Raises CryptoRejected, BadCredential; also CryptoRejected where a group of that id is already here.
        """

    @abstractmethod
    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        """Make an application PrivateMessage and step the sending ratchet.

        The result may leave only after the commit.
        """

    @abstractmethod
    def group_of(self, message: bytes) -> bytes:
        """Return the group id that an incoming MLSMessage with a PrivateMessage names; nothing of it is proven yet.

        Only the header is read (RFC 9420, section 6.3), so that it costs the same whatever comes. Raises
        CryptoRejected for anything else than a PrivateMessage.
        """

    @abstractmethod
    def process(self, state: KeyValueArea, message: bytes, *, now: int) -> Processed:
        """Take an incoming MLSMessage, for whichever of our groups it is.

        Raises CryptoRejected (also for a message that was already processed, for a group that is not here, or for a
        Commit that does more than add, remove and update members), BadCredential.
        """

    @abstractmethod
    def groups(self, state: KeyValueArea) -> Sequence[bytes]:
        """Return the ids of all groups in `state`."""

    @abstractmethod
    def members(self, state: KeyValueArea, group_id: bytes) -> Sequence[PeerId]:
        """Return the members in leaf order, ourselves among them."""

    @abstractmethod
    def forget_all(self, state: KeyValueArea) -> None:
        """Delete every group and the private half of every KeyPackage; the identity stays.

        For an account that goes on from an older copy of itself: their ratchets may have been stepped since, and every
        key that they would give again may have been used.
        """

    @abstractmethod
    def delete_group(self, state: KeyValueArea, group_id: bytes) -> None:
        """Delete everything of a group; one that is absent is no error."""
