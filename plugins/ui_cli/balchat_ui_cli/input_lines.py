"""What comes in on a file descriptor: as it is, or as numbered lines for commands that a program drives.

A line that cannot be used is an error about that line alone; the ones behind it are read all the same.
"""

import os
import select
from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.lowlevel
import anyio.to_thread

from balchat_host.api.errors import BadInput

_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True)
class InputLine:
    """One line, without its end. `octets` is None where it is longer than allowed; `whole` says whether it had an end.

    The last line of a program that was killed may be half of one.
    """

    number: int
    octets: bytes | None
    whole: bool = True

    def error(self, problem: str) -> BadInput:
        """Return the error to tell of this line."""
        return BadInput(what=f"Standard input, line {self.number}", problem=problem, line=self.number)


async def input_lines(descriptor: int, longest: int) -> AsyncIterator[InputLine]:
    """Read lines as they come, each of at most `longest` octets. Raise BadInput where nothing can be read."""
    number = 1
    rest = b""
    too_long = False
    async for chunk in _chunks(descriptor):
        *ended, last = chunk.split(b"\n")
        for piece in ended:
            line = _without_mark(rest + piece, number).removesuffix(b"\r")
            yield InputLine(number, None if too_long or len(line) > longest else line)
            number, rest, too_long = number + 1, b"", False
        # Of a line that is too long, no more than this is kept.
        too_long = too_long or len(rest) + len(last) > longest + len(BOM_UTF8) + 1
        rest = b"" if too_long else rest + last
    if rest or too_long:
        line = _without_mark(rest, number)
        yield InputLine(number, None if too_long or len(line) > longest else line, whole=False)


def read_blocking(descriptor: int, size: int) -> bytes:
    """Read at most `size` octets, waiting for them also where the descriptor does not block. Raise OSError."""
    while True:
        try:
            return os.read(descriptor, size)
        except BlockingIOError:
            select.select([descriptor], [], [])


def _without_mark(line: bytes, number: int) -> bytes:
    """Return a line without the byte-order mark that some programs begin a text with."""
    return line.removeprefix(BOM_UTF8) if number == 1 else line


async def _chunks(descriptor: int) -> AsyncIterator[bytes]:
    while True:
        try:
            await anyio.wait_readable(descriptor)
        except PermissionError:
            # An ordinary file: it cannot be waited for, and need not be.
            await anyio.lowlevel.checkpoint()
        try:
            chunk = await anyio.to_thread.run_sync(os.read, descriptor, _CHUNK)
        except BlockingIOError:
            continue
        except OSError as error:
            raise BadInput(what="Standard input", problem=f"it cannot be read ({error.strerror})") from error
        if not chunk:
            return
        yield chunk
