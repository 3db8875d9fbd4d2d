"""Refusals of a relay (docs/spec/relay.md, Errors). Both sides raise the same exception."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from balchat_relay_proto.codec import Codec, Malformed, Message, optional, text, uint
from balchat_relay_proto.sizes import MAX_RETRY_AFTER

_MAX_DETAIL: Final = 200


class Code(StrEnum):
    """The code of a refusal. A client treats an unknown one as INTERNAL."""

    MALFORMED = "malformed"
    UNKNOWN_OPERATION = "unknown-operation"
    UNSUPPORTED_VERSION = "unsupported-version"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    DENIED = "denied"
    NO_CHALLENGE = "no-challenge"
    NOT_INVITED = "not-invited"
    NO_KEY_PACKAGE = "no-key-package"
    QUEUE_FULL = "queue-full"
    POOL_FULL = "pool-full"
    RELAY_FULL = "relay-full"
    TOO_MANY_REQUESTS = "too-many-requests"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TOO_MANY_SUBSCRIPTIONS = "too-many-subscriptions"
    DRAINING = "draining"
    EVICTED = "evicted"
    DELETED = "deleted"
    NO_BLOB = "no-blob"
    BLOBS_FULL = "blobs-full"
    INTERNAL = "internal"


STATUS: Final = {
    Code.MALFORMED: 400,
    Code.UNKNOWN_OPERATION: 404,
    Code.UNSUPPORTED_VERSION: 404,
    Code.TOO_LARGE: 413,
    Code.TOO_SLOW: 408,
    Code.DENIED: 403,
    Code.NO_CHALLENGE: 403,
    Code.NOT_INVITED: 403,
    Code.NO_KEY_PACKAGE: 404,
    Code.QUEUE_FULL: 507,
    Code.POOL_FULL: 507,
    Code.RELAY_FULL: 507,
    Code.TOO_MANY_REQUESTS: 429,
    Code.TOO_MANY_CONNECTIONS: 503,
    Code.TOO_MANY_SUBSCRIPTIONS: 429,
    Code.DRAINING: 503,
    Code.EVICTED: 409,
    Code.DELETED: 410,
    Code.NO_BLOB: 404,
    Code.BLOBS_FULL: 507,
    Code.INTERNAL: 500,
}
"""The HTTP status that goes with each code. Clients go by the code."""


class Refused(Exception):
    """The relay refused. `retry_after` is in seconds; None means that trying again does not help."""

    def __init__(self, code: Code, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(code, detail, retry_after)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


def _read_code(item: object) -> Code:
    if not isinstance(item, str):
        raise Malformed("an error's code is needed")
    try:
        return Code(item)
    except ValueError:  # from a newer relay
        return Code.INTERNAL


CODE: Final = Codec(str, _read_code)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Refusal(Message):
    """A refusal on the wire. `detail` is English, for people."""

    code: Code = field(metadata=CODE.field)
    detail: str = field(metadata=text(_MAX_DETAIL).field)
    retry_after: int | None = field(metadata=optional(uint(MAX_RETRY_AFTER)).field)

    @classmethod
    def of(cls, refused: Refused) -> "Refusal":
        """Return the refusal that tells of an exception."""
        after = refused.retry_after
        return cls(
            code=refused.code,
            detail=refused.detail[:_MAX_DETAIL],
            retry_after=None if after is None else max(0, min(after, MAX_RETRY_AFTER)),
        )

    @property
    def exception(self) -> Refused:
        """The exception to raise for it."""
        return Refused(self.code, self.detail, retry_after=self.retry_after)
