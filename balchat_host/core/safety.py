"""Safety numbers, which two people read to each other so that nobody stands between them: docs/spec/chat-code.md."""

import hashlib
from typing import Final

from balchat_host.api.types import PeerId

_GROUPS: Final = 12
_GROUP_DIGITS: Final = 5
_OCTETS_A_GROUP: Final = 5


def safety_number(one: PeerId, other: PeerId) -> str:
    """Return twelve groups of five digits, about 199 bits of a SHA-512 over both peer ids; the same from both sides."""
    lower, higher = sorted((one, other))
    hashed = hashlib.sha512(b"balchat-safety-number-v1\0" + lower.octets + higher.octets).digest()
    pieces = (hashed[i * _OCTETS_A_GROUP : (i + 1) * _OCTETS_A_GROUP] for i in range(_GROUPS))
    return " ".join(f"{int.from_bytes(piece) % 10**_GROUP_DIGITS:05}" for piece in pieces)
