"""Whose fault it is.

Ours: `LocalMisuse`. The peer's: `ProtocolViolation`, with the clause of the specification. Nobody's: `NoCommonVersion`.
What nobody foresaw ends the stream that met it, and nothing wider; `log_unforeseen` tells of it.
"""

import logging
from typing import Final, cast

import anyio

from balchat_host.api.errors import ProtocolViolation

_log: Final = logging.getLogger(__name__)


class LocalMisuse(RuntimeError):
    """The program around a machine used it in a way that its state forbids: a bug on this side."""


class NoCommonVersion(Exception):
    """The other side speaks no version of the direct transport that is known here (H5)."""


def violation(clause: str, problem: str) -> ProtocolViolation:
    """The peer broke `clause` of docs/spec/direct-transport.md."""
    return ProtocolViolation(problem=f"{problem} ({clause})", clause=clause)


def log_unforeseen(where: str, error: BaseException) -> None:
    """Log the types of an exception that nobody foresaw, and nothing that it says.

    Raises what has to go on: a cancellation, Ctrl-C.
    """
    passing, failed = _parted(error)
    if failed is not None:
        _log.error("%s failed: %s", where, ", ".join(sorted(set(_kinds(failed)))))
    if passing is not None:
        raise passing


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
