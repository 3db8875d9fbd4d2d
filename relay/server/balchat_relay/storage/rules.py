"""What every store decides in the same way: who is let in, what is refused and with which hint."""

import secrets
from hmac import compare_digest
from typing import Final

from balchat_relay_proto.errors import Code, Refused

from balchat_relay.storage.contract import HOUR

ABSENT: Final = secrets.token_bytes(32)
"""Stands for the verifier of what is not there. Nobody knows a capability with this hash."""

_PRESENTED_NOTHING: Final = secrets.token_bytes(32)
_FULL_RETRY: Final = 600
_RELAY_FULL_RETRY: Final = HOUR


def admit(*, there: bool, stored: bytes | None, presented: bytes | None) -> None:
    """Raise Refused (DENIED) unless the queue is there and the verifiers agree; all of it in the same time.

    An inbox has no verifiers: there `presented` is None for those who need none and for the proven owner.
    """
    inbox = there and stored is None and presented is None
    kept = ABSENT if stored is None else stored
    agree = compare_digest(kept, _PRESENTED_NOTHING if presented is None else presented)
    if not (inbox or (there and agree)):
        raise Refused(Code.DENIED, "There is no such queue, or this is not its capability.")


def queue_full() -> Refused:
    """The queue's owner must fetch first."""
    return Refused(Code.QUEUE_FULL, "The queue is full until its owner fetches.", retry_after=_FULL_RETRY)


def pool_full(limit: int) -> Refused:
    """The owner published more than the pool takes."""
    return Refused(Code.POOL_FULL, f"A pool takes at most {limit} cards and as many tokens.", retry_after=_FULL_RETRY)


def relay_full() -> Refused:
    """No quota, or no disk, is left."""
    return Refused(Code.RELAY_FULL, "The relay has no room left.", retry_after=_RELAY_FULL_RETRY)


def not_invited() -> Refused:
    """The permit is missing, wrong or used up."""
    return Refused(Code.NOT_INVITED, "This relay creates queues for a valid permit only; ask its operator.")


def inbox_busy(now: int) -> Refused:
    """Everybody together has put enough into this inbox within this hour."""
    return Refused(Code.TOO_MANY_REQUESTS, "The inbox takes no more within this hour.", retry_after=HOUR - now % HOUR)


def inbox_envelope_too_large(limit: int) -> Refused:
    """An inbox takes small envelopes only."""
    return Refused(Code.TOO_LARGE, f"An inbox takes envelopes of at most {limit} octets.")


def no_card() -> Refused:
    """The pool is empty."""
    return Refused(Code.NO_KEY_PACKAGE, "No card is there.", retry_after=HOUR)


def blobs_full() -> Refused:
    """Its owner must delete first."""
    return Refused(Code.BLOBS_FULL, "This queue's owner has put as much as one may.", retry_after=_FULL_RETRY)


def no_blob() -> Refused:
    """It was never put, or was deleted, or is too old; nobody can tell which."""
    return Refused(Code.NO_BLOB, "There is no such blob.", retry_after=_FULL_RETRY)


def wrong_size() -> Refused:
    """Its octets are more or fewer than was said."""
    return Refused(Code.MALFORMED, "The blob has another size than its request says.")


def admit_blob(*, stored: bytes, presented: bytes) -> None:
    """Raise Refused (DENIED) unless a blob that is put again has the verifier that it has."""
    if not compare_digest(stored, presented):
        raise Refused(Code.DENIED, "This blob is another's.")
