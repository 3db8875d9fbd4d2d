"""Who may be in a group: whoever's leaf carries a credential that its identity key has signed.

mls-rs asks for every leaf, whichever way it came in. How many devices an account has in a group is for
`has_too_many_devices`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from mls_rs_py import CustomCredential, InvalidIdentityError, Member, MemberValidationContext, SigningIdentity

from balchat_crypto_mls.credential import CREDENTIAL_TYPE, Credential
from balchat_host.api.errors import BadCredential
from balchat_host.api.types import DeviceIdentity, PeerId

MAX_DEVICES: Final = 8
"""Leaves that one account may have in a group."""


class UnboundIdentity(InvalidIdentityError):
    """How mls-rs is told that a leaf is refused. The engine raises `problem` in its place."""

    def __init__(self, problem: BadCredential) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Members:
    """The identity provider of one call to the engine.

    `now` is Unix seconds where we let somebody in ourselves. What others have let in is checked for form and signature
    only: what one member takes, each one must take, whatever their clocks say.
    """

    def __init__(self, *, now: int | None) -> None:
        self._now = now

    def validate_member(
        self, signing_identity: SigningIdentity, timestamp: int | None, context: MemberValidationContext
    ) -> None:
        """Check the binding. `timestamp` is mls-rs' copy of `now`, where it has one."""
        del timestamp, context
        try:
            credential = credential_of(signing_identity)
            if self._now is not None:
                credential.check_date(now=self._now)
            credential.check(signing_identity.signature_key)
        except BadCredential as problem:
            raise UnboundIdentity(problem) from None

    def validate_external_sender(self, signing_identity: SigningIdentity, timestamp: int | None) -> None:
        """Nobody outside of a group has a say in it."""
        del signing_identity, timestamp
        raise UnboundIdentity(BadCredential(problem="nobody from outside may propose anything"))

    def identity(self, signing_identity: SigningIdentity) -> bytes:
        """A device is in a group once."""
        try:
            device = credential_of(signing_identity).device
            return device.peer.octets + device.device_id
        except BadCredential as problem:
            raise UnboundIdentity(problem) from None

    def valid_successor(self, predecessor: SigningIdentity, successor: SigningIdentity) -> bool:
        """A leaf stays its device's."""
        return self.identity(predecessor) == self.identity(successor)

    def supported_types(self) -> Sequence[int]:
        """Only our own."""
        return [CREDENTIAL_TYPE]


def credential_of(signing_identity: SigningIdentity) -> Credential:
    """Read a leaf's credential. Raise BadCredential."""
    credential = signing_identity.credential
    if not isinstance(credential, CustomCredential) or credential.credential_type != CREDENTIAL_TYPE:
        raise BadCredential(problem="it is of another kind")
    return Credential.decode(credential.data)


def device_of(member: Member | SigningIdentity) -> DeviceIdentity:
    """Return which device a member is, whose leaf was checked when it came in."""
    identity = member.signing_identity if isinstance(member, Member) else member
    return credential_of(identity).device


def has_too_many_devices(leaves: Iterable[PeerId]) -> bool:
    """Return whether an account has more than MAX_DEVICES of a group's leaves; `leaves` are whose each is."""
    return max(Counter(leaves).values()) > MAX_DEVICES
