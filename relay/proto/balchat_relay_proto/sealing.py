"""Sealed envelopes: HPKE base mode (RFC 9180) to the queue owner's X-Wing key, in four sizes (docs/spec/relay.md).

`info` holds the queue's id, so an envelope opens only in the queue that it was sealed for.
"""

from typing import Final

from balchat_common.x_wing import (
    OPENING_KEY_SIZE,
    SEAL_OVERHEAD,
    SEALING_KEY_SIZE,
    CannotOpen,
    OpeningKey,
    SealingKey,
)

from balchat_relay_proto.sizes import DIGEST_SIZE, ENVELOPE_SIZES

__all__ = [
    "MAX_CONTENT",
    "OPENING_KEY_SIZE",
    "OVERHEAD",
    "SEALING_KEY_SIZE",
    "CannotOpen",
    "OpeningKey",
    "SealingKey",
    "seal",
    "unseal",
]

_INFO: Final = b"balchat-relay-seal-v1\x00"
_LENGTH_SIZE: Final = 4

OVERHEAD: Final = SEAL_OVERHEAD + _LENGTH_SIZE
"""Octets that sealing adds, without padding."""

MAX_CONTENT: Final = ENVELOPE_SIZES[-1] - OVERHEAD
"""Octets of content that fit into the largest envelope."""


def seal(content: bytes, key: SealingKey, *, queue: bytes) -> bytes:
    """Seal at most MAX_CONTENT octets for a queue. The result has the smallest of ENVELOPE_SIZES that holds them.

    Raise ValueError where the content is too large, or the key is not a key.
    """
    size = next((size for size in ENVELOPE_SIZES if len(content) + OVERHEAD <= size), None)
    if size is None:
        raise ValueError(f"{len(content)} octets do not fit into one envelope; at most {MAX_CONTENT} do")
    padding = bytes(size - OVERHEAD - len(content))
    return key.seal(len(content).to_bytes(_LENGTH_SIZE) + content + padding, info=_info(queue))


def unseal(envelope: bytes, key: OpeningKey, *, queue: bytes) -> bytes:
    """Open an envelope that was sealed for a queue; return its content. Raise CannotOpen."""
    if len(envelope) not in ENVELOPE_SIZES:
        raise CannotOpen("no envelope has this size")
    plaintext = key.unseal(envelope, info=_info(queue))
    end = _LENGTH_SIZE + int.from_bytes(plaintext[:_LENGTH_SIZE])
    if end > len(plaintext) or plaintext.count(0, end) != len(plaintext) - end:
        raise CannotOpen("its padding is wrong")
    return plaintext[_LENGTH_SIZE:end]


def _info(queue: bytes) -> bytes:
    if len(queue) != DIGEST_SIZE:
        raise ValueError(f"a queue's id has {DIGEST_SIZE} octets, not {len(queue)}")
    return _INFO + queue
