"""Has pictures and sound read by a process of its own for each, which can do nothing else (`balchat_host.decoding`).

At most three run at a time, two of them for one contact, and a bounded number wait: many pictures keep nothing else
from running, and those of one contact nobody else's waiting. What one does, or that it dies, ends the request that it
was for. Octets go there and back through pipes.
"""

import json
import sys
from collections.abc import AsyncIterable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from subprocess import DEVNULL, PIPE
from typing import Any, Final, Literal, cast

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.lowlevel import RunVar

from balchat_host.api.errors import (
    BalchatError,
    PicturesMissing,
    PictureUnreadable,
    VoiceMissing,
    VoiceUnreadable,
)
from balchat_host.api.text import visible
from balchat_host.api.turns import FairTurns

Job = Literal["clean", "preview", "preview_again", "reencode", "read_qr", "encode_voice", "decode_voice"]

MAX_TAKEN: Final = 64 * 2**20
"""Octets that are read at most."""
MAX_GIVEN: Final = 128 * 2**20
"""Octets that come back at most."""
PATIENCE: Final = 120.0
"""Seconds that a request takes at most, once it is its turn."""
AT_ONCE: Final = 3
MAX_WAITING_OF_ONE: Final = 64
MAX_WAITING: Final = 512
_MAX_LINE: Final = 4096
_MAX_PROBLEM: Final = 120
_RESULTS: Final[Mapping[str, tuple[int, ...]]] = {"clean": (2,), "read_qr": (0, 1)}
"""How many results a job has, where that is not one."""
_VOICE: Final = frozenset({"encode_voice", "decode_voice"})
_FOLDER: Final = "/"
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1"}
"""Whatever else we have in ours is nothing for it."""


class PictureRefused(PictureUnreadable):  # noqa: D101  # the docstring of an error is its message
    __doc__ = PictureUnreadable.__doc__
    # The decoder answered that it cannot be read, and would again. Where it broke down or took too long, it may not.


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What came back: `results` are octets, `said` is what is said of them."""

    results: tuple[bytes, ...]
    said: Mapping[str, Any]

    def __repr__(self) -> str:
        return "Decoded(…)"


def require_voice() -> None:
    """See that voice messages can be made here; it looks at the disk. Raise VoiceMissing."""
    if find_spec("soundfile") is None or find_spec("numpy") is None:
        raise VoiceMissing


async def decode(job: Job, octets: AsyncIterable[bytes], *numbers: int, name: str, of: Hashable = None) -> Decoded:
    """Have a job done with octets. `name` is what errors call them; `of` is whose they are, None for our own.

    Raise PicturesMissing, PictureUnreadable (PictureRefused where trying again is of no use), of voice messages
    VoiceMissing, VoiceUnreadable; TooMany, and what reading `octets` raises.
    """
    unreadable = VoiceUnreadable if job in _VOICE else PictureUnreadable
    async with _turns().turn(of):
        with anyio.move_on_after(PATIENCE):
            return await _ask(job, octets, numbers, name)
    raise unreadable(name=name, problem="it takes too long")


_fair_turns: Final = RunVar[FairTurns]("balchat_decoder_turns")


def _turns() -> FairTurns:
    try:
        return _fair_turns.get()
    except LookupError:
        what = "pictures and voice messages that wait to be read"
        made = FairTurns(at_once=AT_ONCE, most_of_one=MAX_WAITING_OF_ONE, most=MAX_WAITING, what=what)
        _fair_turns.set(made)
        return made


async def _ask(job: Job, octets: AsyncIterable[bytes], numbers: tuple[int, ...], name: str) -> Decoded:
    command = [sys.executable, "-I", "-m", "balchat_host.decoding", job, *map(str, numbers)]
    process = await anyio.open_process(
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=_FOLDER, env=_ENVIRONMENT, start_new_session=True
    )
    unreadable = VoiceUnreadable if job in _VOICE else PictureUnreadable
    try:
        await _hand(process, octets, unreadable(name=name, problem=f"it has more than {MAX_TAKEN // 2**20} MiB"))
        assert process.stdout is not None, "it was asked for"
        answer = _Reader(process.stdout)
        said = await answer.line()
        if said.get("missing"):
            raise VoiceMissing if job in _VOICE else PicturesMissing
        if "refused" in said:
            # Code that a broken picture has taken over must not speak to people at any length, or to their terminal.
            problem = visible(str(said["refused"])[:_MAX_PROBLEM])
            raise (VoiceUnreadable if job in _VOICE else PictureRefused)(name=name, problem=problem)
        lengths = _lengths(job, said)
        if lengths is None:
            raise unreadable(name=name, problem="what reads it broke down")
        if sum(lengths) > MAX_GIVEN:
            raise unreadable(name=name, problem="what becomes of it is too large")
        results = [await answer.take(length) for length in lengths]
        if any(result is None for result in results):
            raise unreadable(name=name, problem="what reads it broke down")
        return Decoded(results=cast("tuple[bytes, ...]", tuple(results)), said=said)
    finally:
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                process.kill()
            await process.aclose()


def _lengths(job: Job, said: Mapping[str, Any]) -> list[int] | None:
    """Return how long the results are, None where it does not say, or has too few or too many."""
    lengths = said.get("lengths")
    if not isinstance(lengths, list):
        return None
    each = cast("list[Any]", lengths)
    if len(each) not in _RESULTS.get(job, (1,)):
        return None
    return each if all(type(length) is int and length >= 0 for length in each) else None


async def _hand(process: Process, octets: AsyncIterable[bytes], too_large: BalchatError) -> None:
    """Write all octets to the process, which may have ended: what it said is read in any case."""
    assert process.stdin is not None, "it was asked for"
    left = MAX_TAKEN
    async for piece in octets:
        left -= len(piece)
        if left < 0:
            raise too_large
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await process.stdin.send(piece)
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.aclose()


class _Reader:
    """Reads an answer. What does not come is missing; nobody waits for it, since an end of the stream tells."""

    def __init__(self, stream: ByteReceiveStream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def line(self) -> Mapping[str, Any]:
        """Return what the first line says; nothing where it does not come, or is none."""
        while b"\n" not in self._held:
            if len(self._held) > _MAX_LINE or not await self._more():
                return {}
        line, _, rest = self._held.partition(b"\n")
        self._held = bytearray(rest)
        try:
            said: Any = json.loads(bytes(line))
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", said) if isinstance(said, dict) else {}

    async def take(self, size: int) -> bytes | None:
        """Return the next octets, None where fewer come."""
        pieces = [bytes(self._held[:size])]
        del self._held[:size]
        left = size - len(pieces[0])
        while left:
            try:
                piece = await self._stream.receive(min(left, 2**20))
            except anyio.EndOfStream:
                return None
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    async def _more(self) -> bool:
        try:
            self._held += await self._stream.receive(2**16)
        except anyio.EndOfStream:
            return False
        return True
