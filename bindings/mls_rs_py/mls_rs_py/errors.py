"""Every exception of this package, in one tree that says whose fault it is.

- PeerError: what a peer sent is not acceptable. Drop it.
- CallerError: the call was wrong, or came at the wrong time.
- StorageError: a storage did not give back what was put into it.
- PlatformError: the machine or this package failed.

An exception that a storage or an identity provider raises reaches the caller as itself, not as one of these.
Whatever is raised, the group (or client) is exactly as it was before the call.
"""

from typing import ClassVar


class MlsError(Exception):
    """Something in this package failed."""

    remedy: ClassVar[str] = ""
    """What to do about it; `str()` ends with it."""

    def __str__(self) -> str:
        text = super().__str__().rstrip(".")
        return f"{text}. {self.remedy}" if self.remedy else text


class PeerError(MlsError):
    """What a peer sent is not acceptable (RFC 9420, section 16)."""

    remedy = "Drop the message: the group is as it was"


class MalformedMessageError(PeerError):
    """The octets are no MLS structure of the expected kind (RFC 9420, sections 2 and 6)."""


class PastEpochError(PeerError):
    """The message's epoch is no longer kept, or takes no such message any more (RFC 9420, section 15.3)."""


class FutureEpochError(PeerError):
    """The message belongs to an epoch that the group has not reached (RFC 9420, section 14)."""

    remedy = "Keep the message and process it again after the commits that lead there"


class MessageKeyError(PeerError):
    """The message's key is used up or discarded: it was seen before, or comes too late (RFC 9420, section 9.1)."""


class OwnMessageError(PeerError):
    """The message is one of our own, come back."""

    remedy = "Drop the message; apply an own commit with apply_pending_commit"


class LimitExceededError(PeerError):
    """The message would exceed one of the client's Limits, or holds more than is ever taken (RFC 9420, section 9.1)."""


class LifetimeError(PeerError):
    """A key package is expired, not yet valid, or valid for longer than allowed (RFC 9420, sections 7.2 and 7.3)."""

    remedy = "Ask its owner for a new key package"


class UnknownKeyPackageError(PeerError):
    """The Welcome answers none of the key packages in the storage (RFC 9420, section 12.4.3.1)."""

    remedy = "The key package was used, deleted or never ours: send the adder a new one"


class InvalidIdentityError(PeerError):
    """An identity provider does not accept a credential (RFC 9420, section 5.3.1).

    Identity providers raise this, or a subclass, to say no. Any other exception means that the provider itself
    failed.
    """

    remedy = "Do not let this member in"


class CallerError(MlsError):
    """The call was wrong, or came at the wrong time."""

    remedy = "Nothing has changed: mend the call"


class UnsupportedError(CallerError):
    """The cipher suite is not one of those in CipherSuite (RFC 9420, section 17.1)."""

    remedy = "Choose one of mls_rs_py.CipherSuite"


class CommitRequiredError(CallerError):
    """Proposals are waiting, and must be committed before application messages may be sent (RFC 9420, section 12.4)."""

    remedy = "Commit, or clear_proposal_cache() to drop them"


class PendingCommitError(CallerError):
    """There is already a commit that waits to be applied (RFC 9420, section 12.4.1)."""

    remedy = "apply_pending_commit() or clear_pending_commit() first"


class NoPendingCommitError(CallerError):
    """There is no commit that waits to be applied (RFC 9420, section 12.4.1)."""

    remedy = "Make one with commit(); one from commit_detached() is applied with apply_detached_commit()"


class StaleCommitError(CallerError):
    """The detached commit was made for another epoch than the group's (RFC 9420, section 12.4.1)."""

    remedy = "Throw it away and commit again"


class GroupNotFoundError(CallerError):
    """The storage has no such group."""

    remedy = "Check the group id and the storage"


class GroupReInitializedError(CallerError):
    """The group was closed by a ReInit (RFC 9420, section 11.2), or is used as if it had been."""

    remedy = "Go on in the group that follows it"


class MemberNotFoundError(CallerError):
    """No member has this leaf index or identity (RFC 9420, sections 5.3 and 7.2)."""

    remedy = "Look at roster()"


class ReentrancyError(CallerError):
    """A storage or an identity provider called back into the operation that calls it, or does not come back to it."""

    remedy = "Do it after the operation has returned"


class StorageError(MlsError):
    """A storage did not give back what was put into it."""

    remedy = "Check the storage; restore it from a backup if it is damaged"


class PlatformError(MlsError):
    """The system's random numbers or this package itself failed."""

    remedy = "If it happens again, it is a bug: please report it"
