"""What became of somebody's messages: draft-mahy-mimi-message-status-01."""

from enum import IntEnum
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent
from balchat_host.core.content.mimi import MESSAGE_ID_SIZE

MAX_STATUSES: Final = 256
"""How many messages one status report may speak of."""
_STATUS_ITEMS: Final = 3
"""CBOR items of one status: an array of two."""


class MessageStatus(IntEnum):
    """The states of section 3 of the draft."""

    UNREAD = 0
    DELIVERED = 1
    READ = 2
    EXPIRED = 3
    DELETED = 4
    HIDDEN = 5
    ERROR = 6


def encode_status(statuses: list[tuple[bytes, MessageStatus]]) -> bytes:
    """Return a MessageStatusReport."""
    return cbor.encode([[identifier, int(status)] for identifier, status in statuses])


def decode_status(octets: bytes) -> list[tuple[bytes, int]]:
    """Read a MessageStatusReport; unknown states are kept as numbers. Raise MalformedContent."""
    try:
        report = cbor.decode(octets, max_items=1 + MAX_STATUSES * _STATUS_ITEMS, max_depth=2)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    if not isinstance(report, list) or len(cast("list[object]", report)) > MAX_STATUSES:
        raise MalformedContent(problem=f"it is no report on at most {MAX_STATUSES} messages")
    statuses: list[tuple[bytes, int]] = []
    for entry in cast("list[object]", report):
        match entry:
            case [bytes(identifier), int(status)] if len(identifier) == MESSAGE_ID_SIZE:
                statuses.append((identifier, status))
            case _:
                raise MalformedContent(problem="a status has the wrong shape")
    return statuses
