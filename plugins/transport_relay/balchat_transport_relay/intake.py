"""What came out of a relay, made into envelopes for the host; and which of it the relay may delete then.

Everything here is a stranger's: the relay's, or whoever could put into the queue. What is kept here is a copy: the
relay has it until the whole is committed, so anything may be given up at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.cbor import Malformed
from balchat_relay_proto.parts import Joiner, Part
from balchat_relay_proto.sealing import CannotOpen, OpeningKey, unseal

from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, TransportHost, Verdict

_MAX_PARTS: Final = 2
"""An envelope of MAX_ENVELOPE_SIZE needs no more."""
_MAX_WHOLES: Final = 8
_KEPT_FOR: Final = 7 * 24 * 3600
MAX_WAITING: Final = 64 * 1024 * 1024


class Wholes:
    """What waits to be joined, of all queues. Each has a joiner; beyond `most` octets together the idlest gives up."""

    def __init__(self, *, most: int = MAX_WAITING) -> None:
        self._most = most
        self._joiners: dict[bytes, Joiner] = {}

    @property
    def octets(self) -> int:
        """How much waits."""
        return sum(joiner.octets for joiner in self._joiners.values())

    def add(self, queue: bytes, part: Part) -> bytes | None:
        """Take a part of what comes out of `queue`; give the whole when this was its last. Raises Malformed."""
        if part.count > _MAX_PARTS:
            raise Malformed("no envelope has so many parts")
        joiner = self._joiners.pop(queue, None) or Joiner(max_wholes=_MAX_WHOLES, max_age=_KEPT_FOR)
        try:
            whole = joiner.add(part, now=anyio.current_time())
        finally:
            if joiner.octets:
                self._joiners[queue] = joiner
        while self.octets > self._most:
            del self._joiners[next(iter(self._joiners))]
        if whole is not None and not 1 <= len(whole) <= MAX_ENVELOPE_SIZE:
            raise Malformed("no envelope has this size")
        return whole


@dataclass(slots=True)
class Result:
    """`done`: what the relay may delete. `later`: seconds after which the rest shall be offered again, or None."""

    done: list[bytes] = field(default_factory=list[bytes])
    later: float | None = None


class Intake:
    """Takes in what came out of one queue. `keep_ignored`: what the host ignores stays at the relay; it may want it."""

    def __init__(
        self,
        host: TransportHost,
        wholes: Wholes,
        *,
        relay: bytes,
        queue: bytes,
        key: OpeningKey,
        keep_ignored: bool,
    ) -> None:
        self._host = host
        self._wholes = wholes
        self._queue = queue
        self._name = relay + queue
        self._key = key
        self._keep_ignored = keep_ignored
        self._of_whole: dict[bytes, dict[int, bytes]] = {}
        """By whole and index, the id of the envelope that a part came in."""
        self.unreadable = 0
        """How many could not be opened, or were no parts."""

    async def take(self, sealed: Sequence[bytes]) -> Result:
        """Take in a batch, in order; returns once what it names as done is durable."""
        result = Result()
        wholes: list[tuple[bytes, list[bytes]]] = []
        for each in sealed:
            identifier = envelope_id(each)
            try:
                part = Part.from_octets(unseal(each, self._key, queue=self._queue))
                whole = self._wholes.add(self._name, part)
            except (CannotOpen, Malformed):
                self.unreadable += 1
                result.done.append(identifier)
                continue
            if not self._note(part, identifier):
                result.done.append(identifier)
            if whole is not None:
                wholes.append((whole, list(self._of_whole.pop(part.whole_id).values())))
        for (_, identifiers), disposition in zip(wholes, await self._receive(wholes), strict=True):
            if self._is_done(disposition):
                result.done += identifiers
            elif disposition.retry_after is not None:
                result.later = max(result.later or 0.0, disposition.retry_after)
        return result

    def _note(self, part: Part, identifier: bytes) -> bool:
        """Remember in what a part came; False where it is there in another envelope, which makes this one needless."""
        of_whole = self._of_whole.setdefault(part.whole_id, {})
        while len(self._of_whole) > _MAX_WHOLES * _MAX_PARTS:
            self._of_whole.pop(next(iter(self._of_whole)))
        return of_whole.setdefault(part.index, identifier) == identifier

    async def _receive(self, wholes: Sequence[tuple[bytes, list[bytes]]]) -> Sequence[Disposition]:
        if not wholes:
            return []
        return await self._host.receive(None, [whole for whole, _ in wholes])

    def _is_done(self, disposition: Disposition) -> bool:
        match disposition.verdict:
            case Verdict.COMMITTED:
                return True
            case Verdict.IGNORED:
                return not self._keep_ignored
            case Verdict.REFUSED:
                return disposition.retry_after is None
