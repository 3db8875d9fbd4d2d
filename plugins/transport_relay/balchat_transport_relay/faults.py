"""What can go wrong with a relay, told apart by what it means for whoever uses it."""

from typing import Final

from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream

STREAM_ERRORS: Final = (BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream)


class RelayGone(Exception):
    """It cannot be reached, broke off, or did not answer in time. Trying again later is right."""


class RelayForeign(RelayGone):
    """It speaks no version of the protocol that we do; the text says who must be updated."""


class RelayLies(Exception):
    """It says what no honest relay says: not its own key, no protocol, what nobody asked for."""
