"""Joins what came in parts, for all queues within one memory budget (docs/spec/relay.md, Parts).

These are copies: the relay keeps the parts until the whole is committed or given up.
"""

from typing import Final

import anyio
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.parts import PART_CONTENT, Joiner, Part

from balchat_host.api.transport import MAX_ENVELOPE_SIZE

MAX_PARTS: Final = 2
"""Enough for an envelope of MAX_ENVELOPE_SIZE."""
_MAX_WHOLES: Final = 8
_KEPT_FOR: Final = 7 * 24 * 3600
MAX_WAITING: Final = 64 * 1024 * 1024


class Reassembly:
    """The parts that wait. Each queue has a joiner. Beyond `most` octets in all, the largest gives up a whole."""

    def __init__(self, *, most: int = MAX_WAITING) -> None:
        self._most = most
        self._joiners: dict[bytes, Joiner] = {}

    @property
    def octets(self) -> int:
        """How many octets wait."""
        return sum(joiner.octets for joiner in self._joiners.values())

    def begin(self, queue: bytes) -> None:
        """Forget what came out of `queue` so far. All of it will come again."""
        self._joiners.pop(queue, None)

    def add(self, queue: bytes, part: Part, *, max_parts: int) -> bytes | None:
        """Return the whole when `part`, which came out of `queue`, was its last. Raise Malformed."""
        if part.count > max_parts:
            raise Malformed("this queue takes no envelope of so many parts")
        if part.index and len(part.content) > MAX_ENVELOPE_SIZE - PART_CONTENT:
            raise Malformed("no envelope has this size")
        joiner = self._joiners.setdefault(queue, Joiner(max_wholes=_MAX_WHOLES, max_age=_KEPT_FOR))
        whole = joiner.add(part, now=anyio.current_time())
        while self.octets > self._most:
            max(self._joiners.values(), key=lambda each: each.octets).give_up_oldest()
        if whole is not None and not 1 <= len(whole) <= MAX_ENVELOPE_SIZE:
            raise Malformed("no envelope has this size")
        return whole

    def take_given_up(self, queue: bytes) -> list[bytes]:
        """Return the ids of the wholes of `queue` that were given up since the last call."""
        joiner = self._joiners.get(queue)
        return joiner.take_given_up() if joiner else []
