"""What the payloads of ACK and REFUSE say (docs/spec/direct-transport.md, "Answers")."""

from re import compile as pattern
from typing import Final

from balchat_host.api.transport import Disposition
from balchat_transport_tor_direct.faults import violation
from balchat_transport_tor_direct.frames import Frame, FrameType

NEVER: Final = 0xFFFFFFFF
"""The wait of a REFUSE that is for good."""
_REASON: Final = pattern(rb"[a-z0-9-]{0,64}")
_WORD: Final = 4


def ack(first: int, count: int) -> Frame:
    """Say that `count` envelopes from `first` on are committed."""
    return Frame(FrameType.ACK, first, count.to_bytes(_WORD))


def read_ack(frame: Frame) -> int:
    """Return the count of an ACK."""
    return int.from_bytes(frame.payload)


def refuse(number: int, disposition: Disposition) -> Frame:
    """Say that envelope `number` was not taken."""
    after = disposition.retry_after
    wait = NEVER if after is None else min(max(round(after * 1000), 0), NEVER - 1)
    reason = (disposition.reason or "").encode()
    # What is not a code may hold what the peer must not read.
    told = reason if _REASON.fullmatch(reason) else b""
    return Frame(FrameType.REFUSE, number, wait.to_bytes(_WORD) + told)


def read_refuse(frame: Frame) -> tuple[str | None, float | None]:
    """Return the reason code, and the seconds to wait or None for ever. Raise ProtocolViolation (L6)."""
    wait, reason = int.from_bytes(frame.payload[:_WORD]), frame.payload[_WORD:]
    if not _REASON.fullmatch(reason):
        raise violation("L6", "REFUSE with a reason that is not a code")
    return reason.decode() or None, None if wait == NEVER else wait / 1000
