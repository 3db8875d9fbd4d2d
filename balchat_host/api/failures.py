"""Exceptions that nobody expected: what they end, and what the log says of them.

Such an exception ends the job that raised it, and nothing more. The log names its type only: its text may hold what
people wrote, or who they are. With `BALCHAT_TRACEBACK` set, the log shows the traceback too.

Exceptions often come in groups, since a task group raises one. Everything here looks at the exceptions in the group.
"""

import logging
import math
from collections.abc import Iterator
from os import environ
from typing import Final, cast

import anyio
from balchat_common.words import one_line

TRACEBACK: Final = "BALCHAT_TRACEBACK"

_log: Final = logging.getLogger("balchat")


class CalledExit(Exception):
    """A task called `sys.exit()`. It ends that task only; the account goes on."""


def contain(what: str, error: BaseException) -> None:
    """Log that `what` failed. Call it in an `except BaseException` around a job that stands alone.

    Raise the part of `error` that must go on: a cancellation, Ctrl-C, or the closing of a coroutine.
    """
    passing, failed = _split(error)
    if failed is not None:
        log_failure(what, failed)
    if passing is not None:
        raise passing


def log_failure(what: str, error: BaseException) -> None:
    """Log that an exception ended `what`."""
    _log.error("%s failed (%s)", what, kind_of(error), exc_info=error if environ.get(TRACEBACK) else None)


def must_pass(error: BaseException) -> bool:
    """Return whether nothing in an exception is a failure: it must go on through whatever contains failures."""
    return _split(error)[1] is None


def kind_of(error: BaseException) -> str:
    """Return the name of the exception's type, or of the types in the group."""
    return one_line(sorted({type(each).__name__ for each in leaves(error)}))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group, and in the groups in it; the exception itself where it is no group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(inner)
    else:
        yield error.__cause__ if isinstance(error, CalledExit) and error.__cause__ is not None else error


def _split(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Return the part that must go on, and the part that is a failure."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(_must_go_on)
    return (error, None) if _must_go_on(error) else (None, error)


def _must_go_on(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        return True
    # A cancellation that nobody asked for is a bug of whoever raised it, and would end its task without a word.
    return _is_cancellation(error) and anyio.current_effective_deadline() == -math.inf


def _is_cancellation(error: BaseException) -> bool:
    try:
        return isinstance(error, anyio.get_cancelled_exc_class())
    except anyio.NoEventLoopError:
        return False
