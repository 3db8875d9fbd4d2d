"""What can go wrong with a relay, told apart by what it means for whoever uses it."""

import logging
from typing import Final, cast

import anyio
from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream

STREAM_ERRORS: Final = (BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream)

_log: Final = logging.getLogger(__name__)


class RelayUnavailable(Exception):
    """It cannot be reached, broke off, or did not answer in time. Trying again later is right."""


class UnsupportedRelay(RelayUnavailable):
    """It speaks no version of the protocol that we do; the text says who must be updated."""


class RelayMisbehaved(Exception):
    """It says what no honest relay says: not its own key, no protocol, what nobody asked for."""


class InternalFailure(RelayUnavailable):
    """Handling what came failed in a way that nobody foresaw: a bug on this side. It was logged."""


def unforeseen(where: str, error: BaseException) -> InternalFailure:
    """Log the types of an exception that nobody foresaw, and nothing that it says; return what to raise for it.

    Raises what has to go on: a cancellation, Ctrl-C.
    """
    passing, failed = _parted(error)
    if failed is not None:
        _log.error("%s failed: %s", where, ", ".join(sorted(set(_kinds(failed)))))
    if passing is not None:
        raise passing
    return InternalFailure("our own program failed; its log names the kind of error")


def _parted(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Part what has to go on, as a cancellation has, from what failed."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(_passes)
    return (error, None) if _passes(error) else (None, error)


def _passes(error: BaseException) -> bool:
    # A library in Rust that panics raises what is no Exception either.
    return isinstance(error, anyio.get_cancelled_exc_class() | KeyboardInterrupt | SystemExit | GeneratorExit)


def _kinds(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [kind for each in group.exceptions for kind in _kinds(each)]
    return [type(error).__name__]
