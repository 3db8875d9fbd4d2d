"""The standard streams of a program that a person or a script starts, whatever it was started with.

A program calls `prepare_standard_streams` before anything else. Then each of the three is open, and what is printed is
written at once and whole, or raises ReaderGone or OutputUnwritable. A stream that was closed reads and writes as
/dev/null does.
"""

import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO

from balchat_host.api.errors import OutputUnwritable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READER_GONE: Final = 141
"""The exit code of a program whose reader went away, as `head` does: what a shell reports for SIGPIPE, 128 + 13."""

NOTHING_CHANGED: Final = "Nothing was changed."

_STDOUT: Final = 1
_STDERR: Final = 2


class ReaderGone(Exception):
    """Whoever read our output has stopped reading."""


def prepare_standard_streams() -> None:
    """Make the standard streams safe to use.

    Standard error never fails: a remark that nobody can be told is dropped, and the exit code says the rest. What an
    encoding cannot spell is shown as a question mark.
    """
    _open_missing()
    # One that is no file descriptor, as under a test runner, is left alone.
    sys.stdout = _whole(sys.stdout, _STDOUT, _Output)
    sys.stderr = _whole(sys.stderr, _STDERR, _Remarks)


def _open_missing() -> None:
    """Open /dev/null in place of what is closed, so that no file or socket of ours gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, descriptor, inheritable=True)
            if opened != descriptor:
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # it stays open to the end
    if sys.stdout is None:
        sys.stdout = open(_STDOUT, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # as above
    if sys.stderr is None:
        sys.stderr = open(_STDERR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # as above


def _whole(stream: TextIO, descriptor: int, kind: "type[_Output]") -> TextIO:
    with suppress(OSError):
        stream.flush()
    try:
        if stream.fileno() != descriptor:
            return stream
    except OSError:
        return stream
    return io.TextIOWrapper(kind(descriptor), encoding=stream.encoding, errors="replace", write_through=True)  # pyright: ignore[reportArgumentType]  # a raw stream will do where nothing is buffered


class _Output(io.RawIOBase):
    """Standard output. Nothing is kept back, so that nothing fails when the interpreter ends."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, octets: "ReadableBuffer", /) -> int:
        """Write all of it. Raise ReaderGone, OutputUnwritable."""
        try:
            return write_all(self._descriptor, memoryview(octets))
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            raise OutputUnwritable(problem=error.strerror or "it failed", done=NOTHING_CHANGED) from error


class _Remarks(_Output):
    """Standard error."""

    def write(self, octets: "ReadableBuffer", /) -> int:
        octets = memoryview(octets)
        with suppress(OSError):
            write_all(self._descriptor, octets)
        return len(octets)


async def print_when_ready(stream: TextIO, text: str) -> None:
    """Print to standard output or standard error as fast as its reader takes it, while other tasks go on.

    Raise ReaderGone, OutputUnwritable.
    """
    try:
        descriptor = stream.fileno()
    except OSError:
        stream.write(text)
        return
    import anyio  # noqa: PLC0415  # what only prints its help need not wait for it

    octets = text.encode(stream.encoding, errors="replace")
    for start in range(0, len(octets), select.PIPE_BUF):
        # An ordinary file cannot be waited for, and need not be.
        with suppress(PermissionError):
            await anyio.wait_writable(descriptor)
        stream.buffer.write(octets[start : start + select.PIPE_BUF])


def write_all(descriptor: int, octets: memoryview) -> int:
    """Write all of it to a file descriptor, which may be one that does not block; return the count. Raise OSError."""
    written = 0
    while written < len(octets):
        try:
            written += os.write(descriptor, octets[written:])
        except BlockingIOError:
            select.select([], [descriptor], [])
    return written
