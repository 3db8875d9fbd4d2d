"""What can go wrong with a relay, by what the caller can do about it."""

from typing import Final

from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream

STREAM_ERRORS: Final = (BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream)


class RelayUnavailable(Exception):
    """It cannot be reached, broke the connection, or did not answer in time. Try again later."""


class UnsupportedRelay(RelayUnavailable):
    """It supports no version of the protocol that we support; the text says which side must be updated."""


class InternalFailure(RelayUnavailable):
    """Handling an answer failed because of a bug on this side, which was logged."""

    def __init__(self) -> None:
        super().__init__("our own program failed; its log names the kind of error")


class RelayMisbehaved(Exception):
    """It did what no honest relay does: another key than its own, no protocol, an answer that nobody asked for."""
