"""Unexpected exceptions: what they end, and what is told of them.

An exception ends the job that it came from, and nothing wider. Of an exception only its type is told: its text may
hold what people wrote, or who they are. With `BALCHAT_TRACEBACK` set, the log shows the traceback too.
"""

import logging
import math
from collections.abc import Iterator
from os import environ
from typing import Final, TypeVar, cast

import anyio

from balchat_host.api.errors import BalchatError
from balchat_host.api.types import one_line

T = TypeVar("T")

TRACEBACK: Final = "BALCHAT_TRACEBACK"

_log: Final = logging.getLogger("balchat")


class CalledExit(Exception):
    """A task called `sys.exit()`, which ends that task alone (`exits`)."""


def contain(what: str, error: BaseException) -> None:
    """Log the exception that ended `what`. Call it in an `except BaseException` around a job that stands alone.

    Raises `error` again where it is not a failure: cancellation, Ctrl-C, the closing of a coroutine.
    """
    if passes(error):
        raise error
    log_failure(what, error)


def log_failure(what: str, error: BaseException) -> None:
    """Log that an exception ended `what`."""
    _log.error("%s failed (%s)", what, kind_of(error), exc_info=error if environ.get(TRACEBACK) else None)


def passes(error: BaseException) -> bool:
    """Say whether an exception has to go on through whatever contains failures."""
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        return True
    # A cancellation that nobody asked for is a bug of whoever raised it, and would end its task without a word.
    return all(map(_is_cancellation, _leaves(error))) and anyio.current_effective_deadline() == -math.inf


def kind_of(error: BaseException) -> str:
    """Name the type of an exception, or the types in a group."""
    return one_line(sorted({type(each).__name__ for each in _leaves(error)}))


def words_of(error: BaseException) -> str:
    """Say what an exception was, in words that follow "run()": an error of balchat's own says it for people."""
    if isinstance(error, BalchatError):
        try:
            return f"said: {str(error).rstrip('.')}"
        except Exception:  # noqa: BLE001, S110  # a plugin's own error may be unable to say anything
            pass
    return f"raised {kind_of(error)}"


def only(error: BaseException) -> BaseException:
    """Return the exception that a group holds, where it holds only one."""
    leaves = list(_leaves(error))
    return leaves[0] if len(leaves) == 1 else error


def checked(made: object, kind: type[T]) -> T:
    """Return what a plugin made. Raises TypeError where it is of another kind."""
    if not isinstance(made, kind):
        raise TypeError(f"{type(made).__name__} is not a {kind.__name__}")
    return made


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(inner)
    else:
        yield error.__cause__ if isinstance(error, CalledExit) and error.__cause__ is not None else error


def _is_cancellation(error: BaseException) -> bool:
    try:
        return isinstance(error, anyio.get_cancelled_exc_class())
    except anyio.NoEventLoopError:
        return False
