"""Who may be a member: the protocol that an application implements (RFC 9420, section 5.3.1)."""

from collections.abc import Sequence
from typing import Protocol

from mls_rs_py._mls_rs_py import MemberValidationContext, SigningIdentity


class IdentityProvider(Protocol):
    """The application's authentication service (RFC 9420, section 5.3.1).

    To say no, raise InvalidIdentityError or a subclass of it: then the member is not let in, whether that fails the
    call or only leaves out somebody's proposal. Any other exception means that the provider failed, and always fails
    the call. Either reaches the caller as itself. No method may call a client or group.
    """

    def validate_member(
        self, signing_identity: SigningIdentity, timestamp: int | None, context: MemberValidationContext
    ) -> None:
        """Raise unless this credential may be a member's and its signature key belongs to it.

        Called for every leaf, whichever way it came in. `timestamp` is Unix seconds where the client checks times.
        """
        ...

    def validate_external_sender(self, signing_identity: SigningIdentity, timestamp: int | None) -> None:
        """Raise unless this may send proposals without being a member (RFC 9420, section 12.1.8.1)."""
        ...

    def identity(self, signing_identity: SigningIdentity) -> bytes:
        """Return what tells this member from all others of a group, and does not change while it is in."""
        ...

    def valid_successor(self, predecessor: SigningIdentity, successor: SigningIdentity) -> bool:
        """Return whether a leaf may change from the one to the other."""
        ...

    def supported_types(self) -> Sequence[int]:
        """Return the credential types that this can judge. Asked once, when a client is made."""
        ...
