"""What a message says that sets a conversation's timer."""

from typing import Final

from balchat_common import cbor

from balchat_host.api.errors import MalformedContent

_MAX_SECONDS: Final = 2**32 - 1


def encode(seconds: int | None) -> bytes:
    """Return the body of a timer: seconds after reading, or None for no timer."""
    return cbor.encode([seconds])


def decode(body: bytes) -> int | None:
    """Read the body of a timer. Raise MalformedContent."""
    try:
        item = cbor.decode(body, max_items=2, max_depth=1)
    except ValueError as error:
        raise MalformedContent(problem=str(error)) from error
    match item:
        case [None]:
            return None
        case [int(seconds)] if not isinstance(seconds, bool) and 0 < seconds <= _MAX_SECONDS:
            return seconds
        case _:
            raise MalformedContent(problem="the timer has the wrong shape")
