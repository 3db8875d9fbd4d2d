"""Splits what is larger than one envelope, and joins it again (docs/spec/relay.md, Parts).

A part names the whole by its SHA-256, so parts of different wholes never mix, and what is joined is exactly what was
split. What waits is bounded in number, octets and time.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from balchat_relay_proto.codec import DIGEST, Malformed, Message, octets_up_to, uint
from balchat_relay_proto.sealing import MAX_CONTENT

MAX_PARTS: Final = 64
HEADER: Final = 64
"""Most octets of a part besides its content."""

PART_CONTENT: Final = MAX_CONTENT - HEADER
MAX_WHOLE: Final = MAX_PARTS * PART_CONTENT
"""Octets of the largest whole, nearly 64 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Part(Message):
    """The plaintext of an envelope. A whole that fits into one envelope is part 0 of 1."""

    whole_id: bytes = field(metadata=DIGEST)
    index: int = field(metadata=uint(MAX_PARTS - 1).field)
    count: int = field(metadata=uint(MAX_PARTS).field)
    content: bytes = field(metadata=octets_up_to(PART_CONTENT).field)


def split(whole: bytes) -> Sequence[Part]:
    """Split into parts, each for one envelope. Raise ValueError beyond MAX_WHOLE octets."""
    if len(whole) > MAX_WHOLE:
        raise ValueError(f"{len(whole)} octets are too many; at most {MAX_WHOLE} can be split")
    whole_id = hashlib.sha256(whole).digest()
    chunks = [whole[start : start + PART_CONTENT] for start in range(0, len(whole), PART_CONTENT)] or [b""]
    return [
        Part(whole_id=whole_id, index=index, count=len(chunks), content=chunk) for index, chunk in enumerate(chunks)
    ]


class Waiting:
    """The parts of one whole that have arrived."""

    __slots__ = ("count", "octets", "parts", "since")

    def __init__(self, *, count: int, since: float) -> None:
        self.count = count
        self.since = since
        self.octets = 0
        self.parts: dict[int, bytes] = {}


class Joiner:
    """Joins parts, which may come in any order and repeatedly. Use one for each queue, so that contacts share no bound.

    `max_wholes` and `max_octets` bound what waits; the oldest is given up for a new one. The caller passes the time.
    What is given up will never be joined; `take_given_up` names it, so that its parts can be deleted.
    """

    def __init__(self, *, max_wholes: int = 8, max_octets: int = MAX_WHOLE, max_age: float = 7 * 24 * 3600) -> None:
        self._max_wholes = max_wholes
        self._max_octets = max_octets
        self._max_age = max_age
        self._waiting: dict[bytes, Waiting] = {}
        self._given_up: list[bytes] = []

    @property
    def octets(self) -> int:
        """How many octets wait."""
        return sum(each.octets for each in self._waiting.values())

    def add(self, part: Part, *, now: float) -> bytes | None:
        """Add a part; return the whole if it is complete now. Raise Malformed where parts contradict each other."""
        self._give_up_old(now)
        if part.index >= part.count:
            raise Malformed("a part beyond the last one")
        if part.count == 1:
            return _checked(part.whole_id, part.content)
        if part.index < part.count - 1 and len(part.content) != PART_CONTENT:
            raise Malformed("only the last part may be shorter")
        waiting = self._waiting.setdefault(part.whole_id, Waiting(count=part.count, since=now))
        if waiting.count != part.count or waiting.parts.get(part.index, part.content) != part.content:
            self._give_up(part.whole_id)
            raise Malformed("parts of one whole contradict each other")
        if part.index not in waiting.parts:
            waiting.parts[part.index] = part.content
            waiting.octets += len(part.content)
        if len(waiting.parts) == waiting.count:
            del self._waiting[part.whole_id]
            try:
                return _checked(part.whole_id, b"".join(waiting.parts[index] for index in range(waiting.count)))
            except Malformed:
                self._given_up.append(part.whole_id)
                raise
        self._make_room(keep=part.whole_id)
        return None

    def give_up_oldest(self) -> None:
        """Give up the whole that has waited longest, if there is one."""
        if self._waiting:
            self._give_up(next(iter(self._waiting)))

    def take_given_up(self) -> list[bytes]:
        """Return the ids of the wholes that were given up since the last call."""
        given_up, self._given_up = self._given_up, []
        return given_up

    def _give_up(self, whole_id: bytes) -> None:
        del self._waiting[whole_id]
        self._given_up.append(whole_id)

    def _give_up_old(self, now: float) -> None:
        for whole_id in [each for each, waiting in self._waiting.items() if now - waiting.since > self._max_age]:
            self._give_up(whole_id)

    def _make_room(self, *, keep: bytes) -> None:
        for whole_id in list(self._waiting):
            if len(self._waiting) <= self._max_wholes and self.octets <= self._max_octets:
                return
            if whole_id != keep:
                self._give_up(whole_id)


def _checked(whole_id: bytes, whole: bytes) -> bytes:
    if hashlib.sha256(whole).digest() != whole_id:
        raise Malformed("the whole is not what its parts name")
    return whole
