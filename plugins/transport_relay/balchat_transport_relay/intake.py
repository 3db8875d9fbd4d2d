"""What came out of a relay, made into envelopes for the host; and which of it the relay may delete then.

Everything here is a stranger's: the relay's, or whoever could put into the queue.
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
_MAX_WHOLES: Final = 4
_MAX_OCTETS: Final = 4 * MAX_ENVELOPE_SIZE
_KEPT_FOR: Final = 7 * 24 * 3600


@dataclass(slots=True)
class Result:
    """`done`: what the relay may delete. `later`: seconds after which the rest shall be offered again, or None."""

    done: list[bytes] = field(default_factory=list[bytes])
    later: float | None = None


class Intake:
    """Takes in what came out of one queue. `keep_ignored`: what the host ignores stays at the relay; it may want it."""

    def __init__(self, host: TransportHost, queue: bytes, key: OpeningKey, *, keep_ignored: bool) -> None:
        self._host = host
        self._queue = queue
        self._key = key
        self._keep_ignored = keep_ignored
        self._joiner = Joiner(max_wholes=_MAX_WHOLES, max_octets=_MAX_OCTETS, max_age=_KEPT_FOR)
        self._of_whole: dict[bytes, list[bytes]] = {}
        self.unreadable = 0
        """How many could not be opened, or were no parts."""

    async def take(self, sealed: Sequence[bytes]) -> Result:
        """Take in a batch, in order; returns once what it names as done is durable."""
        result = Result()
        wholes: list[tuple[bytes, list[bytes]]] = []
        for each in sealed:
            identifier = envelope_id(each)
            try:
                part = self._open(each)
                whole = self._joiner.add(part, now=anyio.current_time())
            except (CannotOpen, Malformed):
                self.unreadable += 1
                result.done.append(identifier)
                continue
            of_whole = self._of_whole.setdefault(part.whole_id, [])
            if identifier not in of_whole:
                of_whole.append(identifier)
            if whole is not None:
                wholes.append((whole, self._of_whole.pop(part.whole_id)))
            while len(self._of_whole) > _MAX_WHOLES * _MAX_PARTS:
                self._of_whole.pop(next(iter(self._of_whole)))
        for (_, identifiers), disposition in zip(wholes, await self._receive(wholes), strict=True):
            if self._is_done(disposition):
                result.done += identifiers
            elif disposition.retry_after is not None:
                result.later = max(result.later or 0.0, disposition.retry_after)
        return result

    def _open(self, sealed: bytes) -> Part:
        part = Part.from_octets(unseal(sealed, self._key, queue=self._queue))
        if not 1 <= part.count <= _MAX_PARTS:
            raise Malformed("no envelope has so many parts")
        return part

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
