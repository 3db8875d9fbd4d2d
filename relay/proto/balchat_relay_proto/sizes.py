"""The sizes and counts that both sides must agree on (docs/spec/relay.md, Limits)."""

from typing import Final

ENVELOPE_SIZES: Final = (16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024)
"""Octets of a sealed envelope on the wire: one of these."""

MAX_ENVELOPE: Final = ENVELOPE_SIZES[-1]

MAX_INBOX_ENVELOPE: Final = ENVELOPE_SIZES[1]
"""Octets of the largest envelope that an inbox takes. A contact request needs less."""

CARD_SIZE: Final = 4096
"""Octets of a first-contact card on the wire."""

BLOB_OVERHEAD: Final = 16
"""Octets that sealing adds to a padded part of a file."""

BLOB_SIZES: Final = tuple(size * 1024 + BLOB_OVERHEAD for size in (64, 256, 1024, 4096))
"""Octets of a blob on the wire: one of these."""

MAX_BLOBS_DELETED: Final = 256
"""Blobs in one request to delete."""

MAX_REQUEST: Final = MAX_ENVELOPE + 4096
"""Octets of a request's body: the largest envelope, and the other fields. Only a blob is larger."""

MAX_REPLY: Final = 2 * MAX_ENVELOPE + 64 * 1024
"""Octets of a reply's body."""

MAX_FETCHED: Final = 256
"""Envelopes in one reply to Fetch. Together they have at most 1 MiB."""

MAX_FETCHED_OCTETS: Final = MAX_ENVELOPE

MAX_ACKNOWLEDGED: Final = 1024
"""Envelope ids in one acknowledgement."""

MAX_CARDS: Final = 128
MAX_TOKENS: Final = 128
"""Cards and one-time tokens in one publication."""

MAX_FRAME: Final = 64 * 1024
"""Octets of a client's frame on the WebSocket. The largest is an acknowledgement."""

MAX_SUBSCRIPTIONS: Final = 1024
"""Queues on one WebSocket."""

MAX_PERMIT: Final = 128
"""Octets of an invitation or password, as UTF-8."""

MAX_RETRY_AFTER: Final = 30 * 24 * 3600
"""Seconds. Longer times are cut to this."""

DIGEST_SIZE: Final = 32
CAPABILITY_SIZE: Final = 32
CHALLENGE_SIZE: Final = 32
ONION_KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
